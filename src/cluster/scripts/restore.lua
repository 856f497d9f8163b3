#!lua
-- Adds posts that Redis has lost. KEYS: room, log, removed posts. ARGV: the epoch of the owner, the highest number that
-- it knows, for how long the room is kept in ms ('' for ever), for how long keys of posts are in ms, what the names of
-- these begin with, and then for each post its number, author, name, text ('' if it was removed), time, and key ('' if
-- it has none).
local room = redis.call('HMGET', KEYS[1], 'epoch', 'n')
if tonumber(room[1]) ~= tonumber(ARGV[1]) then
  return 0
end
local n = tonumber(room[2]) or 0
for i = 6, #ARGV, 6 do
  local number, id, name, text, at, key = unpack(ARGV, i, i + 5)
  if tonumber(number) > n then
    if text == '' then
      redis.call('HSET', KEYS[3], number, cjson.encode({ id = id, name = name, at = at }))
    else
      -- This fails if the log has later posts: then it has this one too.
      redis.pcall('XADD', KEYS[2], number .. '-0', 'id', id, 'name', name, 'text', text, 'at', at, 'key', key)
    end
    if key ~= '' then
      redis.call('SET', ARGV[5] .. key, number, 'PX', ARGV[4])
    end
    n = tonumber(number)
  end
end
redis.call('HSET', KEYS[1], 'n', math.max(n, tonumber(ARGV[2])))
for i = 1, 3 do
  if ARGV[3] == '' then
    redis.call('PERSIST', KEYS[i])
  else
    redis.call('PEXPIRE', KEYS[i], ARGV[3])
  end
end
return 1
