-- Reserves for every account in KEYS all that is asked, or nothing. The last account is everybody's, one before it the caller's.
local asked = cjson.decode(ARGV[1])

local function drain(account, bucket, limit)
  local elapsed = math.max(0, now - account[bucket .. '_at'])
  account[bucket] = math.max(0, account[bucket] - elapsed * (limit or 1))
  account[bucket .. '_at'] = math.max(account[bucket .. '_at'], now)
end

-- -1 is for ever.
local function wait_ms(used, limit, count)
  if count > limit then
    return -1
  end
  local over = used + (count - limit) * PARTS
  if over <= 0 then
    return 0
  end
  return math.floor((over + limit - 1) / limit)
end

-- The numbers are the places of `Why` in ../book.rs.
local function falls_short(account, terms, day, month)
  if terms.concurrent and redis.call('ZCARD', account.leases) >= terms.concurrent then
    return 1, redis.call('ZCARD', account.leases)
  end
  local wait = terms.requests_per_minute and wait_ms(account.requests, terms.requests_per_minute, 1) or 0
  if wait ~= 0 then
    return 2, wait
  end
  wait = terms.tokens_per_minute and wait_ms(account.tokens, terms.tokens_per_minute, asked.tokens) or 0
  if wait ~= 0 then
    return 3, wait
  end
  local budgets = {{account.day_spent, terms.day_nanos, day}, {account.month_spent, terms.month_nanos, month}}
  for _, budget in ipairs(budgets) do
    local gone = budget[1] + account.reserved
    if budget[2] and asked.nanos > 0 and gone + asked.nanos > budget[2] then
      return budget[3], gone
    end
  end
end

local accounts, why, number = {}, nil, nil
for at, terms in ipairs(asked.accounts) do
  local account = open(at)
  drain(account, 'requests', terms.requests_per_minute)
  drain(account, 'tokens', terms.tokens_per_minute)
  accounts[at] = account
  if not why then
    local is_everybodys = at == #asked.accounts
    why, number = falls_short(account, terms, is_everybodys and 6 or 4, is_everybodys and 7 or 5)
  end
end
for at, terms in ipairs(asked.accounts) do
  local account = accounts[at]
  if not why then
    account.requests = account.requests + (terms.requests_per_minute and PARTS or 0)
    account.tokens = account.tokens + (terms.tokens_per_minute and asked.tokens * PARTS or 0)
    account.reserved = account.reserved + asked.nanos
    redis.call('ZADD', account.leases, now + asked.lease_ms, asked.lease)
  end
  save(account)
end
local first, last = accounts[1], accounts[#accounts]
return {
  why or 0, number or 0, now, first.requests, first.tokens,
  first.day_spent, first.month_spent, last.day_spent, last.month_spent
}
