-- Take one article down: its text and its index entries go now, its membership when the drain
-- meets the entry left on the pending list.
--
-- KEYS  1 T:i:SHARD  HASH  digest of the id -> N
-- and, by name, in the same slot: T:r:N, T:t:N, T:p:LANG (admit.lua), the index (index.lua).
-- ARGV  1 T, 2 id field, 3 now in ms
-- Returns the language it was in, or nil when there is no such article.

local known = redis.call('HGET', KEYS[1], ARGV[2])
if not known then return nil end
redis.call('HDEL', KEYS[1], ARGV[2])
return retire(struct.unpack('<I4', known), '\3', ARGV[3])
