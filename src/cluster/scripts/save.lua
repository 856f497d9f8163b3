#!lua flags=allow-oom
-- Stores a room's record. KEYS: room. ARGV: the epoch of the owner, the record ('' for none), its version, for how long
-- the room is kept in ms ('' for ever), for how long one without a record and without posts. Returns whether it is
-- stored. That of a room that Redis has forgotten is stored too: its owner is about to claim the room again.
local epoch = epoch_of(redis.call('HGET', KEYS[1], 'epoch'))
if epoch > tonumber(ARGV[1]) then
  return 0
end
-- Without its version, an empty record would count as older than that of a node which has not heard of it.
redis.call('HSET', KEYS[1], 'version', ARGV[3])
local ms = ARGV[4]
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'record', ARGV[2])
else
  redis.call('HDEL', KEYS[1], 'record')
  ms = redis.call('HEXISTS', KEYS[1], 'n') == 1 and ms or ARGV[5]
end
keep(KEYS[1], ms)
return 1
