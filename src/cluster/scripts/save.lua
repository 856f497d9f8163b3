#!lua flags=allow-oom
-- Keeps what a room remembers of its hosts. KEYS: room. ARGV: the epoch of the owner, the record, for how long the room
-- is kept in ms ('' for ever). Returns whether it is kept. A room that Redis has forgotten keeps it too: its owner is
-- about to claim it again.
local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch')) or 0
if epoch > tonumber(ARGV[1]) then
  return 0
end
redis.call('HSET', KEYS[1], 'record', ARGV[2])
if ARGV[3] == '' then
  redis.call('PERSIST', KEYS[1])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 1
