-- Token buckets, many requests in one call. Each bucket holds a minute's allowance and refills evenly.
-- KEYS: one per bucket. ARGV[1]: for each request the number of its buckets and 1 if it is taken in any case,
-- then per bucket its allowance and the cost. Answers per request: the place of the bucket that refuses it (0:
-- none), then per bucket what remains, and the milliseconds until the cost fits (if refused) or all is back.
-- Both are texts of numbers, which Python writes and reads several times faster than lists.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local numbers = {}
for number in string.gmatch(ARGV[1], '%S+') do numbers[#numbers + 1] = tonumber(number) end
local answers, key, arg = {}, 0, 1
while arg <= #numbers do
  local count, forced = numbers[arg], numbers[arg + 1] == 1
  local refused, buckets = 0, {}
  for i = 1, count do
    local allowance, cost = numbers[arg + 2 * i], numbers[arg + 2 * i + 1]
    local state = redis.call('HMGET', KEYS[key + i], 'level', 'at')
    local level = tonumber(state[1]) or allowance
    local passed = math.max(now - (tonumber(state[2]) or now), 0)
    level = math.min(allowance, level + passed * allowance / 60000)
    -- What costs more than a minute allows passes a full bucket, or it never could.
    if not forced then cost = math.min(cost, allowance) end
    if refused == 0 and not forced and level < cost then refused = i end
    buckets[i] = {allowance, cost, level}
  end
  answers[#answers + 1] = refused
  for i = 1, count do
    local allowance, cost, level = unpack(buckets[i])
    local wait = cost - level
    if refused == 0 then
      level = math.min(allowance, level - cost)
      redis.call('HSET', KEYS[key + i], 'level', level, 'at', now)
      redis.call('PEXPIRE', KEYS[key + i], 120000)
    end
    if refused ~= i then wait = allowance - level end
    answers[#answers + 1] = math.floor(math.max(level, 0))
    answers[#answers + 1] = math.ceil(math.max(wait, 0) * 60000 / allowance)
  end
  key = key + count
  arg = arg + 2 + 2 * count
end
return table.concat(answers, ' ')
