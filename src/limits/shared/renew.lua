-- What is still under way is given up later. Each argument but the first is a lease, with the place of its set in KEYS before it.
for index = 2, #ARGV, 2 do
  redis.call('ZADD', KEYS[tonumber(ARGV[index])], 'XX', now + tonumber(ARGV[1]), ARGV[index + 1])
end
return 0
