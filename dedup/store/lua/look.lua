-- Read an article and where it belongs in one round trip.
--
-- KEYS  1 T:i:SHARD  HASH  digest of the id -> N
-- and, by name, in the same slot: T:r:N, T:t:N, T:m:BLOCK, T:s:BLOCK.
-- ARGV  1 T, 2 id field, 3 articles (stories) in a block, 4 1 to return documents and who stands beside it
-- Returns nil, or {N, record, membership or false, story record or false, canonical's record or false,
-- document or false, N and record of its group's representative, its story's founder and the article it is linked
-- to in turn, document of the last or false}.

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
local document, beside, other = false, {}, false
if ARGV[4] == '1' then
  document = redis.call('GET', tag .. ':t:' .. number)
  local places = membership and { struct.unpack('<I4I4I4', membership) } or {}
  for i = 1, math.min(3, #places) do
    if places[i] > 0 and places[i] ~= number then
      beside[#beside + 1] = places[i]
      beside[#beside + 1] = redis.call('GET', tag .. ':r:' .. places[i])
      if i == 3 then other = redis.call('GET', tag .. ':t:' .. places[i]) end
    end
  end
end
return { number, redis.call('GET', tag .. ':r:' .. number), membership, story, canonical, document, beside, other }
