#!lua flags=allow-oom
-- A node has forgotten a room: nobody owns it, if it was that node's. KEYS: room. ARGV: the node. Of a room without
-- posts in which hosts have set nothing, nothing is left: epochs grow with the time.
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
