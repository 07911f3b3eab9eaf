"""The one way in: inputs of any kind to a stream of articles."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dedup.article import Article
from dedup.errors import ArticleError, InputError
from dedup.readers import feed, json_lines, table, textfile
from dedup.readers.chunks import Chunk, Parsed, Raw, parsed
from dedup.readers.streams import STDIN, open_bytes, sniff, suffix_of

#: Called with each record or file that cannot be read.
Rejected = Callable[[ArticleError | InputError], None]

_READERS: dict[str, Callable[[str], Iterator[Chunk]]] = {
    ".txt": parsed(textfile.records),
    ".jsonl": json_lines.chunks,
    ".ndjson": json_lines.chunks,
    ".json": parsed(json_lines.document),
    ".csv": parsed(table.csv_records),
    ".tsv": parsed(table.csv_records),
    ".parquet": table.parquet_chunks,
    ".xml": parsed(feed.records),
    ".rss": parsed(feed.records),
    ".atom": parsed(feed.records),
}
_KNOWN = frozenset(Article.__dataclass_fields__)


def read_articles(
    inputs: Iterable[str | Path],
    *,
    on_reject: Rejected | None = None,
    rename: Mapping[str, str] | None = None,
) -> Iterator[Article]:
    """Read articles from files, folders, globs, or ``-`` (standard input), in order.

    Parameters
    ----------
    inputs:
        ``.txt``, ``.jsonl``/``.ndjson``, ``.json``, ``.csv``/``.tsv``, ``.parquet``, RSS and Atom, each also
        as ``.gz`` or ``.zst``; a folder stands for all such files below it, by name.
    on_reject:
        Told of every record and file that cannot be read; when missing, the first one is raised.
    rename:
        Columns to fields, such as ``{"body": "text"}``.  Columns that are no field of
        :class:`Article` are kept in its metadata.

    Raises
    ------
    ArticleError, InputError
        Only without ``on_reject``.
    """
    for chunk in read_chunks(inputs):
        yield from articles_of(chunk, rename or {}, on_reject or _raise)


def read_chunks(inputs: Iterable[str | Path]) -> Iterator[Chunk]:
    """Read inputs, as :func:`read_articles` takes them, some hundred records at a time and not all parsed yet."""
    bad: list[Raw] = []
    paths = expand_inputs(inputs, on_reject=bad.append)
    if bad:
        yield Parsed(bad)
    for path in paths:
        empty = True
        try:
            for chunk in _reader(path)(path):
                yield chunk
                empty = False
            if empty:
                raise InputError(f"{path}: holds no article")
        except InputError as error:
            yield Parsed([error])


def articles_of(chunk: Chunk, rename: Mapping[str, str], reject: Rejected) -> Iterator[Article]:
    """Parse the records of a chunk; what is no article goes to ``reject``."""
    for raw in chunk.records():
        if not isinstance(raw, tuple):
            reject(raw)
            continue
        origin, record = raw
        try:
            yield Article.from_dict(article_fields(record, rename))
        except ArticleError as error:
            reject(error.at(origin))


def expand_inputs(inputs: Iterable[str | Path], *, on_reject: Rejected | None = None) -> list[str]:
    """Turn files, folders and globs into the list of files to read, in order."""
    reject = on_reject or _raise
    paths: list[str] = []
    for given in inputs:
        name = str(given)
        path = Path(name)
        if name == STDIN or path.is_file():
            paths.append(name)
        elif path.is_dir():
            inside = sorted(str(p) for p in path.rglob("*") if p.is_file() and _readable(p, path))
            if not inside:
                reject(InputError(f"{name}: the folder holds no file this tool reads ({', '.join(_READERS)})"))
            paths.extend(inside)
        elif matches := sorted(glob.glob(name, recursive=True)):
            paths.extend(expand_inputs(matches, on_reject=reject))
        elif path.exists():
            paths.append(name)  # a pipe or a device
        else:
            reject(InputError(f"{name}: no such file or folder"))
    return paths


def _readable(path: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return not hidden and suffix_of(str(path)) in _READERS


def _reader(path: str) -> Callable[[str], Iterator[Chunk]]:
    suffix = suffix_of(path)
    if suffix in _READERS:
        return _READERS[suffix]
    if path != STDIN and suffix:
        raise InputError(f"{path}: unknown kind of file; known are {', '.join(_READERS)}, also with .gz or .zst")
    with open_bytes(path) as stream:
        return _READERS[sniff(stream)]


def article_fields(record: Mapping[str, Any], rename: Mapping[str, str]) -> dict[str, Any]:
    """Put what is no field of an article under its metadata, so that nothing is lost."""
    out: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for column, value in record.items():
        name = rename.get(column, column)
        if name in _KNOWN:
            out[name] = value
        elif value is not None:
            extra[name] = value
    if extra:
        given = out.get("metadata")
        out["metadata"] = {**extra, **given} if isinstance(given, Mapping) else extra if given is None else given
    return out


def _raise(error: ArticleError | InputError) -> None:
    raise error
