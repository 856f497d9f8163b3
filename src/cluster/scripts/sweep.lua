#!lua flags=allow-oom
-- Deletes some of a room's posts from before a time. KEYS: log, removed posts. ARGV: the time in ms since 1970, how many
-- at once. Returns whether there may be more.
local entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[2])
local old = 0
for _, entry in ipairs(entries) do
  local at = 0
  for i = 1, #entry[2], 2 do
    if entry[2][i] == 'at' then
      at = tonumber(entry[2][i + 1]) or 0
    end
  end
  if at >= tonumber(ARGV[1]) then
    break
  end
  redis.call('XDEL', KEYS[1], entry[1])
  old = old + 1
end
local removed = redis.call('HGETALL', KEYS[2])
for i = 1, #removed, 2 do
  local is_post, post = pcall(cjson.decode, removed[i + 1])
  if not is_post or (tonumber(post.at) or 0) < tonumber(ARGV[1]) then
    redis.call('HDEL', KEYS[2], removed[i])
  end
end
return (old > 0 and old == #entries) and 1 or 0
