"""Taking a message off its list without a moment in which nobody has it.

kombu pops a message (``BRPOP``) and then writes it among the unacknowledged; a worker or a
server that dies in between loses it.  Here it is moved in one step to a list of the taker's
own, and leaves that list in the step that writes it among the unacknowledged.  Lists whose
taker gives no sign of life are put back.  (Redis documentation, *RPOPLPUSH*, reliable queue.)

Keys, in the broker's database: ``QUEUE.taken:ID`` LIST of at most one message on its way to
taker ID; ``QUEUE.taken:ID:alive`` STRING with expiry; ``dedup.taken`` SET of the lists.
"""

from __future__ import annotations

from contextlib import suppress
from queue import Empty
from time import monotonic, sleep, time
from typing import Any
from uuid import uuid4

from kombu.transport import redis
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import dumps, loads
from redis.exceptions import OutOfMemoryError

REGISTRY = "dedup.taken"
#: Seconds without a sign of life after which what a taker had on its way is put back.
LIFE = 30

# A full server refuses writes, and the scripts are let past that: they only move what is there, and note it.
_PAST_FULL = "#!lua flags=allow-oom\n"
#: KEYS 1 the set of lists, 2 a list, 3 its sign of life; ARGV 1 seconds.
_SIGN = _PAST_FULL + "redis.call('SADD', KEYS[1], KEYS[2]) redis.call('SET', KEYS[3], 1, 'EX', ARGV[1])"
#: KEYS 1 a queue, 2 a list.  Takes a message without waiting.
_TAKE = _PAST_FULL + "return redis.call('LMOVE', KEYS[1], KEYS[2], 'RIGHT', 'LEFT')"
#: KEYS 1 index and 2 hash of the unacknowledged, 3 a list; ARGV 1 tag, 2 time, 3 where a message was sent, as JSON,
#: 4 the message, if it is not on the list as it is to be entered.  Returns whether a message was entered.
_ENTER = (
    _PAST_FULL
    + """
local message = redis.call('LPOP', KEYS[3])
if ARGV[4] ~= '' then message = ARGV[4] end
if not message then return 0 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], '[' .. message .. ', ' .. ARGV[3] .. ']')
return 1
"""
)

#: KEYS 1 index and 2 hash of the unacknowledged, 3 a queue; ARGV 1 tag, 2 message, 3 LPUSH or RPUSH.
_RETURN = (
    _PAST_FULL
    + """
redis.call('ZREM', KEYS[1], ARGV[1])
if redis.call('HDEL', KEYS[2], ARGV[1]) == 1 then redis.call(ARGV[3], KEYS[3], ARGV[2]) end
"""
)

#: KEYS sets of an exchange's bindings; ARGV 1 a binding.
_BIND = _PAST_FULL + "for _, key in ipairs(KEYS) do redis.call('SADD', key, ARGV[1]) end"

#: KEYS 1 the set of lists, 2 a queue.  Puts back what silent takers had, and puts messages sent with a
#: priority, which kombu keeps on lists of their own, with the others; returns how many were put back.
_PUT_BACK = (
    _PAST_FULL
    + r"""
local count = 0
for _, priority in ipairs({ 3, 6, 9 }) do
  while redis.call('RPOPLPUSH', KEYS[2] .. '\6\22' .. priority, KEYS[2]) do end
end
for _, list in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if redis.call('EXISTS', list .. ':alive') == 0 then
    local queue = string.match(list, '^(.*)%.taken:[^:]*$')
    while redis.call('RPOPLPUSH', list, queue) do count = count + 1 end
    redis.call('SREM', KEYS[1], list)
  end
end
return count
"""
)


