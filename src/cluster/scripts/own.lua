#!lua flags=allow-oom
-- A node asks who owns a room, and takes it if it may and no node that is alive owns it. KEYS: nodes, room. ARGV: the
-- node, the latest epoch that it knows, whether it may take the room (1 or 0), for how long a room without posts is
-- kept in ms. Returns the owner, or '' if there is none that is alive, and the epoch.
local room = redis.call('HMGET', KEYS[2], 'owner', 'epoch', 'n', 'record')
local owner = room[1] and string.match(room[1], '^%d+$')
local epoch, known = epoch_of(room[2]), number(ARGV[2]) or 0
local is_mine = owner == ARGV[1] and epoch >= known
if is_mine and epoch == known or owner and owner ~= ARGV[1] and epoch >= known and is_alive(KEYS[1], owner) then
  return { owner, epoch }
end
-- A node that owns the room and does not know the epoch has closed the room and opens it again, or was given it. What
-- it decides from now on needs a new epoch.
if not is_mine and ARGV[3] ~= '1' then
  return { '', epoch }
end
epoch = math.max(epoch + 1, known + 1, now())
redis.call('HSET', KEYS[2], 'owner', ARGV[1], 'epoch', text_of(epoch))
if not room[3] and not room[4] then
  redis.call('PEXPIRE', KEYS[2], ARGV[4])
end
return { ARGV[1], epoch }
