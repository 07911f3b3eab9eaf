-- Commit what the holder of a language's lease decided: all of it or nothing.
--
-- KEYS  1 T:fence:LANG  STRING  newest fencing token
--       2 T:pos:LANG    STRING  pending entries decided so far
--       3 T:p:LANG      LIST    pending entries
--       4 T:feed        STREAM  change events, field e
-- and, by name, in the same slot, whatever the commands write.
-- ARGV  1 T, 2 token, 3 expected position, 4 entries decided, 5 MessagePack list of commands,
--       6 MessagePack list of events: {packed event, keys of histories...}
-- Returns the new position; or an error: FENCED when a newer token was given out,
-- STALE when the position is not the expected one (this commit was done before).

if redis.call('GET', KEYS[1]) ~= ARGV[2] then return redis.error_reply('FENCED a newer lease was given out') end
local position = tonumber(redis.call('GET', KEYS[2]) or 0)
if position ~= tonumber(ARGV[3]) then return redis.error_reply('STALE position is ' .. position) end
for _, command in ipairs(cmsgpack.unpack(ARGV[5])) do redis.call(unpack(command)) end
for _, event in ipairs(cmsgpack.unpack(ARGV[6])) do
  local id = redis.call('XADD', KEYS[4], '*', 'e', event[1])
  for i = 2, #event do redis.call('RPUSH', event[i], id) end
end
local decided = tonumber(ARGV[4])
if decided > 0 then redis.call('LPOP', KEYS[3], decided) end
position = position + math.max(1, decided)
redis.call('SET', KEYS[2], position)
return position
