#!lua flags=no-writes
-- Reads a part of a room's log. KEYS: log, removed posts. ARGV: the first number, the last one, the most posts, whether
-- the last ones come first (1 or 0). Returns the posts, and all removed ones.
local first, last = ARGV[1] .. '-0', ARGV[2] .. '-0'
local posts
if ARGV[4] == '1' then
  posts = redis.call('XREVRANGE', KEYS[1], last, first, 'COUNT', ARGV[3])
else
  posts = redis.call('XRANGE', KEYS[1], first, last, 'COUNT', ARGV[3])
end
return { posts, redis.call('HGETALL', KEYS[2]) }
