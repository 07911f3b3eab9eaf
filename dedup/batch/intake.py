"""Inputs to spilled parts: the first stage of a batch run."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.article import Article
from dedup.batch.helpers import Helpers
from dedup.batch.parts import Parts, to_file
from dedup.errors import ArticleError, InputError
from dedup.readers import Rejected, expand_inputs
from dedup.readers.articles import articles_of, read_chunks
from dedup.readers.chunks import Chunk

#: A part is cut after so many records or bytes, whichever comes first.
PART_RECORDS, PART_BYTES = 2048, 32_000_000
#: Parts computed by threads before helpers are started, which costs each of them a second and its memory.
ALONE = 16
#: Bytes held while parts are read, as measured with 450-word articles: by the process itself, for each of its threads,
#: by each helper.
PROCESS, THREAD, HELPER = 250_000_000, 75_000_000, 500_000_000

#: Lays the articles of a part out as columns; a function of a module, so that it can be named to another process.
Layout = Callable[[Sequence[Article]], pa.RecordBatch]


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


def readers_within(budget: int | None, threads: int) -> tuple[int, int]:
    """Threads and helpers that read for a run of so many ``threads`` within three quarters of ``budget`` bytes.

    No helpers where there is no room for two, or one thread asked for.
    """
    if budget is None or threads == 1:
        return threads, threads if threads > 1 else 0
    room = budget * 3 // 4 - PROCESS
    helpers = min(threads, (room - threads * THREAD) // HELPER)
    return (threads, helpers) if helpers > 1 else (min(threads, max(1, room // THREAD)), 0)


@dataclass(frozen=True, slots=True)
class Computed:
    """A part: number of its articles, what was refused, and its file, unless that was there before."""

    articles: int
    refused: list[ArticleError | InputError]
    file: pa.Buffer | None


def spill_articles(
    inputs: Sequence[str | Path],
    parts: Parts,
    *,
    threads: int,
    helpers: int,
    rename: Mapping[str, str],
    reject: Rejected,
    layout: Layout,
    advance: Callable[[int], None],
    first: int = 0,
) -> int:
    """Read every input, part by part.

    A part that is there already is only parsed again, for what is refused: the cut depends on the input alone.

    Parameters
    ----------
    inputs, rename :
        As for :func:`dedup.readers.read_articles`.
    parts : Parts
        Where the articles go.
    threads : int
        Parts computed at a time.
    helpers : int
        Processes that compute them, after the first :data:`ALONE`; 0: threads of this one do.
    reject : callable
        Told what is refused, in the order of the input.
    layout : callable
        Turns the articles of a part into its columns.
    advance : callable
        Told the number of articles of each finished part.
    first : int
        Number of the first part.

    Returns
    -------
    int
        Bytes that the helpers held at most.
    """

    def write(number: int, chunks: list[Chunk]) -> Computed:
        arguments = chunks, rename, None if parts.has(number) else layout
        alone = helpers == 0 or number < first + ALONE
        done = compute_part(*arguments) if alone else crew.call(compute_part, *arguments)
        if done.file is not None:
            parts.put(number, done.file)
        return Computed(done.articles, done.refused, None)

    def finish(part: Future[Computed]) -> None:
        done = part.result()
        for error in done.refused:
            reject(error)
        advance(done.articles)

    with Helpers(helpers) as crew, ThreadPoolExecutor(threads, thread_name_prefix="dedup-intake") as pool:
        running: deque[Future[Computed]] = deque()
        for number, chunks in enumerate(_cut(read_chunks(inputs)), first):
            running.append(pool.submit(write, number, chunks))
            if len(running) > threads:
                finish(running.popleft())
        while running:
            finish(running.popleft())
    return crew.peak


def compute_part(chunks: Sequence[Chunk], rename: Mapping[str, str], layout: Layout | None) -> Computed:
    """Parse the records of a part, and lay its articles out if there is a ``layout``."""
    refused: list[ArticleError | InputError] = []
    articles = [article for chunk in chunks for article in articles_of(chunk, rename, refused.append)]
    return Computed(len(articles), refused, to_file(layout(articles)) if layout is not None else None)


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


def _cut(chunks: Iterable[Chunk]) -> Iterator[list[Chunk]]:
    part: list[Chunk] = []
    records = size = 0
    for chunk in chunks:
        part.append(chunk)
        records += len(chunk)
        size += chunk.nbytes
        if records >= PART_RECORDS or size >= PART_BYTES:
            yield part
            part, records, size = [], 0, 0
    if part:
        yield part
