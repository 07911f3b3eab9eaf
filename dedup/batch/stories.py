"""Stories of a corpus that does not fit in memory: the steps of :mod:`dedup.cluster.stories`, in pieces.

Every step is the cluster room's own kernel.  What is kept for all articles at once is small: the
heaviest terms (for candidates), then the strong pairs; features are read again where pairs are judged.
The result is that of :func:`dedup.cluster.stories.cluster_stories`, whatever the pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.batch.parts import Parts
from dedup.cluster.candidates import Candidates, Keys
from dedup.cluster.linkage import LARGEST, average_linkage, components
from dedup.cluster.pair_features import Prepared, prepare
from dedup.cluster.pairs import PairModel, pair_logits
from dedup.cluster.stories import StoryClustering
from dedup.sketch.pairs import pair_codes, pair_ends, renumbered
from dedup.text.compiled import kernel
from dedup.vectors import Features, Idf, count_terms

#: Bytes that are held whatever the bound: the process itself; of every article its keys, postings and strong pairs.
PROCESS_BYTES, KEPT_BYTES = 400_000_000, 1_000
#: Bytes that one article takes while its features are read and its pairs are judged.
ARTICLE_BYTES = 5_000
_RANKS = 2048
_LEAST = 16_384

FeaturesOf = Callable[[NDArray[np.int64]], Features]


def chunk_size(budget: int | None, n: int) -> int:
    """Articles whose features are held at a time within ``budget`` bytes (all of ``n`` without one)."""
    if budget is None:
        return max(1, n)
    return max(_LEAST, (budget - PROCESS_BYTES - n * KEPT_BYTES) // ARTICLE_BYTES)


def blended_idf(features_of: FeaturesOf, n: int, *, chunk: int) -> Idf:
    """The packaged prior, blended with the counts of these articles."""
    keys, counts = np.empty(0, np.uint32), np.empty(0, np.uint32)
    for rows in _chunks(n, chunk):
        keys, counts = merge_counts(keys, counts, *count_terms(features_of(rows)))
    kept = counts >= 2  # as Idf.blend: what was seen once is left to the prior
    return Idf(n, keys[kept], counts[kept])


def cluster_corpus(
    features_of: FeaturesOf,
    n: int,
    pairs: Parts,
    *,
    model: PairModel,
    threshold: float,
    window: float,
    most: int,
    threads: int,
    chunk: int,
    advance: Callable[[int], None],
    idf: Idf | None = None,
    keep_idf: Callable[[Idf], None] = lambda idf: None,
) -> StoryClustering:
    """Cluster ``n`` articles into stories.

    Parameters
    ----------
    features_of : callable
        Features of articles by their numbers, 0 to n - 1.
    pairs : Parts
        Where judged pairs are kept meanwhile.
    model, threshold, window, most, threads, idf :
        As :func:`dedup.cluster.stories.cluster_stories`.
    chunk : int
        Articles whose features are held at a time.
    advance : callable
        Told the number of articles whose pairs were judged.
    keep_idf : callable
        Handed the snapshot that was used.
    """
    pairs.clear()  # an earlier run may have been killed here, and may have taken other pieces
    if n == 0:
        keep_idf(idf or Idf.prior())
        none, flat = np.empty(0, np.int64), np.empty(0, np.float32)
        return StoryClustering(none, flat, none, none, flat)
    cut = model.link_logit(threshold)
    loaded = features_of(np.arange(n)) if chunk >= n else None
    if idf is None:
        idf = Idf.prior().blend(loaded) if loaded is not None else blended_idf(features_of, n, chunk=chunk)
    snapshot = idf
    keep_idf(snapshot)
    whole = prepare(loaded, snapshot) if loaded is not None else None

    def prepared_of(rows: NDArray[np.int64]) -> Prepared:
        return prepare(features_of(rows), snapshot)

    def judge(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float32]:
        if whole is not None:
            return pair_logits(whole, model.weights(n), left, right, threads=threads)
        rows, a, b = renumbered(left, right)
        if rows.size > chunk and left.size > 1:
            middle = left.size // 2
            return np.concatenate([judge(left[:middle], right[:middle]), judge(left[middle:], right[middle:])])
        return pair_logits(prepared_of(rows), model.weights(rows.size), a, b, threads=threads)

    keys, lang = _keys([loaded] if loaded is not None else map(features_of, _chunks(n, chunk)), snapshot, whole)
    del loaded
    candidates = Candidates(keys, window=window, most=most)
    del keys
    strong: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]] = []
    span = max(_RANKS, chunk // 4 // _RANKS * _RANKS)
    for number, start in enumerate(range(0, n, span)):
        codes = candidates.between(start, min(n, start + span), threads=threads)
        left, right = pair_ends(codes)
        same = lang[left] == lang[right]
        left, right = left[same], right[same]
        logits = judge(left, right)
        pairs.write(number, pa.record_batch({"left": left, "right": right, "logit": logits}))
        near = logits >= cut
        strong.append((left[near], right[near], logits[near]))
        advance(min(n, start + span) - start)
    del candidates
    left, right, logits = (np.concatenate(columns) for columns in zip(*strong, strict=True))
    strong.clear()
    left, right, logits = _distinct(left, right, logits)
    if whole is not None:
        labels, strength = average_linkage(whole, model.weights(n), left, right, logits, cut=cut, threads=threads)
    else:
        labels, strength = _link(prepared_of, n, left, right, logits, model, cut, threads, chunk)
    return _clustering(labels, strength, pairs, model)


def _keys(pieces: Iterable[Features], idf: Idf, whole: Prepared | None) -> tuple[Keys, NDArray[np.uint16]]:
    """Heaviest terms and language of every article; ``whole`` where all of them are prepared already."""
    parts, languages = [], []
    for piece in pieces:
        parts.append(Keys.of(whole if whole is not None else prepare(piece, idf)))
        languages.append(piece.lang)
        del piece  # before the next one is read
    return Keys.join(parts), np.concatenate(languages)


def _link(
    prepared_of: Callable[[NDArray[np.int64]], Prepared],
    n: int,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    logits: NDArray[np.float32],
    model: PairModel,
    cut: float,
    threads: int,
    chunk: int,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Average linkage, some components at a time.

    Components that the cluster room would cut because of their size are cut the same way: an edge
    between two of them was refused once and for all, so that it can be left out.
    """
    order = np.lexsort((right, left, -logits))
    component = components(n, left[order], right[order], LARGEST)
    size = np.bincount(component, minlength=n)
    labels, strength = np.arange(n), np.zeros(n, np.float32)
    linked = np.flatnonzero(size[component] > 1)
    linked = linked[np.argsort(component[linked], kind="stable")]
    inside = component[left] == component[right]
    left, right, logits = left[inside], right[inside], logits[inside]
    edge_order = np.argsort(component[left], kind="stable")
    left, right, logits = left[edge_order], right[edge_order], logits[edge_order]
    starts = np.flatnonzero(np.diff(component[linked], prepend=-1))
    batch = np.searchsorted(starts, np.arange(0, linked.size, chunk))
    edges = np.unique(np.append(starts[batch], linked.size)) if linked.size else np.zeros(1, np.int64)
    for begin, end in pairwise(edges.tolist()):
        rows = np.sort(linked[begin:end])
        names = component[linked[[begin, end - 1]]]
        a, b = np.searchsorted(component[left], names[0]), np.searchsorted(component[left], names[1], side="right")
        local, strong = average_linkage(
            prepared_of(rows),
            model.weights(rows.size),
            np.searchsorted(rows, left[a:b]),
            np.searchsorted(rows, right[a:b]),
            logits[a:b],
            cut=cut,
            threads=threads,
        )
        labels[rows], strength[rows] = rows[local], strong
    return labels, strength


