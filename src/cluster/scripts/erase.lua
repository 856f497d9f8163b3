#!lua flags=allow-oom
-- Erases the text of a post. Its number, author, name and time stay, with the removed posts. KEYS: log, removed posts.
-- ARGV: the number, for how long removed posts are kept in ms ('' for ever), up to how many of them stay although they
-- are older than all others. Returns whether there is such a post.
local entry = redis.call('XRANGE', KEYS[1], ARGV[1] .. '-0', ARGV[1] .. '-0')[1]
if not entry then
  return redis.call('HEXISTS', KEYS[2], ARGV[1])
end
local post = {}
for i = 1, #entry[2], 2 do
  post[entry[2][i]] = entry[2][i + 1]
end
redis.call('HSET', KEYS[2], ARGV[1], cjson.encode({ id = post.id, name = post.name, at = post.at }))
if ARGV[2] ~= '' then
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
end
redis.call('XDEL', KEYS[1], ARGV[1] .. '-0')
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if first and redis.call('HLEN', KEYS[2]) > tonumber(ARGV[3]) then
  local oldest = tonumber(string.match(first[1], '^%d+'))
  for _, n in ipairs(redis.call('HKEYS', KEYS[2])) do
    if (tonumber(n) or 0) < oldest then
      redis.call('HDEL', KEYS[2], n)
    end
  end
end
return 1
