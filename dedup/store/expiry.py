"""What is dropped when its time has come: whole segments of the LSH index.

An article leaves *matching*, not the store: its membership, its story and its text stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from dedup.store import keys
from dedup.store.connection import Plan
from dedup.store.scripts import Command

#: Keys dropped with one command.
_PART = 500


def drop_segments(lang: str, *, before_ms: int) -> Plan[int]:
    """Drop the segments whose last article came before ``before_ms``; return how many.

    What is to go is noted first, so that a call that was cut short is finished by the next.
    """
    (stored,) = yield [("HGETALL", keys.segments(lang))]
    for name, cell in stored.items():
        if name == b"n":
            continue
        bits, _, _, _, last = cell.split()
        if float(last) < before_ms:
            note = f"{lang} {int(name)} {int(bits)}"
            yield [("SADD", keys.DROPPING, note)]
            yield [("HDEL", keys.segments(lang), name)]
    (notes,) = yield [("SMEMBERS", keys.DROPPING)]
    mine = [note for note in notes if note.decode().split()[0] == lang]
    for note in mine:
        _, segment, bits = note.decode().split()
        for part in _parts(keys.segment_pages(lang, int(segment), int(bits))):
            yield [("UNLINK", *part)]
        yield [("SREM", keys.DROPPING, note)]
    return len(mine)


def trim_live(lang: str, count: int) -> list[Command]:
    """Commands that let the ``count`` oldest representatives leave story clustering."""
    return [("LTRIM", keys.live(lang), count, -1)] if count else []


def _parts(names: Iterable[bytes]) -> Iterator[tuple[bytes, ...]]:
    left = iter(names)
    while part := tuple(islice(left, _PART)):
        yield part
