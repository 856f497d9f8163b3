#!lua flags=allow-oom
-- Erases the text of a post. Its number, author, name and time stay. KEYS: log. ARGV: the number. Returns whether there
-- is such a post.
local json = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[1], 'LIMIT', 0, 1)[1]
if not json then
  return 0
end
local is_json, post = pcall(cjson.decode, json)
if not is_json or type(post) ~= 'table' then
  return redis.error_reply('WRONGTYPE A log has an entry that is no post')
end
if post.text ~= '' then
  post.text = ''
  redis.call('ZADD', KEYS[1], ARGV[1], cjson.encode(post))
  redis.call('ZREM', KEYS[1], json)
end
return 1
