#!lua flags=allow-oom
-- Erases the text of a post. Its number, author, name and time stay. KEYS: room, log. ARGV: the epoch of the owner, the
-- number. Returns whether there is such a post, or nothing if the room has a later owner: that may have read the log
-- already, and would show the post on.
if epoch_of(redis.call('HGET', KEYS[1], 'epoch')) > tonumber(ARGV[1]) then
  return nil
end
local json = redis.call('ZRANGEBYSCORE', KEYS[2], ARGV[2], ARGV[2], 'LIMIT', 0, 1)[1]
if not json then
  return 0
end
local is_json, post = pcall(cjson.decode, json)
if not is_json or type(post) ~= 'table' then
  return redis.error_reply('WRONGTYPE A log has an entry that is no post')
end
if post.text ~= '' then
  post.text = ''
  redis.call('ZADD', KEYS[2], ARGV[2], cjson.encode(post))
  redis.call('ZREM', KEYS[2], json)
end
return 1
