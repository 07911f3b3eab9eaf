-- Say which languages wait for decisions without anybody having been asked of late; now somebody is.
--
-- KEYS  1 T:langs  SET  languages
-- and, by name, in the same slot: T:p:LANG LIST; T:wake:LANG STRING with expiry, set for those alone that are
-- named here: the next arrival would ask nobody.
-- ARGV  1 T, 2 ms for which nobody else is asked
-- Returns the languages.

local found = {}
for _, lang in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if redis.call('LLEN', ARGV[1] .. ':p:' .. lang) > 0
    and redis.call('SET', ARGV[1] .. ':wake:' .. lang, 1, 'NX', 'PX', ARGV[2]) then
    found[#found + 1] = lang
  end
end
table.sort(found)
return found
