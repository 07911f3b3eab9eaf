"""What is dropped when its time has come: whole segments of the LSH index.

An article leaves *matching*, not the store: its membership, its story and its text stay.
"""

from __future__ import annotations

from dedup.store import keys
from dedup.store.connection import Plan
from dedup.store.index_pages import segments
from dedup.store.scripts import Command

#: Keys dropped with one command.
_PART = 500


def stale_segments(lang: str, *, before_ms: int) -> Plan[list[Command]]:
    """Commands that give up the segments whose last article came before ``before_ms``, to be committed by the writer.

    What is to go is noted in the same commit, so that a drop that was cut short is finished by the next.
    """
    (stored,) = yield [("HGETALL", keys.segments(lang))]
    stale = [one for one in segments(stored) if one.last_ms < before_ms]
    commands: list[Command] = [("SADD", keys.DROPPING, f"{lang} {one.id} {one.pages}") for one in stale]
    return commands + [("HDEL", keys.segments(lang), one.id) for one in stale]


def drop_pages(lang: str) -> Plan[int]:
    """Drop the pages of the segments that were given up; return how many those were."""
    (notes,) = yield [("SMEMBERS", keys.DROPPING)]
    mine = [note for note in notes if note.decode().split()[0] == lang]
    for note in mine:
        _, segment, pages = note.decode().split()
        yield [("UNLINK", keys.tail(lang, int(segment)))]
        for start in range(0, int(pages), _PART):
            part = range(start, min(start + _PART, int(pages)))
            yield [("UNLINK", *(keys.page(lang, int(segment), place) for place in part))]
        yield [("SREM", keys.DROPPING, note)]
    return len(mine)


def trim_live(lang: str, count: int) -> list[Command]:
    """Commands that let the ``count`` oldest representatives leave story clustering."""
    return [("LTRIM", keys.live(lang), count, -1)] if count else []
