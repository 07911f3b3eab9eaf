-- Read an article and where it belongs in one round trip.
--
-- KEYS  1 T:i:SHARD  HASH  digest of the id -> N
-- and, by name, in the same slot: T:r:N, T:t:N, T:m:BLOCK, T:s:BLOCK.
-- ARGV  1 T, 2 id field, 3 articles (stories) in a block, 4 1 to return the document
-- Returns nil, or {N, record, membership or false, story record or false, canonical's record or false,
-- document or false}.

local known = redis.call('HGET', KEYS[1], ARGV[2])
if not known then return nil end
local tag, block = ARGV[1], tonumber(ARGV[3])
local number = struct.unpack('<I4', known)
local function cell(kind, n) return redis.call('HGET', tag .. kind .. math.floor(n / block), n % block) end

local membership = cell(':m:', number)
local story, canonical = false, false
if membership then
  story = cell(':s:', struct.unpack('<I4', membership, 5))
  if story then canonical = redis.call('GET', tag .. ':r:' .. struct.unpack('<I4', story, 2)) end
end
local document = ARGV[4] == '1' and redis.call('GET', tag .. ':t:' .. number)
return { number, redis.call('GET', tag .. ':r:' .. number), membership, story, canonical, document }
