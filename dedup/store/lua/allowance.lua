-- Take requests out of an API key's allowance: the generic cell rate algorithm (ITU-T I.371) with a burst of a second.
--
-- KEYS  1 {access}:key:ID   HASH                digest scopes label created revoked rate
--       2 {access}:rate:ID  STRING with expiry  when the next request is due, in microseconds
-- ARGV  1 requests a minute unless the key has its own, 2 requests wanted
-- Returns nil for an unknown key, else digest, scopes, 1 when revoked, requests granted, microseconds to wait for one.

local key = redis.call('HMGET', KEYS[1], 'digest', 'scopes', 'revoked', 'rate')
if not key[1] then return false end
if key[3] then return {key[1], key[2], 1, 0, 0} end
local gap = math.max(1, math.floor(60000000 / tonumber(key[4] or ARGV[1])))
local burst = math.max(1000000, gap)
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local due = math.max(tonumber(redis.call('GET', KEYS[2]) or 0), now)
local granted = math.min(tonumber(ARGV[2]), math.floor((now + burst - due) / gap))
if granted < 1 then return {key[1], key[2], 0, 0, due + gap - burst - now} end
due = due + granted * gap
redis.call('SET', KEYS[2], string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000) + 1000)
return {key[1], key[2], 0, granted, 0}
