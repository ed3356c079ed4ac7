-- Settles what is over. Of what was given up before, what it was expected to cost is spent already, and only what it cost beyond that is added.
-- A batch that came before and could not be answered is not settled twice. `accounts` holds the places of a settlement's accounts in KEYS, a caller's first.
if is_known_batch() then
  return 0
end
for _, over in ipairs(cjson.decode(ARGV[1])) do
  for index, at in ipairs(over.accounts) do
    local account = open(at)
    if redis.call('ZREM', account.leases, over.lease) == 1 then
      account.reserved = math.max(0, account.reserved - over.reserved_nanos)
      spend(account, over.nanos)
      if over.counts_tokens and index < #over.accounts then
        account.tokens = math.max(0, account.tokens + (over.tokens - over.reserved_tokens) * PARTS)
      end
    else
      spend(account, math.max(0, over.nanos - over.reserved_nanos))
    end
    save(account)
  end
end
return 0
