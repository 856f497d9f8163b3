#!lua flags=allow-oom
-- Hands a room to another node. KEYS: nodes, room. ARGV: the owner, its epoch, the other node. Returns the new epoch,
-- or 0 if that owner does not own the room any more, or the other node is dead.
local room = redis.call('HMGET', KEYS[2], 'owner', 'epoch')
local epoch = epoch_of(room[2])
if room[1] ~= ARGV[1] or epoch ~= tonumber(ARGV[2]) or not is_alive(KEYS[1], ARGV[3]) then
  return 0
end
redis.call('HSET', KEYS[2], 'owner', ARGV[3], 'epoch', text_of(epoch + 1))
return epoch + 1
