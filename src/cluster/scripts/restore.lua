#!lua
-- Adds posts that Redis has lost, and erases the texts of those that are removed by now. KEYS: room, log. ARGV: the
-- epoch of the owner, the number up to which Redis has all posts after this, for how long the room is kept in ms (''
-- for ever), for how long keys of posts are kept in ms, what the names of these begin with, and then for each post its
-- number, author, name, text ('' if it was removed), time, and key ('' if it has none). Returns what became of it, and
-- the number of the last post.
local room = redis.call('HMGET', KEYS[1], 'epoch', 'n')
local epoch, mine = epoch_of(room[1]), tonumber(ARGV[1])
if epoch > mine then
  return { 'fenced', false }
elseif epoch < mine then
  return { 'forgot', false }
end
local stored = number(room[2]) or 0
if not number(ARGV[2]) or #ARGV > 5 and not number(ARGV[#ARGV - 5]) then
  return redis.error_reply('ERR A log has no such numbers')
end
local n = math.max(stored, number(ARGV[2]))
for i = 6, #ARGV, 6 do
  local at, id, name, text, time, key = unpack(ARGV, i, i + 5)
  local before = redis.call('ZRANGEBYSCORE', KEYS[2], at, at, 'LIMIT', 0, 1)[1]
  -- Of the posts up to the last one, those that are not there are too old.
  if before and text == '' or not before and tonumber(at) > stored then
    local post = cjson.encode({ n = at, id = id, name = name, text = text, at = time, key = key })
    redis.call('ZADD', KEYS[2], at, post)
    if before and before ~= post then
      redis.call('ZREM', KEYS[2], before)
    end
  end
  if key ~= '' and tonumber(at) > stored then
    redis.call('SET', ARGV[5] .. key, at, 'PX', ARGV[4])
  end
  n = math.max(n, tonumber(at))
end
n = text_of(n)
if tonumber(n) > stored then
  redis.call('HSET', KEYS[1], 'n', n)
  keep(KEYS[1], ARGV[3])
  keep(KEYS[2], ARGV[3])
end
return { 'restored', n }
