-- One step of counting. Nothing else happens in Redis meanwhile, so what is checked here still holds when it is counted.
--
-- A meter is one count of one limit, such as that of one person. It has three keys: `counts` (a hash: of each kind and
-- window how much was used, and when that window began), `leases` (a sorted set: the claims that run, until when their
-- process is believed alive) and `held` (a hash: how many tokens each of them may still use).
--
-- KEYS: three for each meter. ARGV: step, claim, lease in ms, tokens, when the claim was taken in ms, what each meter
-- allows as JSON, the beginnings of four months around now in ms as JSON, and 1 to give a request back.
-- Returns {now, refusal, rows} as JSON, which is cheaper to read than nested replies; an empty one of them is {}, and
-- nobody reads rows of what is over. A refusal is {meter, kind, window, ms to wait, 1 if it is the first in a minute}, a row
-- {meter, kind, window, most, left, ms until the window ends}. Kinds and windows are numbers, as they stand below.

local step, claim, lease, tokens, taken_at = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local meters, months, is_refunded = cjson.decode(ARGV[6]), cjson.decode(ARGV[7]), ARGV[8] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if taken_at == 0 then taken_at = now end -- nobody heard whether it was taken: a moment ago, if at all

local LENGTHS = { minute = 60000, hour = 3600000, day = 86400000 }
local WINDOWS = { minute = 1, hour = 2, day = 3, month = 4 }
local REQUESTS, TOKENS, RUNNING = 1, 2, 3
local QUIET = 60000 -- for so long a second refusal by the same meter is no news

local function span(window, at)
  local length = LENGTHS[window]
  if length then return at - at % length, at - at % length + length end
  for i = #months - 1, 1, -1 do
    if at >= months[i] then return months[i], months[i + 1] end
  end
  return months[1], months[2]
end

local function keys_of(i) return KEYS[3 * i - 2], KEYS[3 * i - 1], KEYS[3 * i] end

local function used(counts, field, start)
  local kept = redis.call('HMGET', counts, field, field .. ':start')
  if tonumber(kept[2]) ~= start then return 0 end
  return tonumber(kept[1])
end

local function add(counts, field, start, stop, amount)
  redis.call('HSET', counts, field, math.max(0, used(counts, field, start) + amount), field .. ':start', start)
  if redis.call('PTTL', counts) < stop - now then redis.call('PEXPIRE', counts, stop - now) end
end

local function forget_the_dead(i)
  local _, leases, held = keys_of(i)
  local dead = redis.call('ZRANGEBYSCORE', leases, '-inf', now)
  for _, gone in ipairs(dead) do
    redis.call('ZREM', leases, gone)
    redis.call('HDEL', held, gone)
  end
end

-- How many tokens the claims that run may still use; `but` is left out of the sum.
local function reserved(i, but)
  local _, _, held = keys_of(i)
  local sum, all = 0, redis.call('HGETALL', held)
  for j = 1, #all, 2 do
    if all[j] ~= but then sum = sum + tonumber(all[j + 1]) end
  end
  return sum
end

local function keep(i, amount)
  local _, leases, held = keys_of(i)
  redis.call('ZADD', leases, now + lease, claim)
  redis.call('PEXPIRE', leases, lease)
  if meters[i].tokens then
    redis.call('HSET', held, claim, amount)
    redis.call('PEXPIRE', held, lease)
  end
end

local function rows()
  local found = {}
  for i, meter in ipairs(meters) do
    local counts, leases = keys_of(i)
    if meter.running then
      found[#found + 1] = { i, RUNNING, 0, meter.running, math.max(0, meter.running - redis.call('ZCARD', leases)), 0 }
    end
    for window, most in pairs(meter.requests or {}) do
      local start, stop = span(window, now)
      local left = math.max(0, most - used(counts, 'requests:' .. window, start))
      found[#found + 1] = { i, REQUESTS, WINDOWS[window], most, left, stop - now }
    end
    for window, most in pairs(meter.tokens or {}) do
      local start, stop = span(window, now)
      local left = math.max(0, most - used(counts, 'tokens:' .. window, start) - reserved(i))
      found[#found + 1] = { i, TOKENS, WINDOWS[window], most, left, stop - now }
    end
  end
  return found
end

-- Of all numbers that are reached, the one that lasts longest: who comes back when it is over is let in.
local refusal
local function refuse(i, kind, window, wait)
  if not refusal or wait > refusal[4] then refusal = { i, kind, window, wait, 0 } end
end

local function check_tokens(i)
  local counts = keys_of(i)
  for window, most in pairs(meters[i].tokens or {}) do
    local start, stop = span(window, now)
    local spent = used(counts, 'tokens:' .. window, start)
    if spent + tokens > most then
      refuse(i, TOKENS, WINDOWS[window], stop - now)
    elseif spent + reserved(i, claim) + tokens > most then
      refuse(i, TOKENS, WINDOWS[window], 0)
    end
  end
end

local function check(i)
  local counts, leases = keys_of(i)
  if meters[i].running and redis.call('ZCARD', leases) >= meters[i].running then refuse(i, RUNNING, 0, 0) end
  for window, most in pairs(meters[i].requests or {}) do
    local start, stop = span(window, now)
    if used(counts, 'requests:' .. window, start) + 1 > most then refuse(i, REQUESTS, WINDOWS[window], stop - now) end
  end
  check_tokens(i)
end

local function is_taken(i)
  local _, leases = keys_of(i)
  return redis.call('ZSCORE', leases, claim)
end

for i in ipairs(meters) do forget_the_dead(i) end

if step == 'take' then
  -- A client asks once more when an answer of Redis was lost: what was taken then is not taken twice.
  for i in ipairs(meters) do
    if not is_taken(i) then check(i) end
  end
  for i, meter in ipairs(meters) do
    if not refusal and not is_taken(i) then
      for window in pairs(meter.requests or {}) do
        local start, stop = span(window, now)
        add((keys_of(i)), 'requests:' .. window, start, stop, 1)
      end
      keep(i, tokens)
    end
  end
elseif step == 'grow' then
  for i in ipairs(meters) do check_tokens(i) end
  for i in ipairs(meters) do
    if not refusal then keep(i, tokens) end
  end
elseif step == 'renew' then
  for i in ipairs(meters) do keep(i, tokens) end
elseif step == 'settle' then
  for i, meter in ipairs(meters) do
    local counts, leases, held = keys_of(i)
    redis.call('HDEL', held, claim)
    if redis.call('ZREM', leases, claim) == 1 then
      for window in pairs(meter.tokens or {}) do
        local start, stop = span(window, now)
        if tokens > 0 then add(counts, 'tokens:' .. window, start, stop, tokens) end
      end
      for window in pairs(is_refunded and meter.requests or {}) do
        local start, stop = span(window, taken_at)
        local is_brake = window == 'minute' -- on loops, also on those that fail: over soon, and nobody's budget
        if not is_brake and used(counts, 'requests:' .. window, start) > 0 then
          add(counts, 'requests:' .. window, start, stop, -1)
        end
      end
    end
  end
end

if refusal then
  local counts = keys_of(refusal[1])
  local told = tonumber(redis.call('HGET', counts, 'told') or 0)
  if now >= told then
    redis.call('HSET', counts, 'told', now + QUIET)
    if redis.call('PTTL', counts) < QUIET then redis.call('PEXPIRE', counts, QUIET) end
    refusal[5] = 1
  end
end
local is_over = step == 'settle' or step == 'renew'
return cjson.encode({ now, refusal or {}, is_over and {} or rows() })
