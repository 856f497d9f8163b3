#!lua flags=allow-oom
-- A node has forgotten a room. If the node owned it, nobody does any more. KEYS: room. ARGV: the node. A room without
-- posts and without a record is deleted: its next epoch is higher all the same, because epochs follow the clock.
local room = redis.call('HMGET', KEYS[1], 'owner', 'n', 'record')
if room[1] ~= ARGV[1] then
  return 1
end
if room[2] or room[3] then
  redis.call('HDEL', KEYS[1], 'owner')
else
  redis.call('DEL', KEYS[1])
end
return 1
