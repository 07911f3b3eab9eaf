"""Records as they stand in their input, some hundreds at a time.

A chunk can be sent to another process, which parses it there: lines of JSON stay bytes, rows of Parquet stay columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from dedup.errors import ArticleError, InputError

#: A record as it stood in its input, with its place; or what was wrong with it, or with the rest of its file.
Raw = tuple[str, Mapping[str, Any]] | ArticleError | InputError
#: A chunk is cut after so many records or bytes, whichever comes first.
RECORDS, BYTES = 512, 4 * 1024 * 1024

T = TypeVar("T")


class Chunk(Protocol):
    """Consecutive records of one input."""

    def __len__(self) -> int:
        """Number of records, bad ones included."""

    @property
    def nbytes(self) -> int:
        """About how many bytes of text they hold."""

    def records(self) -> Iterator[Raw]:
        """Parse them."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """Records of a kind of file that is parsed where it is read."""

    raws: list[Raw]

    def __len__(self) -> int:
        return len(self.raws)

    @property
    def nbytes(self) -> int:
        """About how many bytes of text they hold."""
        return sum(map(_weight, self.raws))

    def records(self) -> Iterator[Raw]:
        """Hand them out."""
        return iter(self.raws)


def parsed(reader: Callable[[str], Iterable[Raw]]) -> Callable[[str], Iterator[Chunk]]:
    """Make a reader of records a reader of chunks."""
    return lambda path: (Parsed(raws) for raws in grouped(reader(path), _weight))


def grouped(items: Iterable[T], weight: Callable[[T], int]) -> Iterator[list[T]]:
    """Cut a run of items into lists; what came before an error is handed out before it is raised."""
    group: list[T] = []
    total = 0
    try:
        for item in items:
            group.append(item)
            total += weight(item)
            if len(group) >= RECORDS or total >= BYTES:
                yield group
                group, total = [], 0
    except Exception:
        if group:
            yield group
        raise
    if group:
        yield group


def _weight(raw: Raw) -> int:
    return sum(len(value) for value in raw[1].values() if isinstance(value, str)) if isinstance(raw, tuple) else 0
