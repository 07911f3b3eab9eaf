-- Look up the candidates of a text without storing anything.
--
-- KEYS  1 T:lsh:LANG  HASH  segments (index.lua)
-- and, by name, in the same slot: the index, T:r:N.
-- ARGV  1 T, 2 LANG, 3 text digest (16 bytes), 4 bands (u32 each, or empty), 5 most candidates
-- Returns N and shared bands in turn, most shared first; 255 means the same text.

local index = load_index(ARGV[2])
local twin = twin_of(index, ARGV[3])
if twin then return { twin, 255 } end
local shared, order, found = {}, {}, {}
meet_bands(index, ARGV[4], function(number)
  if not shared[number] then order[#order + 1] = number end
  shared[number] = (shared[number] or 0) + 1
end)
table.sort(order, function(a, b)
  if shared[a] ~= shared[b] then return shared[a] > shared[b] end
  return a < b
end)
for i = 1, math.min(#order, tonumber(ARGV[5])) do
  found[#found + 1] = order[i]
  found[#found + 1] = shared[order[i]]
end
return found
