"""API keys, browser sessions and rate limits in the store.

Keys of the store that this module owns:

======================== ====== ======================================================================
``{access}:keys``        set    ids of all API keys, revoked ones too
``{access}:key:ID``      hash   ``digest scopes label created revoked rate``; the secret itself is never stored
``{access}:rate:ID``     string theoretical arrival time of the key's next request, in microseconds; expires
``{access}:session:HEX`` string id of the API key behind a browser's session; expires
======================== ====== ======================================================================

They have a hash tag of their own: nothing here is read or written together with the index.  Every function is a
*plan* (see :mod:`dedup.store.connection`), so that the command line and the API share each line.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from dedup.store.connection import Plan

_TAG = "{access}"


@cache
def _allowance() -> str:
    return (files("dedup.store") / "lua" / "allowance.lua").read_text(encoding="utf-8")


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
    yield [("HSET", f"{_TAG}:key:{key.id}", *flat), ("SADD", f"{_TAG}:keys", key.id)]


def every() -> Plan[list[StoredKey]]:
    """Read all keys, the oldest first."""
    (members,) = yield [("SMEMBERS", f"{_TAG}:keys")]
    ids = [_text(item) for item in members]
    names = ("digest", "scopes", "label", "created", "revoked", "rate")
    rows = yield [("HMGET", f"{_TAG}:key:{key_id}", *names) for key_id in ids]
    found = []
    for key_id, (digest, scopes, label, created, revoked, rate) in zip(ids, rows, strict=True):
        if digest is not None:
            facts = (_text(digest), tuple(_text(scopes).split()), _text(label), _text(created))
            found.append(StoredKey(key_id, *facts, _text(revoked) if revoked else None, int(rate) if rate else None))
    return sorted(found, key=lambda key: (key.created, key.id))


def revoke(key_id: str, at: str) -> Plan[bool]:
    """Mark a key as revoked; ``False`` when there is none of that id."""
    (known,) = yield [("EXISTS", f"{_TAG}:key:{key_id}")]
    if known:
        yield [("HSETNX", f"{_TAG}:key:{key_id}", "revoked", at)]
    return bool(known)


def take(key_id: str, *, rate: int, wanted: int) -> Plan[Grant | None]:
    """Take up to ``wanted`` requests out of a key's allowance; ``None`` for an unknown key."""
    names = (f"{_TAG}:key:{key_id}", f"{_TAG}:rate:{key_id}")
    (reply,) = yield [("EVAL", _allowance(), len(names), *names, rate, wanted)]
    if reply is None:
        return None
    digest, scopes, revoked, granted, wait = reply
    return Grant(_text(digest), tuple(_text(scopes).split()), bool(revoked), int(granted), int(wait) / 1e6)


def open_session(token_digest: str, key_id: str, *, seconds: int) -> Plan[None]:
    """Let a browser that holds the token of this digest act as the key for a while."""
    yield [("SET", f"{_TAG}:session:{token_digest}", key_id, "EX", seconds)]


def session_key(token_digest: str) -> Plan[str | None]:
    """Id of the key behind a browser's session."""
    (reply,) = yield [("GET", f"{_TAG}:session:{token_digest}")]
    return None if reply is None else _text(reply)


def close_session(token_digest: str) -> Plan[None]:
    """Forget a browser's session."""
    yield [("DEL", f"{_TAG}:session:{token_digest}")]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
