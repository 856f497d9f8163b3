#!lua flags=allow-oom
-- Hands a room to another node. KEYS: nodes, room. ARGV: the owner, its epoch, the other node. Returns the new epoch, or
-- 0 if the room is not the owner's any more, or the other node is dead.
local function number(text) -- as in own.lua
  local n = tonumber(text)
  return n and n >= 0 and n < 2 ^ 43 and n % 1 == 0 and n or nil
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local room = redis.call('HMGET', KEYS[2], 'owner', 'epoch')
local epoch = number(room[2]) or 0
local alive_until = redis.call('ZSCORE', KEYS[1], ARGV[3])
if room[1] ~= ARGV[1] or epoch ~= tonumber(ARGV[2]) or not alive_until or tonumber(alive_until) < now then
  return 0
end
redis.call('HSET', KEYS[2], 'owner', ARGV[3], 'epoch', string.format('%.0f', epoch + 1))
return epoch + 1
