"""JSON Lines (one object a line) and JSON documents (one object, or a list of them)."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from dedup.errors import ArticleError, InputError
from dedup.readers.chunks import Raw, grouped
from dedup.readers.streams import decode, open_bytes

#: Longest line accepted, in bytes; what follows in a longer one is passed over.
MAX_LINE = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a JSON Lines file, each with its number; ``None`` stands for one that is too long."""

    path: str
    lines: list[tuple[int, bytes | None]]

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def nbytes(self) -> int:
        """Bytes of the lines."""
        return sum(map(_weight, self.lines))

    def records(self) -> Iterator[Raw]:
        """Parse them."""
        for number, line in self.lines:
            origin = f"{self.path}:{number}"
            if line is None:
                yield ArticleError(f"a line of more than {MAX_LINE:,} bytes", origin=origin)
            else:
                yield parse_line(line, origin)


def chunks(path: str) -> Iterator[Lines]:
    """Read a JSON Lines file, some hundred lines at a time; blank lines are passed over."""
    with open_bytes(path) as stream:
        for lines in grouped(_numbered(stream), _weight):
            yield Lines(path, lines)


def records(path: str) -> Iterator[Raw]:
    """Yield the objects of a JSON Lines file."""
    for chunk in chunks(path):
        yield from chunk.records()


def document(path: str) -> Iterator[Raw]:
    """Yield the object, or the objects of the list, of a JSON file; JSON Lines in disguise are read too."""
    with open_bytes(path) as stream:
        data = stream.read()
    if not data.strip():
        return
    try:
        value = orjson.loads(decode(data))
    except ValueError as error:
        if data.lstrip().startswith(b"{") and b"\n" in data.strip():
            yield from records(path)
            return
        raise InputError(f"{path}: invalid JSON: {error}") from None
    items = value if isinstance(value, list) else [value]
    for number, item in enumerate(items, 1):
        origin = f"{path}:item {number}"
        yield (origin, item) if isinstance(item, dict) else ArticleError("expected a JSON object", origin=origin)


def _numbered(stream: io.BufferedReader) -> Iterator[tuple[int, bytes | None]]:
    for number, line in enumerate(_lines(stream), 1):
        if number == 1 and line is not None:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line is None or (line and not line.isspace()):
            yield number, line


def _weight(numbered: tuple[int, bytes | None]) -> int:
    return len(numbered[1] or b"")


def _lines(stream: io.BufferedReader) -> Iterator[bytes | None]:
    while line := stream.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            while rest := stream.readline(MAX_LINE):
                if rest.endswith(b"\n"):
                    break
            yield None
        else:
            yield line


def parse_line(line: bytes, origin: str) -> tuple[str, Mapping[str, Any]] | ArticleError:
    """Read one line; ``origin`` is its place, for the error."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        try:
            decode(line)
        except ValueError as bad:
            return ArticleError(str(bad), origin=origin)
        return ArticleError(f"invalid JSON: {error.msg} at column {error.colno}", origin=origin)
    if not isinstance(value, dict):
        return ArticleError("expected a JSON object", origin=origin)
    return origin, value
