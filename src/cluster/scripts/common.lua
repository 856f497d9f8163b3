-- What all scripts can use. It stands after the first line of each.

-- An epoch is a time in ms, and below 2^43 until the year 2248. No room has as many posts. Whatever else somebody has
-- written in the place of such a number counts as nothing, so that the room goes on.
local function number(text)
  local n = tonumber(text)
  return n and n >= 0 and n < 2 ^ 43 and n % 1 == 0 and n or nil
end

-- Without an exponent, which Lua gives large numbers.
local function text_of(n)
  return string.format('%.0f', n)
end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
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