def _clustering(
    labels: NDArray[np.int64], strength: NDArray[np.float32], pairs: Parts, model: PairModel
) -> StoryClustering:
    """Find each article's strongest link inside its story, and name the probabilities."""
    n = labels.size
    best, link = np.full(n, -np.inf, np.float32), np.full(n, np.iinfo(np.uint64).max, np.uint64)
    for batch in pairs.batches():
        left, right, logits = (batch.column(name).to_numpy() for name in ("left", "right", "logit"))
        inside = labels[left] == labels[right]
        _strongest(left[inside], right[inside], logits[inside], best, link)
    codes = np.unique(link[best > -np.inf])
    left, right = pair_ends(codes)
    # A link is the strongest of one of its ends at least.
    logits = np.where(link[left] == codes, best[left], best[right])
    probability = (1 / (1 + np.exp(-logits))).astype(np.float32)
    return StoryClustering(labels, model.belonging(labels, strength), left, right, probability)


@kernel
def _strongest(left: Any, right: Any, logits: Any, best: Any, link: Any) -> None:
    """Keep, for both ends of each pair, the pair of largest ``logits``, the lowest code on a tie."""
    for k in range(left.shape[0]):
        code = np.uint64(left[k]) << np.uint64(32) | np.uint64(right[k])
        for end in (left[k], right[k]):
            if logits[k] > best[end] or (logits[k] == best[end] and code < link[end]):
                best[end] = logits[k]
                link[end] = code


def merge_counts(
    keys: NDArray[np.uint32], counts: NDArray[np.uint32], more: NDArray[np.uint32], more_counts: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Add two tables of counts by key, each in rising order of its keys."""
    merged, added = np.empty(keys.size + more.size, np.uint32), np.empty(keys.size + more.size, np.uint32)
    size = _merge(keys, counts, more, more_counts, merged, added)
    return merged[:size].copy(), added[:size].copy()


@kernel
def _merge(keys: Any, counts: Any, more: Any, more_counts: Any, merged: Any, added: Any) -> int:
    i, j, size = 0, 0, 0
    while i < keys.shape[0] or j < more.shape[0]:
        if j == more.shape[0] or (i < keys.shape[0] and keys[i] < more[j]):
            merged[size], added[size] = keys[i], counts[i]
            i += 1
        elif i == keys.shape[0] or more[j] < keys[i]:
            merged[size], added[size] = more[j], more_counts[j]
            j += 1
        else:
            merged[size], added[size] = keys[i], counts[i] + more_counts[j]
            i += 1
            j += 1
        size += 1
    return size


def _distinct(
    left: NDArray[np.int64], right: NDArray[np.int64], logits: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Pairs once each, sorted; a pair that both its articles named was judged twice, alike."""
    _, first = np.unique(pair_codes(left, right), return_index=True)
    return left[first], right[first], logits[first]


def _chunks(n: int, chunk: int) -> Iterator[NDArray[np.int64]]:
    return (np.arange(start, min(n, start + chunk)) for start in range(0, max(n, 1), chunk))
