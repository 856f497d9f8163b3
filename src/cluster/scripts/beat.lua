#!lua flags=allow-oom
-- The beat of a node. KEYS: nodes. ARGV: the node, for how long it is alive from now in ms, for how long dead nodes are
-- remembered in ms, its channel, the probe that it must hear there. Returns the time in ms, until when the node was
-- alive before, and the nodes that are alive.
local time = now()
local alive_until = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], time + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', time - ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[5])
return { time, alive_until or '0', redis.call('ZRANGEBYSCORE', KEYS[1], time, '+inf') }
