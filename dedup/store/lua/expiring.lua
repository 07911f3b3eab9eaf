-- Write fields of a hash that is kept for a while.  Writing and expiry are one step: a server that dies
-- between the two would keep the hash for ever.
--
-- KEYS  1 HASH
-- ARGV  1 T, 2 seconds it is kept from now, then for each field: HSET or HINCRBY, name, value
-- Returns what each command answers.

local answers = {}
for at = 3, #ARGV, 3 do
  answers[#answers + 1] = redis.call(ARGV[at], KEYS[1], ARGV[at + 1], ARGV[at + 2])
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return answers
