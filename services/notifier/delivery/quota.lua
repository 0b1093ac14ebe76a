-- One message more within every rate, or how long until there is room. All keys of a call carry the same hash tag.
-- KEYS: one log each (a list of Unix microseconds, oldest first).
-- ARGV: for each log the number of its rates, then count and window in microseconds of each.
-- Returns 0 having noted the message, or the microseconds to wait having changed nothing.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local wait = 0
local kept = {}
local at = 1
for k, log in ipairs(KEYS) do
  local most, longest = 0, 0
  for _ = 1, tonumber(ARGV[at]) do
    local count, window = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    local before = redis.call('LINDEX', log, -count)
    if before then
      wait = math.max(wait, before + window - now)
    end
    most, longest = math.max(most, count), math.max(longest, window)
    at = at + 2
  end
  at = at + 1
  kept[k] = {most, longest}
end
if wait > 0 then
  return wait
end
for k, log in ipairs(KEYS) do
  -- a clock that was put back must not make the log lie about its order
  local last = tonumber(redis.call('LINDEX', log, -1) or 0)
  redis.call('RPUSH', log, math.max(now, last))
  redis.call('LTRIM', log, -kept[k][1], -1)
  redis.call('PEXPIRE', log, math.ceil(kept[k][2] / 1000))
end
return 0
