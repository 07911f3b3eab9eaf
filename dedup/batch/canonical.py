"""The canonical article of every story of a corpus, by the cluster room's rule."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.batch.corpus import Corpus
from dedup.cluster.canonical import pick_canonicals as pick_rows
from dedup.outlets import UNKNOWN, load_outlets
from dedup.settings import Settings
from dedup.text.parallel import ordered_map

#: Articles whose features are held at a time by one thread; twice as many wait for it.
_CHUNK = 2048


def pick_canonicals(corpus: Corpus, story: NDArray[np.int64], settings: Settings, *, threads: int) -> NDArray[np.int64]:
    """Pick what stands for each story.

    Parameters
    ----------
    corpus : Corpus
        The articles.
    story : int64 array (n,)
        Story of each article, any numbers.
    settings : Settings
        ``story.canonical`` and ``outlets`` are used.
    threads : int
        Threads; the result does not depend on it.

    Returns
    -------
    int64 array (n,)
        Canonical article of each article's story; of a story of one, that one.
    """
    trust = load_outlets(settings.outlets)
    sources = corpus.sources.dictionary_encode()
    names = [trust.get(name.lower(), UNKNOWN) for name in sources.dictionary.to_pylist()]
    worth = np.array([*names, UNKNOWN])[sources.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)]
    policy = settings.story.canonical

    def pick(stories: list[NDArray[np.int64]]) -> list[int]:
        members = np.concatenate(stories)
        features = corpus.features(members)
        ids = corpus.ids.take(pa.array(members)).to_pylist()
        trusted = worth[members].tolist()
        sizes = [rows.size for rows in stories]
        best = pick_rows(features, sizes, ids, policy=policy, trust=trusted)
        return [int(row) for row in members[best]]

    out = np.arange(story.size)
    for stories, picked in zip(_batches(story), ordered_map(pick, _batches(story), threads=threads), strict=True):
        for rows, best in zip(stories, picked, strict=True):
            out[rows] = best
    return out


def _batches(story: NDArray[np.int64]) -> Iterator[list[NDArray[np.int64]]]:
    """Stories of two articles or more, as their members, some at a time."""
    by = np.argsort(story, kind="stable")
    starts = np.flatnonzero(np.diff(story[by], prepend=-1))
    batch: list[NDArray[np.int64]] = []
    size = 0
    for rows in np.split(by, starts[1:]):
        if rows.size > 1:
            batch.append(rows)
            size += rows.size
            if size >= _CHUNK:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch
