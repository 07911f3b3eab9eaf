-- What the scripts share: the LSH index of one language and the header of a record.
--
--   T:lsh:LANG         HASH    n -> newest SEG; SEG -> "bits capacity count first-ms last-ms"
--   T:b:LANG:SEG:PAGE  STRING  cells of 7 bytes, oldest first: upper half of a hash (2), its band (1; 0 is
--                              the text's digest), N u32; PAGE is the lower half of the hash (2 bytes, as
--                              they stand), in a segment of more than 16 bits some of the next byte too
--   T:r:N              STRING  header: version, state (0 stands, 1 retired), revision u32,
--                              content digest (16 bytes), text digest (16), bands stored, 0,
--                              language (3, space-padded), 0, when the queue took it in us f64;
--                              then bands (u32 each), body
--
-- A segment takes insertions until it is full or too old; look-ups go through all that live.
-- Its cells lie on 2^bits pages, some dozens on each: all bands of an article are read by one MGET,
-- and each is entered by an APPEND of seven bytes, which is all that the append-only file gets to see; while pages
-- are short, by one MSET of them all.  Inside a script it is the number of calls that counts.

local tag, call, sub, find = ARGV[1], redis.call, string.sub, string.find
local HEADER, CELL, BITS = 52, 7, 16
local MOST = 16 -- cells of one hash: the newest; of one digest: the oldest
local SHORT = MOST * CELL -- bytes: pages below it, on which no hash is full, are written whole, all by one MSET

local function u32(n) return struct.pack('<I4', n) end

local function record_of(number) return tag .. ':r:' .. number end

local function load_index(lang)
  local index = { lang = lang, key = tag .. ':lsh:' .. lang, prefix = tag .. ':b:' .. lang .. ':', newest = 0 }
  local stored = call('HGETALL', index.key)
  for i = 1, #stored, 2 do
    if stored[i] == 'n' then
      index.newest = tonumber(stored[i + 1])
    else
      local bits, capacity, count, first, last = string.match(stored[i + 1], '(%d+) (%d+) (%d+) (%d+) (%d+)')
      index[#index + 1] = {
        id = tonumber(stored[i]), bits = tonumber(bits), capacity = tonumber(capacity),
        count = tonumber(count), first = tonumber(first), last = tonumber(last),
      }
    end
  end
  table.sort(index, function(a, b) return a.id < b.id end)
  return index
end

