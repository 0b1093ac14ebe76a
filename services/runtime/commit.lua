#!lua name=koipond_v2
-- The one place where a partition's state changes in Redis. All keys of a call carry the same hash tag, so the call is
-- atomic on a cluster too. The library's name carries its version: old and new workers can live side by side.

-- KEYS: meta.  Returns the new epoch and the cursor as stored (field, value, ...).
local function claim(keys, _args)
  local epoch = redis.call('HINCRBY', keys[1], 'epoch', 1)
  return {epoch, redis.call('HGETALL', keys[1])}
end

-- KEYS: meta, timers, digests, then one per state.
-- ARGV: epoch; n; n × (field, value); one blob per state key ('' deletes); t; t × (customer, ms or '' to clear); then
-- digests to the end: (customer, bytes or '' to delete).
-- Positions ("position:<topic>") never go back. Returns 'OK', or 'FENCED <why>' having changed nothing.
local function commit(keys, args)
  local meta, timers, digests = keys[1], keys[2], keys[3]
  local epoch = redis.call('HGET', meta, 'epoch')
  if epoch ~= args[1] then
    return 'FENCED epoch ' .. tostring(epoch) .. ', not ' .. args[1]
  end
  local fields = tonumber(args[2])
  local at = 3
  for i = 0, fields - 1 do
    local name, value = args[at + 2 * i], args[at + 2 * i + 1]
    if string.sub(name, 1, 9) == 'position:' then
      local stored = redis.call('HGET', meta, name)
      if stored and tonumber(value) < tonumber(stored) then
        return 'FENCED ' .. name .. ' stands at ' .. stored .. ', beyond ' .. value
      end
    end
  end
  for i = 0, fields - 1 do
    redis.call('HSET', meta, args[at + 2 * i], args[at + 2 * i + 1])
  end
  at = at + 2 * fields
  for k = 4, #keys do
    local blob = args[at]
    at = at + 1
    if blob == '' then
      redis.call('DEL', keys[k])
    else
      redis.call('SET', keys[k], blob)
    end
  end
  local last = at + 2 * tonumber(args[at])
  at = at + 1
  while at < last do
    if args[at + 1] == '' then
      redis.call('ZREM', timers, args[at])
    else
      redis.call('ZADD', timers, args[at + 1], args[at])
    end
    at = at + 2
  end
  while at <= #args do
    if args[at + 1] == '' then
      redis.call('HDEL', digests, args[at])
    else
      redis.call('HSET', digests, args[at], args[at + 1])
    end
    at = at + 2
  end
  return 'OK'
end

redis.register_function('koipond_claim_v2', claim)
redis.register_function('koipond_commit_v2', commit)
