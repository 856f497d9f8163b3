#!lua flags=allow-oom
-- A node has forgotten a room: nobody owns it, if it was that node's. KEYS: room. ARGV: the node.
if redis.call('HGET', KEYS[1], 'owner') == ARGV[1] then
  redis.call('HDEL', KEYS[1], 'owner')
end
return 1
