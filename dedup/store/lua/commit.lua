-- Commit what the holder of a language's lease decided: all of it or nothing.
--
-- KEYS  1 T:fence:LANG  STRING  newest fencing token
--       2 T:pos:LANG    STRING  pending entries decided so far
--       3 T:p:LANG      LIST    pending entries
--       4 T:feed        STREAM  change events, field e
-- and, by name, in the same slot, whatever the commands write.
-- ARGV  1 T, 2 token, 3 expected position, 4 entries decided, 5 number of commands, 6 number of
--       events; then each command as its length and its words, each event as the number of
--       histories, the packed event, and the keys of the histories
-- Returns the new position; or an error: FENCED when a newer token was given out,
-- STALE when the position is not the expected one (this commit was done before).

if redis.call('GET', KEYS[1]) ~= ARGV[2] then return redis.error_reply('FENCED a newer lease was given out') end
local position = tonumber(redis.call('GET', KEYS[2]) or 0)
if position ~= tonumber(ARGV[3]) then return redis.error_reply('STALE position is ' .. position) end
local at = 7
for _ = 1, tonumber(ARGV[5]) do
  local words = tonumber(ARGV[at])
  redis.call(unpack(ARGV, at + 1, at + words))
  at = at + words + 1
end
for _ = 1, tonumber(ARGV[6]) do
  local histories = tonumber(ARGV[at])
  local id = redis.call('XADD', KEYS[4], '*', 'e', ARGV[at + 1])
  for i = 1, histories do redis.call('RPUSH', ARGV[at + 1 + i], id) end
  at = at + histories + 2
end
local decided = tonumber(ARGV[4])
if decided > 0 then redis.call('LPOP', KEYS[3], decided) end
position = position + math.max(1, decided)
redis.call('SET', KEYS[2], position)
return position
