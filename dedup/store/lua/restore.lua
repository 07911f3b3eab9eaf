-- Put articles of one language back, as an export has them, into the store and its index.
--
-- KEYS  1 T:langs  SET  languages
-- and, by name, in the same slot: T:i:SHARD HASH digest of the id -> N; T:r:N and T:t:N of the
-- articles; the index (index.lua).
-- ARGV  1 T, 2 LANG, 3 longest life of a segment in ms, then for each article, in order of N:
--       shard, id field (empty: the id names another revision, or none), N, arrival in ms,
--       text digest (16 bytes; empty: not in the index), bands (u32 each; empty: a copy), record, document (or empty)
-- Returns the number of articles.

local lang, span = ARGV[2], tonumber(ARGV[3])
local index = load_index(lang)
local count = 0
for at = 4, #ARGV, 8 do
  local number, now, digest, hashes = ARGV[at + 2], tonumber(ARGV[at + 3]), ARGV[at + 4], ARGV[at + 5]
  local mine = u32(tonumber(number))
  redis.call('SET', record_of(number), ARGV[at + 6])
  if ARGV[at + 7] ~= '' then redis.call('SET', tag .. ':t:' .. number, ARGV[at + 7]) end
  if ARGV[at + 1] ~= '' then redis.call('HSET', tag .. ':i:' .. ARGV[at], ARGV[at + 1], mine) end
  if digest ~= '' then
    local twin, home, heirs = twin_of(index, digest)
    if twin then
      remember_text(index, home, digest, mine, heirs)
    else
      local segment = open_segment(index, now, span)
      remember_text(index, segment, digest, mine, 0)
      meet_bands({ segment, prefix = index.prefix }, hashes, function() end, segment, mine)
      segment.count, segment.last, segment.grown = segment.count + 1, now, true
    end
  end
  count = count + 1
end
save_index(index)
redis.call('SADD', KEYS[1], lang)
return count
