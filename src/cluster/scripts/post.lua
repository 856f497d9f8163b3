#!lua
-- Numbers a post and keeps it. KEYS: room, log, removed posts, the post's key. ARGV: the epoch of the owner, the highest
-- number that it knows, about how many posts a log keeps ('' for all), for how long the room is kept in ms ('' for
-- ever), for how long the key is in ms, the key, and then the author, name, text and time. Returns what became of it,
-- its number, and of a post that was there before its fields.
local room = redis.call('HMGET', KEYS[1], 'epoch', 'n')
local epoch, mine = tonumber(room[1]) or 0, tonumber(ARGV[1])
if epoch > mine then
  return { 'fenced' }
elseif epoch < mine then
  return { 'forgot' }
end
local n = tonumber(room[2]) or 0
if n < tonumber(ARGV[2]) then
  return { 'behind' }
end
local known = redis.call('GET', KEYS[4])
if known then
  local entries = redis.call('XRANGE', KEYS[2], known .. '-0', known .. '-0')
  return { 'known', known, entries, redis.call('HGET', KEYS[3], known) }
end
n = n + 1
local function add()
  local entry = { string.format('%.0f-0', n), 'id', ARGV[7], 'name', ARGV[8], 'text', ARGV[9], 'at', ARGV[10], 'key',
    ARGV[6] }
  if ARGV[3] == '' then
    return redis.pcall('XADD', KEYS[2], unpack(entry))
  end
  return redis.pcall('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], unpack(entry))
end
local added = add()
if type(added) == 'table' and added.err then
  -- The log has later posts, if the room was deleted or evicted without it.
  local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
  n = last and tonumber(string.match(last[1], '^%d+')) + 1 or n
  added = add()
  if type(added) == 'table' and added.err then
    return added
  end
end
redis.call('HSET', KEYS[1], 'n', n)
redis.call('SET', KEYS[4], string.format('%.0f', n), 'PX', ARGV[5])
for i = 1, 3 do
  if ARGV[4] == '' then
    redis.call('PERSIST', KEYS[i])
  else
    redis.call('PEXPIRE', KEYS[i], ARGV[4])
  end
end
return { 'new', string.format('%.0f', n) }
