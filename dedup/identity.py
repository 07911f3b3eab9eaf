"""Stable names: ids of articles, stories and duplicate groups, and content hashes.

Ids are derived, never drawn: the same article gets the same id on every machine,
and a story is named after the article that founded it, so that the batch job and
the stream give one story one name.  All digests are BLAKE2b (RFC 7693).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

#: Hexadecimal digits in an id: 64 bits; at 10^8 articles the chance of any collision is 3 in 10^4.
_ID_HEX = 16


def digest(parts: Iterable[str | bytes | None], *, size: int = 16) -> bytes:
    """BLAKE2b over length-prefixed parts; ``None`` and ``""`` differ."""
    state = blake2b(digest_size=size)
    for part in parts:
        if part is None:
            state.update(b"\xff")
            continue
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.digest()


def article_id(*, url: str | None, title: str | None, text: str) -> str:
    """Id of an article that came without one: from its URL, else from its content."""
    parts = ("url", url) if url else ("content", title, text)
    return "a" + digest(parts).hex()[:_ID_HEX]


@lru_cache(maxsize=4096)
def story_id(founder: str) -> str:
    """Id of the story that the article ``founder`` (its id) founded."""
    return "s" + digest(("story", founder)).hex()[:_ID_HEX]


@lru_cache(maxsize=4096)
def group_id(representative: str) -> str:
    """Id of the duplicate group whose representative is the article of that id."""
    return "g" + digest(("group", representative)).hex()[:_ID_HEX]
