-- What the scripts share: the LSH index of one language and the header of a record.
--
--   T:lsh:LANG           HASH    n -> newest SEG; SEG -> "bits capacity count first-ms last-ms"
--   T:b:LANG:SEG:BAND:G  HASH    bucket -> packed N, newest last, at most 16
--   T:b:LANG:SEG:x:G     HASH    digest of the text -> packed N, the one in the index, then its heirs
--   T:r:N                STRING  header: version, state (0 stands, 1 retired), revision u32,
--                                content digest (16 bytes), text digest (16), bands stored, 0,
--                                language (3, space-padded), 0, when the queue took it in us f64;
--                                then bands (u32 each), body
--
-- A segment takes insertions until it is full or too old; look-ups go through all that live.
-- Its buckets are spread over 2^bits small hashes a band, so that each stays a listpack.

local tag = ARGV[1]
local HEADER, CELL = 52, 64

local function u32(n) return struct.pack('<I4', n) end

local function record_of(number) return tag .. ':r:' .. number end

local function load_index(lang)
  local index = { lang = lang, key = tag .. ':lsh:' .. lang, prefix = tag .. ':b:' .. lang .. ':', newest = 0 }
  local stored = redis.call('HGETALL', index.key)
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
  redis.call('HSET', index.key, unpack(words))
end

local function open_segment(index, now, span)
  local last = index[#index]
  if last and last.count < last.capacity and now - last.first <= span then return last end
  local bits = 10 -- 1,024 hashes a band: 131,072 articles make 128 buckets in each
  if last then
    bits = last.bits
    if last.count >= last.capacity then bits = math.min(16, bits + 3) end
  end
  index.newest = index.newest + 1
  local fresh = { id = index.newest, bits = bits, capacity = 128 * 2 ^ bits, count = 0, first = now, last = now }
  index[#index + 1] = fresh
  return fresh
end

-- Texts of small numbers; making one costs as much as a look-up.
local texts = {}
local function text_of(number)
  local text = texts[number]
  if not text then
    text = string.format('%d', number)
    texts[number] = text
  end
  return text
end

-- The hash and field of a band's bucket: the low bits of the band hash choose the hash, the upper
-- three of its bytes are the field as they stand.
local function bucket(index, segment, band, hashes)
  local at = 4 * band - 3
  local low, next = string.byte(hashes, at, at + 1)
  local keys = segment.keys
  if not keys then
    keys = {}
    segment.keys, segment.groups = keys, 2 ^ segment.bits
  end
  local key = keys[band]
  if not key then
    key = index.prefix .. segment.id .. ':' .. band .. ':'
    keys[band] = key
  end
  return key .. text_of((low + 256 * next) % segment.groups), string.sub(hashes, at + 1, at + 3)
end

local function text_bucket(index, segment, digest)
  local a, b = string.byte(digest, 1, 2)
  return index.prefix .. segment.id .. ':x:' .. ((a + 256 * b) % 2 ^ segment.bits), string.sub(digest, 3, 10)
end

-- N of the article that stands in the index for this very text, if any.
local function twin_of(index, digest)
  for _, segment in ipairs(index) do
    local cell = redis.call('HGET', text_bucket(index, segment, digest))
    if cell then
      local number = struct.unpack('<I4', cell)
      if redis.call('GETRANGE', record_of(number), 22, 37) == digest then return number, segment end
    end
  end
end

-- Remember N for its text: the first stands in the index, the next are its heirs.
local function remember_text(index, segment, digest, mine)
  local key, field = text_bucket(index, segment, digest)
  if redis.call('HSETNX', key, field, mine) == 1 then return end
  local cell = redis.call('HGET', key, field)
  if #cell < CELL then redis.call('HSET', key, field, cell .. mine) end
end

-- Replace `mine` by `heir` (or by nothing) in the cell of a bucket; say whether it was there.
local function replace(key, field, mine, heir)
  local cell = redis.call('HGET', key, field)
  if not cell then return false end
  local kept, found = {}, false
  for at = 1, #cell, 4 do
    local one = string.sub(cell, at, at + 3)
    if one == mine then
      one, found = heir, true
    end
    kept[#kept + 1] = one
  end
  local rest = table.concat(kept)
  if rest == '' then
    redis.call('HDEL', key, field)
  elseif found then
    redis.call('HSET', key, field, rest)
  end
  return found, rest
end

-- Insert the bands of `mine` into `segment` and call `meet` with every number found beside them.
local function insert_bands(index, segment, hashes, mine, meet)
  for band = 1, #hashes / 4 do
    for _, one in ipairs(index) do
      local key, field = bucket(index, one, band, hashes)
      local cell
      if one ~= segment then
        cell = redis.call('HGET', key, field)
      elseif redis.call('HSETNX', key, field, mine) == 0 then
        cell = redis.call('HGET', key, field)
        redis.call('HSET', key, field, string.sub(cell .. mine, -CELL))
      end
      if cell then
        for at = 1, #cell, 4 do meet(struct.unpack('<I4', cell, at)) end
      end
    end
  end
end

-- The first of the `rest` of a text's cell inherits the bands of the article that leaves it.
local function inherit(rest, digest, hashes)
  local heir = string.sub(rest, 1, 4)
  local key = record_of(struct.unpack('<I4', heir))
  local record = redis.call('GET', key)
  if not record or string.sub(record, 23, 38) ~= digest or string.byte(record, 39) > 0 then return '' end
  redis.call('SET', key, string.sub(record, 1, 38) .. string.char(#hashes / 4)
    .. string.sub(record, 40, HEADER) .. hashes .. string.sub(record, HEADER + 1))
  return heir
end

-- Take article N out of the index and its text away; a copy of the same text takes its place
-- there.  Its record and its membership stay for the drain, which is told by an entry of kind
-- `kind`.  `now` is ARGV's text of the time in ms.
local function retire(number, kind, now)
  local key = record_of(number)
  local head = redis.call('GETRANGE', key, 0, HEADER - 1 + 4 * 255)
  local lang = string.match(string.sub(head, 41, 43), '%a+')
  local index, mine = load_index(lang), u32(number)
  local digest, stored = string.sub(head, 23, 38), string.byte(head, 39)
  local hashes = string.sub(head, HEADER + 1, HEADER + 4 * stored)
  local heir = ''
  for _, segment in ipairs(index) do
    local xkey, xfield = text_bucket(index, segment, digest)
    local found, rest = replace(xkey, xfield, mine, '')
    if found and rest ~= '' and stored > 0 then heir = inherit(rest, digest, hashes) end
  end
  for _, segment in ipairs(index) do
    for band = 1, stored do
      local bkey, field = bucket(index, segment, band, hashes)
      replace(bkey, field, mine, heir)
    end
  end
  redis.call('SETRANGE', key, 1, '\1')
  redis.call('DEL', tag .. ':t:' .. number)
  redis.call('RPUSH', tag .. ':p:' .. lang, kind .. mine .. u32(0) .. struct.pack('<d', tonumber(now)))
  return lang
end
