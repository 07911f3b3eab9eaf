"""API keys, browser sessions and rate limits in the store.

Keys of the store that this module owns, all under one hash tag so that a Redis Cluster keeps them together:

============================== ====== ======================================================================
``dedup:{access}:keys``        set    ids of all API keys, revoked ones too
``dedup:{access}:key:ID``      hash   ``digest scopes label created revoked rate``; the secret itself is never stored
``dedup:{access}:rate:ID``     string theoretical arrival time of the key's next request, in microseconds; expires
``dedup:{access}:session:HEX`` string id of the API key behind a browser's session; expires
============================== ====== ======================================================================

Every function is a *plan*: a generator that yields one command at a time and is sent its reply, driven by
:func:`run` or :func:`run_async`, so that the command line and the API share each line.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
Command = tuple[Any, ...]
Plan = Generator[Command, Any, T]

_PREFIX = "dedup:{access}:"

#: Generic cell rate algorithm (ITU-T I.371): grants up to ARGV[2] requests at once, a burst of one second's worth.
#: KEYS[1] hash of the API key, KEYS[2] its arrival time.
#: ARGV[1] requests a minute unless the key has its own, ARGV[2] requests wanted.
#: Returns nil for an unknown key, else digest, scopes, revoked, granted, microseconds to wait when none is granted.
_TAKE = """
local key = redis.call('HMGET', KEYS[1], 'digest', 'scopes', 'revoked', 'rate')
if not key[1] then return false end
if key[3] then return {key[1], key[2], key[3], 0, 0} end
local rate = tonumber(key[4] or ARGV[1])
local gap = math.max(1, math.floor(60000000 / rate))
local burst = math.max(1000000, gap)
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local due = math.max(tonumber(redis.call('GET', KEYS[2]) or 0), now)
local room = math.floor((now + burst - due) / gap)
local granted = math.min(tonumber(ARGV[2]), room)
if granted < 1 then return {key[1], key[2], '', 0, due + gap - burst - now} end
due = due + granted * gap
redis.call('SET', KEYS[2], string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000) + 1000)
return {key[1], key[2], '', granted, 0}
"""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """An API key as the store knows it.

    ``digest`` is the BLAKE2b-256 hash of the secret in hexadecimal; times are ISO 8601, ``revoked`` is ``None`` while
    the key is good; ``rate`` is in requests a minute, ``None`` for the setting ``api.rate_per_minute``.
    """

    id: str
    digest: str
    scopes: tuple[str, ...]
    label: str
    created: str
    revoked: str | None
    rate: int | None


@dataclass(frozen=True, slots=True)
class Grant:
    """Answer to :func:`take`: the stored key, how many requests it may make now, else how long to wait."""

    digest: str
    scopes: tuple[str, ...]
    revoked: bool
    granted: int
    wait_seconds: float


def put(key: StoredKey) -> Plan[None]:
    """Store a key."""
    facts = {"digest": key.digest, "scopes": " ".join(key.scopes), "label": key.label, "created": key.created}
    if key.rate is not None:
        facts["rate"] = str(key.rate)
    flat = [part for pair in facts.items() for part in pair]
    yield ("HSET", f"{_PREFIX}key:{key.id}", *flat)
    yield ("SADD", f"{_PREFIX}keys", key.id)


def every() -> Plan[list[StoredKey]]:
    """Read all keys, the oldest first."""
    ids = sorted(_text(item) for item in (yield ("SMEMBERS", f"{_PREFIX}keys")))
    found = []
    for key_id in ids:
        names = ("digest", "scopes", "label", "created", "revoked", "rate")
        digest, scopes, label, created, revoked, rate = (yield ("HMGET", f"{_PREFIX}key:{key_id}", *names))
        if digest is not None:
            facts = (_text(digest), tuple(_text(scopes).split()), _text(label), _text(created))
            found.append(StoredKey(key_id, *facts, _text(revoked) if revoked else None, int(rate) if rate else None))
    return sorted(found, key=lambda key: (key.created, key.id))


def revoke(key_id: str, at: str) -> Plan[bool]:
    """Mark a key as revoked; ``False`` when there is none of that id."""
    if not (yield ("EXISTS", f"{_PREFIX}key:{key_id}")):
        return False
    yield ("HSETNX", f"{_PREFIX}key:{key_id}", "revoked", at)
    return True


def take(key_id: str, *, rate: int, wanted: int) -> Plan[Grant | None]:
    """Take up to ``wanted`` requests out of a key's allowance; ``None`` for an unknown key."""
    keys = (f"{_PREFIX}key:{key_id}", f"{_PREFIX}rate:{key_id}")
    reply = yield ("EVAL", _TAKE, 2, *keys, rate, wanted)
    if reply is None:
        return None
    digest, scopes, revoked, granted, wait = reply
    return Grant(_text(digest), tuple(_text(scopes).split()), bool(revoked), int(granted), int(wait) / 1e6)


def open_session(token_digest: str, key_id: str, *, seconds: int) -> Plan[None]:
    """Let a browser that holds the token of this digest act as the key for a while."""
    yield ("SET", f"{_PREFIX}session:{token_digest}", key_id, "EX", seconds)


def session_key(token_digest: str) -> Plan[str | None]:
    """Id of the key behind a browser's session."""
    reply = yield ("GET", f"{_PREFIX}session:{token_digest}")
    return None if reply is None else _text(reply)


def close_session(token_digest: str) -> Plan[None]:
    """Forget a browser's session."""
    yield ("DEL", f"{_PREFIX}session:{token_digest}")


def run(plan: Plan[T], client: Any) -> T:
    """Drive a plan with a ``redis.Redis`` client."""
    reply: Any = None
    try:
        while True:
            reply = client.execute_command(*plan.send(reply))
    except StopIteration as stop:
        result: T = stop.value
        return result


async def run_async(plan: Plan[T], client: Any) -> T:
    """Drive a plan with a ``redis.asyncio.Redis`` client."""
    reply: Any = None
    while True:
        try:
            command = plan.send(reply)
        except StopIteration as stop:
            result: T = stop.value
            return result
        reply = await client.execute_command(*command)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
