"""Plain text files, one article each, in the shapes that crawlers leave behind.

::

    https://example.org/story        (an optional line with the URL)
    ---------------------            (an optional separator)
    The title                        (first line, when it looks like one)
    ---------------------            (an optional separator)
    The body, in any number of lines, captions and widgets and all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from dedup.article import MAX_TEXT
from dedup.errors import ArticleError
from dedup.readers.chunks import Raw
from dedup.readers.streams import STDIN, decode, open_bytes, stem_of

_SEPARATOR = re.compile(r"^\s*[-=_*—–]{4,}\s*$")
_URL = re.compile(r"^\s*(https?://\S+)\s*$")
#: A first line longer than this is a paragraph, not a title.
_LONGEST_TITLE = 300


def records(path: str) -> Iterator[Raw]:
    """Yield the one article of a text file; its id is the file's name without its ending."""
    with open_bytes(path) as stream:
        data = stream.read(4 * MAX_TEXT + 1)
    if len(data) > 4 * MAX_TEXT:
        yield ArticleError(f"more than {4 * MAX_TEXT:,} bytes; one article a file is expected", origin=path)
        return
    try:
        text = decode(data)
    except ValueError as error:
        yield ArticleError(str(error), field="text", origin=path)
        return
    record = parse_text(text)
    if path != STDIN:
        # White space in a file's name would make an id that no command line likes.
        record["id"] = re.sub(r"\s+", "_", stem_of(path))
    yield path, record


def parse_text(text: str) -> dict[str, Any]:
    """Split a text into ``url``, ``title`` and ``text``, whichever are there."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if _SEPARATOR.match(line):
            blocks.append([])
        else:
            blocks[-1].append(line)
    parts = [part for part in ("\n".join(block).strip() for block in blocks) if part]
    record: dict[str, Any] = {}
    if parts and (url := _URL.match(parts[0].split("\n", 1)[0])):
        record["url"] = url[1]
        parts[0] = parts[0].partition("\n")[2].strip()
        parts = [part for part in parts if part]
    if len(parts) > 1 and _is_title(parts[0]):
        record["title"] = parts.pop(0)
    elif parts:
        first, _, rest = parts[0].partition("\n")
        if rest.strip() and _is_title(first):
            record["title"] = first.strip()
            parts[0] = rest.strip()
    record["text"] = "\n\n".join(parts)
    return record


def _is_title(line: str) -> bool:
    return "\n" not in line and len(line) <= _LONGEST_TITLE
