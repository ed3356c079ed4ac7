-- What providers' endpoints are left alone, and until when by this server's clock. Each argument is a name with the milliseconds after it; the answer
-- is all that rest, the same way. A rest that is a little longer than the one known is the same one, told on.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local SAME_MS = 1000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for index = 1, #ARGV, 2 do
  local known = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[index]) or 0)
  local ends = now + tonumber(ARGV[index + 1])
  if ends > known + SAME_MS then
    redis.call('ZADD', KEYS[1], ends, ARGV[index])
  end
end
redis.call('PEXPIRE', KEYS[1], 86400000)
local resting = {}
for index, value in ipairs(redis.call('ZRANGE', KEYS[1], 0, 999, 'WITHSCORES')) do
  resting[index] = index % 2 == 1 and value or string.format('%.0f', tonumber(value) - now)
end
return resting
