-- The time by this server's clock.
--
-- KEYS  1 T:taken  ZSET  id field -> us of its takedown: names the server whose clock says when that was
-- Returns microseconds since 1970.

local time = redis.call('TIME')
return time[1] * 1000000 + time[2]
