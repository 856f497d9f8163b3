#!lua flags=allow-oom
-- Deletes some of a room's posts from before a time. KEYS: log. ARGV: the time in ms since 1970, how many at once.
-- Returns whether there may be more.
local old, count = 0, tonumber(ARGV[2])
for _, json in ipairs(redis.call('ZRANGE', KEYS[1], 0, count - 1)) do
  local is_json, post = pcall(cjson.decode, json)
  local at = is_json and type(post) == 'table' and tonumber(post.at) or 0
  if at >= tonumber(ARGV[1]) then
    break
  end
  old = old + 1
end
if old > 0 then
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, old - 1)
end
return old == count and 1 or 0
