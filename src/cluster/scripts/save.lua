#!lua flags=allow-oom
-- Keeps what a room remembers of its hosts. KEYS: room. ARGV: the epoch of the owner, the record ('' for none), for how
-- long the room is kept in ms ('' for ever), for how long one without a record and without posts. Returns whether it is
-- kept. A room that Redis has forgotten keeps it too: its owner is about to claim it again.
local function number(text) -- as in own.lua
  local n = tonumber(text)
  return n and n >= 0 and n < 2 ^ 43 and n % 1 == 0 and n or nil
end
local epoch = number(redis.call('HGET', KEYS[1], 'epoch')) or 0
if epoch > tonumber(ARGV[1]) then
  return 0
end
local keep = ARGV[3]
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'record', ARGV[2])
else
  redis.call('HDEL', KEYS[1], 'record')
  keep = redis.call('HEXISTS', KEYS[1], 'n') == 1 and keep or ARGV[4]
end
if keep == '' then
  redis.call('PERSIST', KEYS[1])
else
  redis.call('PEXPIRE', KEYS[1], keep)
end
return 1
