-- Admit a batch of articles of one language: what each is gets its number and its place in line.
-- The order of admission is the order of the pending list.
--
-- KEYS  1 T:seq      STRING  number of the newest article
--       2 T:p:LANG   LIST    entries that wait: kind, N u32, old N u32, ms f64
--       3 T:langs    SET     languages
--       4 T:taken    ZSET    id field -> us of its takedown (remove.lua)
-- and, by name, in the same slot: T:i:SHARD HASH digest of the id -> N; T:r:N (retire.lua) and T:t:N of the
-- articles.
-- ARGV  1 T, 2 LANG, 3 now in ms, 4 when the queue took them in us (empty: not known), then for each article:
--       shard, id field, content digest (16 bytes), text digest (16), bands (u32 each, or empty),
--       body, document (or empty)
-- Returns for each article {status, N}; status 0 unchanged (it stands, or a version that the queue took later does),
-- 1 added, 2 revised, 3 taken down since the queue took it.

local lang, now = ARGV[2], tonumber(ARGV[3])
local accepted, takedowns = tonumber(ARGV[4]), redis.call('EXISTS', KEYS[4]) == 1
local time = redis.call('TIME')
local since = struct.pack('<d', accepted or time[1] * 1000000 + time[2])
local newest = tonumber(redis.call('GET', KEYS[1]) or 0)
local waiting = {}

local function put_in_line()
  if #waiting > 0 then redis.call('RPUSH', KEYS[2], unpack(waiting)) end
  waiting = {}
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
  redis.call('SET', record_of(newest), '\2\0' .. u32(revision) .. content .. digest
    .. string.char(#hashes / 4) .. '\0' .. string.sub(lang .. '   ', 1, 3) .. '\0' .. since .. hashes .. body)
  if document ~= '' then redis.call('SET', tag .. ':t:' .. newest, document) end
  redis.call('HSET', ids, field, u32(newest))
  waiting[#waiting + 1] = '\1' .. u32(newest) .. u32(old) .. struct.pack('<d', now)
  return { old > 0 and 2 or 1, newest }
end

local results = {}
for at = 5, #ARGV, 7 do
  results[#results + 1] =
    admit(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5], ARGV[at + 6])
end
if #waiting > 0 then
  put_in_line()
  redis.call('SET', KEYS[1], newest)
  redis.call('SADD', KEYS[3], lang)
end
return results