class QoS(redis.QoS):
    """kombu's bookkeeping, but for the step in which a message is entered."""

    def append(self, message: Any, delivery_tag: str) -> None:
        """Enter a message among the unacknowledged and strike it off the taker's list, in one step."""
        taken = self.channel.taken
        if taken is None:
            super().append(message, delivery_tag)
            return
        place = f"{dumps(message.delivery_info['exchange'])}, {dumps(message.delivery_info['routing_key'])}"
        step = self.unacked_index_key, self.unacked_key, taken, delivery_tag, time(), place
        with self.channel.conn_or_acquire() as client:
            # The store has the message: it is not sent there a second time, unless what is on
            # the list is no JSON, or was put back meanwhile.
            if message.errors or not client.eval(_ENTER, 3, *step, ""):
                client.eval(_ENTER, 3, *step, dumps(message._raw))
        super(redis.QoS, self).append(message, delivery_tag)

    def restore_visible(self, *args: Any, **options: Any) -> None:
        """Give a sign of life, put back what silent takers had, then as kombu does."""
        self.channel.sign()
        if self.channel.taken is not None:
            queue = self.channel.taken.rpartition(".taken:")[0]
            with self.channel.conn_or_acquire() as client:
                client.eval(_PUT_BACK, 2, REGISTRY, queue)
        with suppress(OutOfMemoryError):  # of the lock kombu takes here; there will be another time
            super().restore_visible(*args, **options)

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:
        """Put one message back on its queue, on a full server too."""
        try:
            super().restore_by_tag(tag, client, leftmost)
        except OutOfMemoryError:
            with self.channel.conn_or_acquire(client) as client:
                entry = client.hget(self.unacked_key, tag)
                if entry is None:
                    return
                message, exchange, routing_key = loads(bytes_to_str(entry))
                for queue in self.channel._lookup(exchange, routing_key):
                    keys = self.unacked_index_key, self.unacked_key, queue
                    client.eval(_RETURN, 3, *keys, tag, dumps(message), "LPUSH" if leftmost else "RPUSH")


class Channel(redis.Channel):
    """kombu's channel, but for how it takes from the one queue it consumes."""

    QoS = QoS
    #: The taker's own list, once it takes.
    taken: str | None = None
    _signed = 0.0
    _shared: Any = None
    _brpop_sent_at: Any
    _in_poll: Any

    def _create_client(self, asynchronous: bool = False) -> Any:
        """As kombu, but one client for all that goes over a pool, not a new one for every step."""
        if asynchronous:
            return super()._create_client(asynchronous=True)
        if self._shared is None or self._shared.connection_pool is not self.pool:
            self._shared = super()._create_client()
        return self._shared

    def sign(self) -> None:
        """Say that this taker lives."""
        if self.taken is not None:
            with self.conn_or_acquire() as client:
                client.eval(_SIGN, 3, REGISTRY, self.taken, f"{self.taken}:alive", LIFE)
            self._signed = monotonic()

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        """As kombu; a worker that starts on a full server binds its queue, too."""
        try:
            super()._queue_bind(exchange, routing_key, pattern, queue)
        except OutOfMemoryError:
            tables = [self.keyprefix_queue, getattr(self, "keyprefix_binding_permanent", self.keyprefix_queue)]
            binding = self.sep.join([routing_key or "", pattern or "", queue or ""])
            with self.conn_or_acquire() as client:
                client.eval(_BIND, len(tables), *(table % (exchange,) for table in tables), binding)

    def _brpop_start(self, timeout: Any = None) -> None:
        queues = self._queue_cycle.consume(len(self.active_queues))
        if len(queues) != 1 or not self.ack_emulation:
            super()._brpop_start(timeout)
            return
        if self.taken is None:
            self.taken = f"{queues[0]}.taken:{uuid4().hex}"
            self.sign()
        elif monotonic() - self._signed > LIFE / 3:
            self.sign()
        self._in_poll = self.client.connection
        self._brpop_sent_at = monotonic()
        wait = self.brpop_timeout if timeout is None else timeout
        self.client.connection.send_command("BLMOVE", queues[0], self.taken, "RIGHT", "LEFT", wait or 0)

    def _brpop_read(self, **options: Any) -> Any:
        if self.taken is None:
            return super()._brpop_read(**options)
        queue = self.taken.rpartition(".taken:")[0]
        try:
            item = self.client.parse_response(self.client.connection, "BLMOVE", **options)
        except self.connection_errors:
            self.client.connection.disconnect()
            raise
        except OutOfMemoryError:
            item = self._take_from_full(queue)
        finally:
            self._in_poll = None
        if not item:
            raise Empty
        self.connection._deliver(loads(bytes_to_str(item)), queue)
        return True

    def _take_from_full(self, queue: str) -> Any:
        """A full server does not move messages by itself; what was admitted is still to be decided."""
        with self.conn_or_acquire() as client:
            item = client.eval(_TAKE, 2, queue, self.taken)
        if not item:
            sleep(0.1)  # the server answers a refusal at once, and would be asked again at once
        return item
