-- Admit a batch of articles of one language: one atomic step that inserts their bands and
-- looks their candidates up, so that of two near-duplicates at least one sees the other.
-- The order of admission is the order of the pending list.
--
-- KEYS  1 T:seq      STRING  number of the newest article
--       2 T:p:LANG   LIST    entries that wait: kind, N u32, old N u32, ms f64, candidates (N u32, bands u8)
--       3 T:langs    SET     languages
--       4 T:taken    ZSET    id field -> us of its takedown (remove.lua)
-- and, by name, in the same slot: T:i:SHARD HASH digest of the id -> N; T:r:N and T:t:N of the
-- articles; the index (index.lua).
-- ARGV  1 T, 2 LANG, 3 now in ms, 4 longest life of a segment in ms, 5 when the queue took them in us
--       (empty: not known), then for each article:
--       shard, id field, content digest (16 bytes), text digest (16), bands (u32 each, or empty),
--       body, document (or empty)
-- Returns for each article {status, N}; status 0 unchanged (it stands, or a version that the queue took later does),
-- 1 added, 2 revised, 3 taken down since the queue took it.

local lang, now, span = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local CANDIDATES = 64
local index = load_index(lang)
local accepted, takedowns = tonumber(ARGV[5]), redis.call('EXISTS', KEYS[4]) == 1
local time = redis.call('TIME')
local since = struct.pack('<d', accepted or time[1] * 1000000 + time[2])
local newest = tonumber(redis.call('GET', KEYS[1]) or 0)
local waiting = {}

local function put_in_line()
  if #waiting > 0 then redis.call('RPUSH', KEYS[2], unpack(waiting)) end
  waiting = {}
end

local function candidates(shared)
  local order, packed = {}, {}
  for number in pairs(shared) do order[#order + 1] = number end
  table.sort(order, function(a, b)
    if shared[a] ~= shared[b] then return shared[a] > shared[b] end
    return a < b
  end)
  for i = 1, math.min(#order, CANDIDATES) do
    packed[i] = u32(order[i]) .. string.char(math.min(255, shared[order[i]]))
  end
  return table.concat(packed)
end

local function admit(shard, field, content, digest, hashes, body, document)
  if accepted and takedowns and tonumber(redis.call('ZSCORE', KEYS[4], field) or 0) >= accepted then return { 3, 0 } end
  local ids = tag .. ':i:' .. shard
  local known = redis.call('HGET', ids, field)
  local old, revision = 0, 1
  if known then
    old = struct.unpack('<I4', known)
    local head = redis.call('GETRANGE', record_of(old), 0, HEADER - 1)
    if accepted and struct.unpack('<d', head, 45) > accepted then return { 0, old } end
    if string.sub(head, 7, 22) == content then
      redis.call('SETRANGE', record_of(old), 44, since)
      return { 0, old }
    end
    revision = struct.unpack('<I4', head, 3) + 1
    put_in_line() -- what came before stands before the entry that retiring leaves
    retire(old, '\2', ARGV[3])
  end
  newest = newest + 1
  local number, mine, shared = newest, u32(newest), {}
  local twin, home, heirs = twin_of(index, digest)
  if twin then
    -- The same text is in the index: meet it there, and take no room.
    shared[twin], hashes = 255, ''
    remember_text(index, home, digest, mine, heirs)
  else
    local segment = open_segment(index, now, span)
    remember_text(index, segment, digest, mine, 0)
    meet_bands(index, hashes, function(other) shared[other] = (shared[other] or 0) + 1 end, segment, mine)
    segment.count, segment.last, segment.grown = segment.count + 1, now, true
  end
  redis.call('SET', record_of(number), '\2\0' .. u32(revision) .. content .. digest
    .. string.char(#hashes / 4) .. '\0' .. string.sub(lang .. '   ', 1, 3) .. '\0' .. since .. hashes .. body)
  if document ~= '' then redis.call('SET', tag .. ':t:' .. number, document) end
  redis.call('HSET', ids, field, mine)
  waiting[#waiting + 1] = '\1' .. mine .. u32(old) .. struct.pack('<d', now) .. candidates(shared)
  return { old > 0 and 2 or 1, number }
end

local results = {}
for at = 6, #ARGV, 7 do
  results[#results + 1] =
    admit(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5], ARGV[at + 6])
end
if #waiting > 0 then
  put_in_line()
  save_index(index)
  redis.call('SET', KEYS[1], newest)
  redis.call('SADD', KEYS[3], lang)
end
return results
