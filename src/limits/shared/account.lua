-- One account as ../account.rs has it, in two keys: a hash of its counters, and a sorted set of what is under way with the time at which each
-- is given up. Every number is whole. The clock is this server's.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local PARTS = 60000
-- Longer than a month, so that what a month has spent outlasts it.
local KEPT_MS = 35 * 86400000
local FIELDS = {'requests', 'requests_at', 'tokens', 'tokens_at', 'reserved', 'day', 'day_spent', 'month', 'month_spent'}

local function day_number()
  return math.floor(now / 86400000)
end

-- Months since the year 0. Years are reckoned from March, so that the leap day is a year's last.
local function month_number()
  local days = day_number() + 719468
  local cycle = math.floor(days / 146097)
  local in_cycle = days - cycle * 146097
  local leaps = math.floor(in_cycle / 36524) - math.floor(in_cycle / 1460) - math.floor(in_cycle / 146096)
  local year = math.floor((in_cycle + leaps) / 365)
  local in_year = in_cycle - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local from_march = math.floor((5 * in_year + 2) / 153)
  return (cycle * 400 + year) * 12 + from_march + 2
end

local function turn_period(account, name, number)
  if number > account[name] then
    account[name] = number
    account[name .. '_spent'] = 0
  end
end

local function spend(account, nanos)
  account.day_spent = account.day_spent + nanos
  account.month_spent = account.month_spent + nanos
end

-- Reads an account and brings its periods to this moment. What was given up counts as spent: its answer may have been paid for.
local function open(at)
  local account = {hash = KEYS[2 * at - 1], leases = KEYS[2 * at]}
  local values = redis.call('HMGET', account.hash, unpack(FIELDS))
  for index, field in ipairs(FIELDS) do
    account[field] = tonumber(values[index] or 0)
  end
  turn_period(account, 'day', day_number())
  turn_period(account, 'month', month_number())
  local over = redis.call('ZRANGEBYSCORE', account.leases, '-inf', now)
  for _, lease in ipairs(over) do
    local nanos = tonumber(string.match(lease, ':(%d+)$'))
    account.reserved = account.reserved - nanos
    spend(account, nanos)
  end
  if #over > 0 then
    redis.call('ZREMRANGEBYSCORE', account.leases, '-inf', now)
  end
  return account
end

-- Batches of a replica are numbered. The last key holds the number of the last one that came.
local function is_known_batch()
  local number = tonumber(ARGV[2])
  if tonumber(redis.call('GET', KEYS[#KEYS]) or 0) >= number then
    return true
  end
  redis.call('SET', KEYS[#KEYS], string.format('%.0f', number), 'PX', 86400000)
  return false
end

local function save(account)
  local pairs_of_hash = {}
  for _, field in ipairs(FIELDS) do
    table.insert(pairs_of_hash, field)
    table.insert(pairs_of_hash, string.format('%.0f', account[field]))
  end
  redis.call('HSET', account.hash, unpack(pairs_of_hash))
  redis.call('PEXPIRE', account.hash, KEPT_MS)
  redis.call('PEXPIRE', account.leases, KEPT_MS)
end
