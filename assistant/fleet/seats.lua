-- Take one seat on a model host, or keep and give back seats. Nothing else happens in Redis meanwhile, so of two processes
-- that find the same seat free one gets it.
--
-- A deployment's seats are a sorted set: their names, each until when its process is believed alive.
--
-- KEYS: `take`: who has the conversation, the places, then those of the seats that ended. `keep`: places of the seats that are
-- held, then those of the seats that ended. ARGV: step, lease in ms, what is asked as JSON:
--   take: {seat, places: [[slots, 1 if it comes first where it has the conversation, name]], ended: [names], tokens,
--          remember: ms, 0 if it is of no conversation}
--   keep: {held: [names], ended: [names]}
-- `take` returns {number of the place, 0 if none has room; who had the conversation and how many tokens of it}.

local step, lease, asked = ARGV[1], tonumber(ARGV[2]), cjson.decode(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function give_back(after)
  for i, seat in ipairs(asked.ended) do redis.call('ZREM', KEYS[after + i], seat) end
end

local function keep(key, seat)
  redis.call('ZADD', key, now + lease, seat)
  redis.call('PEXPIRE', key, lease)
end

if step == 'keep' then
  give_back(#asked.held)
  for i, seat in ipairs(asked.held) do keep(KEYS[i], seat) end
  return 0
end

local function has_room(i)
  local key = KEYS[1 + i]
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  redis.call('ZREMRANGEBYSCORE', key, '(' .. (now + lease), '+inf') -- of before the clock was set back; the living tell theirs
  return redis.call('ZSCORE', key, asked.seat) or redis.call('ZCARD', key) < asked.places[i][1]
end

give_back(1 + #asked.places)
local held = asked.remember > 0 and redis.call('GET', KEYS[1]) or ''
local holder = string.match(held, '^(.*) %d+$')
local order = {}
for i, place in ipairs(asked.places) do
  if place[2] == 1 and place[3] == holder then table.insert(order, 1, i) else order[#order + 1] = i end
end
for _, i in ipairs(order) do
  if has_room(i) then
    keep(KEYS[1 + i], asked.seat)
    if asked.remember > 0 then
      redis.call('SET', KEYS[1], asked.places[i][3] .. ' ' .. asked.tokens, 'PX', asked.remember)
    end
    return { i, held }
  end
end
return { 0, held }
