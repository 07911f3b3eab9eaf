-- Read a story, its members and its history in one round trip; of a merged one, its survivor's.
--
-- KEYS  1 T:j:SHARD  HASH  digest of the story id -> N of its founder
-- and, by name, in the same slot: T:s:BLOCK, T:sm:N, T:sh:N.
-- ARGV  1 T, 2 id field, 3 stories in a block, 4 most members
-- Returns nil, or {N, record, 1 if the id was merged away, members in order of joining (empty for one or none),
-- feed ids of the history}.

local MERGED = 1
local known = redis.call('HGET', KEYS[1], ARGV[2])
if not known then return nil end
local tag, block, number, redirected = ARGV[1], tonumber(ARGV[3]), struct.unpack('<I4', known), 0
while true do
  local record = redis.call('HGET', tag .. ':s:' .. math.floor(number / block), number % block)
  if not record then return nil end
  local state, canonical = struct.unpack('<BI4', record)
  if state ~= MERGED then
    local members = redis.call('LRANGE', tag .. ':sm:' .. number, 0, ARGV[4] - 1)
    return { number, record, redirected, members, redis.call('LRANGE', tag .. ':sh:' .. number, 0, -1) }
  end
  number, redirected = canonical, 1
end
