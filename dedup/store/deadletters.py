"""Dead letters: messages and articles that could not be processed, with their reason.

A letter's id is a digest of what it holds, so that one refused twice is kept once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from dedup.errors import NotFound
from dedup.identity import digest
from dedup.store import keys
from dedup.store.connection import Plan
from dedup.store.records import moment
from dedup.views import DeadLetter, Page

#: Longest message kept whole, in bytes of JSON; of a longer one the beginning is kept.
LONGEST = 262_144
#: Letters kept; the oldest give way.
MOST = 100_000


def letter(raw: Any, reason: str, *, tries: int, at_ms: int) -> tuple[str, bytes]:
    """Id and stored form of a letter; ``raw`` is the article or message as received, whatever it is."""
    try:
        body = orjson.dumps(raw)
    except (TypeError, ValueError, RecursionError):
        body = orjson.dumps({"unreadable": _shown(raw)})
    if len(body) > LONGEST:
        text = body[:2000].decode("utf-8", "ignore")
        body = orjson.dumps({"truncated": text, "bytes": len(body)})
    article = raw.get("id") if isinstance(raw, dict) else None
    name = str(article)[:256] if isinstance(article, str | int) and not isinstance(article, bool) else None
    letter_id = "d" + digest((body, reason), size=8).hex()
    kept = {"article_id": _printable(name), "reason": _printable(reason), "tries": tries, "at": at_ms}
    return letter_id, orjson.dumps({**kept, "article": orjson.Fragment(body)})


def _shown(raw: Any) -> str:
    try:
        return repr(raw)[:2000].encode("utf-8", "backslashreplace").decode()
    except RecursionError:
        return f"{type(raw).__name__}, nested too deeply"


def put(letters: Sequence[tuple[str, bytes]], *, at_ms: int) -> Plan[int]:
    """Keep letters; one that is there already stays as it is.  Returns how many are new."""
    if not letters:
        return 0
    step: list[tuple[Any, ...]] = []
    for name, packed in letters:
        step += [("HSETNX", keys.DEAD, name, packed), ("ZADD", keys.DEAD_ORDER, "NX", at_ms, name)]
    replies = yield step
    (oldest,) = yield [("ZRANGE", keys.DEAD_ORDER, 0, -MOST - 1)]
    if oldest:
        yield [("HDEL", keys.DEAD, *oldest), ("ZREM", keys.DEAD_ORDER, *oldest)]
    return sum(replies[::2])


def read(cursor: str | None = None, *, limit: int = 50) -> Plan[Page[DeadLetter]]:
    """Letters, the newest first; the cursor is how many were read."""
    start = int(cursor) if cursor and cursor.isdecimal() else 0
    (names,) = yield [("ZREVRANGE", keys.DEAD_ORDER, start, start + limit - 1)]
    if not names:
        return Page(())
    (found,) = yield [("HMGET", keys.DEAD, *names)]
    letters = tuple(_letter(name.decode(), data) for name, data in zip(names, found, strict=True) if data)
    return Page(letters, str(start + limit) if len(names) == limit else None)


def get(letter_id: str) -> Plan[DeadLetter]:
    """One letter.

    Raises
    ------
    NotFound
        There is none of that id.
    """
    (data,) = yield [("HGET", keys.DEAD, letter_id)]
    if data is None:
        raise NotFound(f"no dead letter {letter_id!r}")
    return _letter(letter_id, data)


def names() -> Plan[list[str]]:
    """Ids of all letters, the oldest first."""
    (found,) = yield [("ZRANGE", keys.DEAD_ORDER, 0, -1)]
    return [name.decode() for name in found]


def purge(letter_ids: Iterable[str]) -> Plan[int]:
    """Forget letters; returns how many there were."""
    wanted = list(letter_ids)
    if not wanted:
        return 0
    gone, _ = yield [("HDEL", keys.DEAD, *wanted), ("ZREM", keys.DEAD_ORDER, *wanted)]
    return int(gone)


def _letter(name: str, data: bytes) -> DeadLetter:
    raw = orjson.loads(data)
    article = raw["article"] if isinstance(raw["article"], dict) else {"message": raw["article"]}
    return DeadLetter(name, raw["article_id"], raw["reason"], raw["tries"], moment(raw["at"]), article)


def _printable(text: str | None) -> str | None:
    return None if text is None else text.encode("utf-8", "backslashreplace").decode()
