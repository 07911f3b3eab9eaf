-- Read a story, its members and its history in one round trip; of a merged one, its survivor's.
--
-- KEYS  1 T:j:SHARD  HASH  digest of the story id -> N of its founder
-- and, by name, in the same slot: T:s:BLOCK, T:sm:N, T:sh:N, T:feed, T:r:N, T:m:BLOCK, T:t:N.
-- ARGV  1 T, 2 id field, 3 stories (articles) in a block, 4 most members, 5 most members told of
-- Returns nil, or {N, record, 1 if the id was merged away, members in order of joining,
-- feed id and packed event of its history in turn; of the first members: records, memberships, documents}.

local MERGED = 1
local known = redis.call('HGET', KEYS[1], ARGV[2])
if not known then return nil end
local tag, block, number, redirected = ARGV[1], tonumber(ARGV[3]), struct.unpack('<I4', known), 0
while true do
  local record = redis.call('HGET', tag .. ':s:' .. math.floor(number / block), number % block)
  if not record then return nil end
  local state, canonical, articles = struct.unpack('<BI4I4', record)
  if state ~= MERGED then
    local members = redis.call('LRANGE', tag .. ':sm:' .. number, 0, ARGV[4] - 1)
    if articles == 0 then members = {} elseif #members == 0 then members = { canonical } end
    local history = {}
    for _, id in ipairs(redis.call('LRANGE', tag .. ':sh:' .. number, 0, -1)) do
      for _, entry in ipairs(redis.call('XRANGE', tag .. ':feed', id, id)) do
        history[#history + 1] = entry[1]
        history[#history + 1] = entry[2][2]
      end
    end
    local records, places, documents = {}, {}, {}
    for i = 1, math.min(#members, tonumber(ARGV[5])) do
      local one = tonumber(members[i])
      records[i] = redis.call('GET', tag .. ':r:' .. one)
      places[i] = redis.call('HGET', tag .. ':m:' .. math.floor(one / block), one % block)
      documents[i] = redis.call('GET', tag .. ':t:' .. one)
    end
    return { number, record, redirected, members, history, records, places, documents }
  end
  number, redirected = canonical, 1
end
