"""Many small writes as few commands: what goes to one key goes in one command.

Inside a script every command has a price of its own, and everybody else waits while it runs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dedup.store.scripts import Command, Word

#: Words in one command: a script hands them over on Lua's stack, which holds 8,000.
_MOST = 1000


class Writes:
    """Cells of hashes and ranks in sorted sets, gathered; each at most once."""

    def __init__(self) -> None:
        self._cells: dict[str, list[Word]] = defaultdict(list)
        self._empty: dict[str, list[Word]] = defaultdict(list)
        self._ranks: dict[str, list[Word]] = defaultdict(list)
        self._unranked: dict[str, list[Word]] = defaultdict(list)

    def cell(self, key: str, field: Word, value: bytes | None) -> None:
        """Set a field of a hash, or delete it (``None``)."""
        if value is None:
            self._empty[key].append(field)
        else:
            self._cells[key] += (field, value)

    def rank(self, key: str, member: Word, score: int | None) -> None:
        """Set the score of a member of a sorted set, or take it out (``None``)."""
        if score is None:
            self._unranked[key].append(member)
        else:
            self._ranks[key] += (score, member)

    def commands(self) -> list[Command]:
        """The commands, none of them huge."""
        found: list[Command] = []
        kinds = {"HSET": self._cells, "HDEL": self._empty, "ZADD": self._ranks, "ZREM": self._unranked}
        for name, words in kinds.items():
            found += (command for key, listed in words.items() for command in spread(name, key, listed))
        return found


def spread(name: str, key: str, words: Sequence[Word]) -> Iterator[Command]:
    """``name key word…`` in as few commands as hold the words."""
    return ((name, key, *words[at : at + _MOST]) for at in range(0, len(words), _MOST))
