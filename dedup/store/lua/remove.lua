-- Take one article down: its text goes now, its cells in the index and its membership when the drain
-- meets the entry left on the pending list.  What of it is still on its way is passed over by
-- admit.lua, which asks whether the queue took it before now.
--
-- KEYS  1 T:i:SHARD  HASH  digest of the id -> N
--       2 T:taken    ZSET  id field -> us of its takedown
-- and, by name, in the same slot: T:r:N, T:t:N, T:p:LANG (admit.lua).
-- ARGV  1 T, 2 id field, 3 now in ms, 4 us for which a takedown is remembered
-- Returns the language it was in, or nil when there is no such article.

local MOST = 1000000
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('ZADD', KEYS[2], 'GT', string.format('%.0f', now), ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('(%.0f', now - ARGV[4]))
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -MOST - 1)
local known = redis.call('HGET', KEYS[1], ARGV[2])
if not known then return nil end
redis.call('HDEL', KEYS[1], ARGV[2])
return retire(struct.unpack('<I4', known), '\3', ARGV[3])
