-- Take, renew or give up the lease of a language.
--
-- KEYS  1 T:lease:LANG  STRING with expiry  "token holder"
--       2 T:fence:LANG  STRING              newest fencing token
-- ARGV  1 T, 2 verb: take, renew or release, 3 holder, 4 life in ms, 5 token (renew, release)
-- Returns the token, or 0 when somebody else holds the lease.

local verb, holder, life = ARGV[2], ARGV[3], ARGV[4]
local standing = redis.call('GET', KEYS[1])
if verb == 'take' then
  if standing then
    -- The answer to an earlier take was lost on its way: it is ours.
    local token, name = string.match(standing, '^(%d+) (.*)$')
    if name ~= holder then return 0 end
    redis.call('PEXPIRE', KEYS[1], life)
    return tonumber(token)
  end
  local token = redis.call('INCR', KEYS[2])
  redis.call('SET', KEYS[1], token .. ' ' .. holder, 'PX', life)
  return token
end
if standing ~= ARGV[5] .. ' ' .. holder then return 0 end
if verb == 'renew' then
  redis.call('PEXPIRE', KEYS[1], life)
else
  redis.call('DEL', KEYS[1])
end
return tonumber(ARGV[5])
