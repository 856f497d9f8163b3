#!lua
-- Numbers a post and keeps it. KEYS: room, log, the post's key. ARGV: the epoch of the owner, the highest number that
-- it knows, how many posts a log keeps ('' for all), for how long the room is kept in ms ('' for ever), for how long
-- the key is kept in ms, the key, and then the author, name, text and time. Returns what became of it, its number, and
-- a post that was there before.
local room = redis.call('HMGET', KEYS[1], 'epoch', 'n')
local epoch, mine = epoch_of(room[1]), tonumber(ARGV[1])
if epoch > mine then
  return { 'fenced' }
elseif epoch < mine then
  return { 'forgot' }
end
local n = number(room[2]) or 0
if n < tonumber(ARGV[2]) then
  return { 'behind' }
end
local known = number(redis.call('GET', KEYS[3]))
if known and known <= n then
  known = text_of(known)
  return { 'known', known, redis.call('ZRANGEBYSCORE', KEYS[2], known, known, 'LIMIT', 0, 1) }
end
-- The log has later posts, if the room was deleted or evicted without it.
local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2]
n = math.max(n, number(last) or 0) + 1
if not number(n) then
  return redis.error_reply('ERR A log has no more numbers')
end
n = text_of(n)
redis.call('ZADD', KEYS[2], n, cjson.encode({ n = n, id = ARGV[7], name = ARGV[8], text = ARGV[9], at = ARGV[10],
  key = ARGV[6] }))
if ARGV[3] ~= '' then
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - ARGV[3])
end
redis.call('HSET', KEYS[1], 'n', n)
redis.call('SET', KEYS[3], n, 'PX', ARGV[5])
keep(KEYS[1], ARGV[4])
keep(KEYS[2], ARGV[4])
return { 'new', n }
