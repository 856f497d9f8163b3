#!lua flags=no-writes
-- Returns which commands the user of a node may not run, with the keys and channels of nodes. KEYS: a key. ARGV: a
-- channel.
local commands = { { 'TIME' }, { 'SCAN', '0' }, { 'SUBSCRIBE', ARGV[1] }, { 'UNSUBSCRIBE', ARGV[1] },
  { 'PUBLISH', ARGV[1], '' }, { 'DEL', KEYS[1] }, { 'PERSIST', KEYS[1] }, { 'PEXPIRE', KEYS[1], '1' },
  { 'GET', KEYS[1] }, { 'SET', KEYS[1], '' }, { 'HGET', KEYS[1], '' }, { 'HMGET', KEYS[1], '' },
  { 'HEXISTS', KEYS[1], '' }, { 'HSET', KEYS[1], '', '' }, { 'HDEL', KEYS[1], '' }, { 'ZADD', KEYS[1], '0', '' },
  { 'ZREM', KEYS[1], '' }, { 'ZCARD', KEYS[1] }, { 'ZSCORE', KEYS[1], '' }, { 'ZRANGE', KEYS[1], '0', '0' },
  { 'ZRANGEBYSCORE', KEYS[1], '0', '0' }, { 'ZREVRANGEBYSCORE', KEYS[1], '0', '0' },
  { 'ZREMRANGEBYSCORE', KEYS[1], '0', '0' }, { 'ZREMRANGEBYRANK', KEYS[1], '0', '0' } }
local missing = {}
for _, command in ipairs(commands) do
  if not redis.acl_check_cmd(unpack(command)) then
    table.insert(missing, string.lower(command[1]))
  end
end
return missing