local function save_index(index)
  local words = { 'n', index.newest }
  for _, segment in ipairs(index) do
    if segment.grown then
      words[#words + 1] = segment.id
      words[#words + 1] = string.format('%d %d %d %.0f %.0f',
        segment.bits, segment.capacity, segment.count, segment.first, segment.last)
    end
  end
  call('HSET', index.key, unpack(words))
end

local function open_segment(index, now, span)
  local last = index[#index]
  if last and last.count < last.capacity and now - last.first <= span then return last end
  local bits = BITS
  if last then
    bits = last.bits
    if last.count >= last.capacity then bits = math.min(22, bits + 3) end
  end
  index.newest = index.newest + 1
  local fresh = { id = index.newest, bits = bits, capacity = 2 ^ (bits + 1), count = 0, first = now, last = now }
  index[#index + 1] = fresh
  return fresh
end

-- The page of the hash at `at` in `hashes`.
local function page_of(index, segment, hashes, at)
  local prefix = segment.prefix
  if not prefix then
    prefix = index.prefix .. segment.id .. ':'
    segment.prefix, segment.wide = prefix, 2 ^ (segment.bits - BITS)
  end
  if segment.wide == 1 then return prefix .. sub(hashes, at, at + 1) end
  return prefix .. sub(hashes, at, at + 1) .. string.char(string.byte(hashes, at + 2) % segment.wide)
end

-- What a cell of that hash begins with.
local bytes = {}
local function mark_of(hashes, at, band)
  local byte = bytes[band]
  if not byte then
    byte = string.char(band)
    bytes[band] = byte
  end
  return sub(hashes, at + 2, at + 3) .. byte
end

-- Where the next cell with `mark` begins on a page, after `at`.
local function next_cell(page, mark, at)
  repeat
    at = find(page, mark, at + 1, true)
  until not at or at % CELL == 1
  return at
end

-- The numbers in the cells with `mark` on a page (or false), packed as they stand, in order.
local function cells_of(page, mark)
  local found = {}
  local at = page and next_cell(page, mark, 0)
  while at do
    found[#found + 1] = sub(page, at + 3, at + 6)
    at = next_cell(page, mark, at)
  end
  return found
end

local function digest_of(packed)
  return call('GETRANGE', record_of(struct.unpack('<I4', packed)), 22, 37)
end

-- N of the article that stands in the index for this very text, if any; its segment and its heirs there.
local function twin_of(index, digest)
  for _, segment in ipairs(index) do
    local cells = cells_of(call('GET', page_of(index, segment, digest, 1)), mark_of(digest, 1, 0))
    for _, one in ipairs(cells) do
      if digest_of(one) == digest then return struct.unpack('<I4', one), segment, #cells - 1 end
    end
  end
end

-- Remember N for its text, after `heirs` others: the first stands in the index, the next are its heirs.
local function remember_text(index, segment, digest, mine, heirs)
  if heirs + 1 < MOST then
    call('APPEND', page_of(index, segment, digest, 1), mark_of(digest, 1, 0) .. mine)
  end
end

-- Call `meet` with every number that shares a band, once for each; enter `mine` into segment `open` (or nowhere).
local function meet_bands(index, hashes, meet, open, mine)
  local count = #hashes / 4
  if count == 0 then return end
  for _, segment in ipairs(index) do
    local names = {}
    for band = 1, count do names[band] = page_of(index, segment, hashes, 4 * band - 3) end
    local pages = call('MGET', unpack(names))
    local whole, place_of = {}, {}
    for band = 1, count do
      local page, mark = pages[band], mark_of(hashes, 4 * band - 3, band)
      local at = page and next_cell(page, mark, 0)
      local met, oldest, place = 0
      while at do
        local number = struct.unpack('<I4', page, at + 3)
        meet(number)
        met = met + 1
        if met == 1 or number < oldest then oldest, place = number, at end
        at = next_cell(page, mark, at)
      end
      if segment ~= open then
        -- looked at only
      elseif met < MOST and (not page or #page < SHORT) then
        local name = names[band]
        local at = place_of[name] -- of another band on this very page
        if at then
          whole[at] = whole[at] .. mark .. mine
        else
          at = #whole + 2
          whole[at - 1], whole[at], place_of[name] = name, (page or '') .. mark .. mine, at
        end
      elseif met < MOST then
        call('APPEND', names[band], mark .. mine)
      else
        call('SETRANGE', names[band], place + 2, mine)
      end
    end
    if #whole > 0 then call('MSET', unpack(whole)) end
  end
end

-- Put `heir` (or nothing) in the place of `mine` among the cells of a hash; say whether it was there.
local function replace(index, segment, hashes, at, band, mine, heir)
  local name = page_of(index, segment, hashes, at)
  local page = call('GET', name)
  local place = page and find(page, mark_of(hashes, at, band) .. mine, 1, true)
  while place and place % CELL ~= 1 do place = find(page, mark_of(hashes, at, band) .. mine, place + 1, true) end
  if not place then return false end
  if heir ~= '' then
    call('SETRANGE', name, place + 2, heir)
  elseif #page == CELL then
    call('DEL', name)
  else
    call('SET', name, sub(page, 1, place - 1) .. sub(page, place + CELL))
  end
  return true
end

-- The eldest of the heirs of a text inherits the bands of the article that leaves it.
local function inherit(heirs, digest, hashes)
  for _, heir in ipairs(heirs) do
    local key = record_of(struct.unpack('<I4', heir))
    local record = call('GET', key)
    if record and sub(record, 23, 38) == digest and string.byte(record, 39) == 0 then
      call('SET', key, sub(record, 1, 38) .. string.char(#hashes / 4)
        .. sub(record, 40, HEADER) .. hashes .. sub(record, HEADER + 1))
      return heir
    end
  end
  return ''
end

-- Take article N out of the index and its text away; a copy of the same text takes its place
-- there.  Its record and its membership stay for the drain, which is told by an entry of kind
-- `kind`.  `now` is ARGV's text of the time in ms.
local function retire(number, kind, now)
  local key = record_of(number)
  local head = call('GETRANGE', key, 0, HEADER - 1 + 4 * 255)
  local lang = string.match(sub(head, 41, 43), '%a+')
  local index, mine = load_index(lang), u32(number)
  local digest, stored = sub(head, 23, 38), string.byte(head, 39)
  local hashes = sub(head, HEADER + 1, HEADER + 4 * stored)
  for _, segment in ipairs(index) do
    local heir = ''
    if replace(index, segment, digest, 1, 0, mine, '') and stored > 0 then
      heir = inherit(cells_of(call('GET', page_of(index, segment, digest, 1)), mark_of(digest, 1, 0)), digest, hashes)
    end
    for band = 1, stored do replace(index, segment, hashes, 4 * band - 3, band, mine, heir) end
  end
  call('SETRANGE', key, 1, '\1')
  call('DEL', tag .. ':t:' .. number)
  call('RPUSH', tag .. ':p:' .. lang, kind .. mine .. u32(0) .. struct.pack('<d', tonumber(now)))
  return lang
end
