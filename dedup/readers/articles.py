"""The one way in: inputs of any kind to a stream of articles."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dedup.article import Article
from dedup.errors import ArticleError, InputError
from dedup.readers import feed, json_lines, table, textfile
from dedup.readers.streams import STDIN, open_bytes, sniff, suffix_of

#: Called with each record or file that cannot be read.
Rejected = Callable[[ArticleError | InputError], None]
#: A record as it stood in its input, with its place; or what was wrong with it.
Raw = tuple[str, Mapping[str, Any]] | ArticleError

_READERS: dict[str, Callable[[str], Iterator[Raw]]] = {
    ".txt": textfile.records,
    ".jsonl": json_lines.records,
    ".ndjson": json_lines.records,
    ".json": json_lines.document,
    ".csv": table.csv_records,
    ".tsv": table.csv_records,
    ".parquet": table.parquet_records,
    ".xml": feed.records,
    ".rss": feed.records,
    ".atom": feed.records,
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
    reject = on_reject or _raise
    for path in expand_inputs(inputs, on_reject=reject):
        try:
            yield from _read(path, rename or {}, reject)
        except InputError as error:
            reject(error)


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


def _read(path: str, rename: Mapping[str, str], reject: Rejected) -> Iterator[Article]:
    count = 0
    for raw in _reader(path)(path):
        count += 1
        if isinstance(raw, ArticleError):
            reject(raw)
            continue
        origin, record = raw
        try:
            yield Article.from_dict(article_fields(record, rename))
        except ArticleError as error:
            reject(error.at(origin))
    if count == 0:
        raise InputError(f"{path}: holds no article")


def _reader(path: str) -> Callable[[str], Iterator[Raw]]:
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
