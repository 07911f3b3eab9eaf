-- What admit.lua and remove.lua share: the header of a record, and how an article goes.
--
--   T:r:N  STRING  header: version, state (0 stands, 1 retired), revision u32,
--                  content digest (16 bytes), text digest (16), bands, 0,
--                  language (3, space-padded), 0, when the queue took it in us f64;
--                  then bands (u32 each), body

local tag, HEADER = ARGV[1], 52

local function u32(n) return struct.pack('<I4', n) end

local function record_of(number) return tag .. ':r:' .. number end

-- Take the text of article N away.  Its record and its membership stay, and its cells in the index, for the drain,
-- which is told by an entry of kind `kind`.  `now` is ARGV's text of the time in ms.
local function retire(number, kind, now)
  local key = record_of(number)
  local lang = string.match(redis.call('GETRANGE', key, 40, 42), '%a+')
  redis.call('SETRANGE', key, 1, '\1')
  redis.call('DEL', tag .. ':t:' .. number)
  redis.call('RPUSH', tag .. ':p:' .. lang, kind .. u32(number) .. u32(0) .. struct.pack('<d', tonumber(now)))
  return lang
end
