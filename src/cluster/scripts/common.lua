-- What all scripts have in common. It follows the first line of each.

-- The number of a post, or an epoch, which is a time in ms. Anything else that somebody has written there counts as
-- nothing, so that the room goes on.
local function number(text)
  local n = tonumber(text)
  return n and n >= 0 and n <= MAX_NUMBER and n % 1 == 0 and n or nil
end

-- Without an exponent, which Lua gives large numbers.
local function text_of(n)
  return string.format('%.0f', n)
end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The epoch of a room. One that is far ahead of the clock counts as nothing: no node would follow its owner.
local function epoch_of(text)
  local epoch = number(text)
  return epoch and epoch <= now() + MAX_AHEAD and epoch or 0
end

local function is_alive(nodes, node)
  local alive_until = node and redis.call('ZSCORE', nodes, node)
  return alive_until and tonumber(alive_until) >= now()
end

-- Keeps a key for a time in ms, or for ever if that is ''.
local function keep(key, ms)
  if ms == '' then
    redis.call('PERSIST', key)
  else
    redis.call('PEXPIRE', key, ms)
  end
end

