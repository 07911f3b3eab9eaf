"""Inputs to spilled parts: the first stage of a batch run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.article import Article
from dedup.batch.parts import Parts
from dedup.readers import Rejected, expand_inputs, read_articles

#: A part is cut after so many articles or characters, whichever comes first.
PART_ARTICLES, PART_CHARACTERS = 4096, 16_000_000


def fingerprint_inputs(inputs: Iterable[str | Path], rename: Mapping[str, str]) -> dict[str, Any]:
    """Say what a run read, so that a later one knows whether it would read the same: paths, sizes, times.

    Standard input and pipes cannot be read twice, so a run that reads one never resumes reading.
    """
    files: list[Any] = []
    for name in expand_inputs(inputs, on_reject=lambda error: None):
        if name == "-" or not Path(name).is_file():
            files.append([name, os.getpid(), os.urandom(8).hex()])
        else:
            facts = Path(name).stat()
            files.append([str(Path(name).resolve()), facts.st_size, facts.st_mtime_ns])
    return {"files": files, "rename": dict(rename)}


def spill_articles(
    inputs: Sequence[str | Path],
    parts: Parts,
    *,
    threads: int,
    rename: Mapping[str, str],
    on_reject: Rejected | None,
    layout: Callable[[Sequence[Article]], pa.RecordBatch],
    advance: Callable[[int], None],
    first: int = 0,
) -> None:
    """Read every input, part by part.

    A part that is there already is not computed again; its articles are only counted off, since the cut
    depends on the input alone.

    Parameters
    ----------
    inputs, rename, on_reject :
        As for :func:`dedup.readers.read_articles`.
    parts : Parts
        Where the articles go.
    threads : int
        Parts computed at a time.
    layout : callable
        Turns the articles of a part into its columns; runs in a thread.
    advance : callable
        Told the number of articles of each finished part.
    first : int
        Number of the first part.
    """

    def compute(number: int, articles: list[Article]) -> int:
        parts.write(number, layout(articles))
        return len(articles)

    with ThreadPoolExecutor(threads, thread_name_prefix="dedup-intake") as pool:
        running: list[Future[int]] = []
        for number, articles in enumerate(_cut(read_articles(inputs, on_reject=on_reject, rename=rename)), first):
            if parts.has(number):
                advance(len(articles))
                continue
            running.append(pool.submit(compute, number, articles))
            if len(running) > threads:
                advance(running.pop(0).result())
        for future in running:
            advance(future.result())


def newest_rows(ids: pa.ChunkedArray) -> NDArray[np.int64]:
    """Rows that hold the newest revision of their article: an id seen again replaces what it named before.

    Parameters
    ----------
    ids : ChunkedArray of string
        Ids in the order in which they were read.

    Returns
    -------
    int64 array
        Rows kept, ascending.
    """
    if len(ids) == 0:
        return np.empty(0, np.int64)
    codes = ids.combine_chunks().dictionary_encode().indices.to_numpy()
    last = np.zeros(int(codes.max()) + 1, np.int64)
    last[codes] = np.arange(codes.size)  # numpy keeps the last value written to an index
    return np.sort(last)


def _cut(articles: Iterator[Article]) -> Iterator[list[Article]]:
    part: list[Article] = []
    characters = 0
    for article in articles:
        part.append(article)
        characters += len(article.text)
        if len(part) >= PART_ARTICLES or characters >= PART_CHARACTERS:
            yield part
            part, characters = [], 0
    if part:
        yield part
