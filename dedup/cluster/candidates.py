"""Candidates: which pairs of articles are worth comparing, by postings over each article's heaviest terms.

Every article is indexed under its ``KEYS`` heaviest terms, and asks with the same terms; articles that share most
squared IDF with it inside the time window are its candidates.  Rare terms are read first, and reading
stops at a budget, so that the cost of an article does not grow with the corpus (term-at-a-time evaluation with early
termination; Moffat and Zobel, "Self-indexing inverted files for fast text retrieval", 1996).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dedup.cluster.pair_features import Prepared
from dedup.text.compiled import kernel
from dedup.text.parallel import ordered_map, thread_count
from dedup.vectors.anchors import UNDATED
from dedup.vectors.kernels import FREQUENCIES, TF_SHIFT, TITLE, TITLE_BOOST

#: Terms under which an article is indexed.
KEYS = 32
#: Postings read for one article.
BUDGET = 12_000
_CHUNK = 2048


def candidate_pairs(
    prepared: Prepared, *, window: float = 7 * 86_400, most: int = 50, threads: int | None = 1
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs worth comparing.

    Parameters
    ----------
    prepared:
        Articles to compare with each other.
    window:
        Seconds; two articles published further apart are no candidates.  An undated article is a
        candidate of every other one.
    most:
        Candidates of one article; a pair is kept if either names the other.
    threads:
        Threads to use; ``None`` is every core.  The result does not depend on it.

    Returns
    -------
    left, right : int64 arrays (m,)
        ``left < right``, sorted by both, without repetition.
    """
    n = len(prepared.published)
    if n < 2:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    order = np.lexsort(
        (np.arange(n), np.where(prepared.published == UNDATED, np.iinfo(np.int64).max, prepared.published))
    )
    times = prepared.published[order]
    dated = int(np.searchsorted(times == UNDATED, True))
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n)
    key_offsets, keys, weights = heaviest_keys(
        prepared.term_offsets, prepared.term_hash, prepared.term_bits, prepared.weight, KEYS
    )
    owner = np.repeat(rank, np.diff(key_offsets)).astype(np.uint32)
    by_key = np.argsort(keys.astype(np.uint64) << np.uint64(32) | owner)
    sorted_keys, postings = keys[by_key], owner[by_key]
    first = np.flatnonzero(np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]]))
    begin = np.append(first, len(postings)).astype(np.int64)
    # Where the list of each key of each article begins.
    lists = np.empty(len(keys), np.int64)
    lists[by_key] = np.repeat(np.arange(len(first)), np.diff(begin))
    low = np.searchsorted(times[:dated], times[:dated] - int(window), side="left")
    high = np.searchsorted(times[:dated], times[:dated] + int(window), side="right")
    bounds = np.stack([low, high], axis=1).astype(np.int64)

    def chunk(span: tuple[int, int]) -> NDArray[np.uint64]:
        codes: NDArray[np.uint64] = best_candidates(
            span[0], span[1], order, key_offsets, weights, lists, begin, postings, bounds, dated, most, BUDGET
        )
        return codes

    spans = list(pairwise([*range(0, n, _CHUNK), n]))
    codes = np.unique(np.concatenate(list(ordered_map(chunk, spans, threads=thread_count(threads)))))
    return (codes >> np.uint64(32)).astype(np.int64), (codes & np.uint64(0xFFFFFFFF)).astype(np.int64)


@kernel()
def heaviest_keys(offsets: Any, hashes: Any, bits: Any, weight: Any, most: Any) -> Any:
    """The ``most`` heaviest terms of each article: offsets, hashes and squared weights."""
    n = offsets.shape[0] - 1
    key_offsets = np.zeros(n + 1, np.int64)
    keys = np.empty(n * most, np.uint32)
    weights = np.empty(n * most, np.float32)
    at = 0
    for i in range(n):
        first, size = offsets[i], offsets[i + 1] - offsets[i]
        order = np.empty(size, np.uint64)
        for k in range(size):
            b = bits[first + k]
            heavy = weight[first + k] * (1.0 + np.log(FREQUENCIES[b >> TF_SHIFT]))
            if b & TITLE:
                heavy *= TITLE_BOOST
            order[k] = np.uint64(0xFFFFFFFF - np.int64(heavy * 65536)) << np.uint64(32) | np.uint64(hashes[first + k])
        order.sort()
        kept = np.sort(order[: min(most, size)] & np.uint64(0xFFFFFFFF))
        at = write_keys(kept, hashes, weight, first, keys, weights, at)
        key_offsets[i + 1] = at
    return key_offsets, keys[:at].copy(), weights[:at].copy()


@njit(nogil=True)
def write_keys(kept: Any, hashes: Any, weight: Any, first: Any, keys: Any, weights: Any, at: Any) -> Any:
    """Write the chosen hashes (in rising order) with their squared weights; return the new end."""
    k = first
    for h in kept:
        while np.uint64(hashes[k]) != h:
            k += 1
        keys[at] = hashes[k]
        weights[at] = weight[k] * weight[k]
        at += 1
    return at


@kernel()
def best_candidates(
    start: Any, stop: Any, order: Any, key_offsets: Any, weights: Any, lists: Any, begin: Any, postings: Any,
    bounds: Any, dated: Any, most: Any, budget: Any,
) -> Any:  # fmt: skip
    """Codes ``smaller << 32 | larger`` of the best candidates of the articles of ranks ``start:stop``."""
    n = order.shape[0]
    score = np.zeros(n, np.float32)
    touched = np.empty(n, np.int64)
    out = np.empty((stop - start) * most, np.uint64)
    found = 0
    for r in range(start, stop):
        i = order[r]
        size = key_offsets[i + 1] - key_offsets[i]
        low, high = (bounds[r, 0], bounds[r, 1]) if r < dated else (np.int64(0), np.int64(dated))
        spans = np.empty((size, 4), np.int64)
        lengths = np.empty(size, np.int64)
        for k in range(size):
            a, b = begin[lists[key_offsets[i] + k]], begin[lists[key_offsets[i] + k] + 1]
            spans[k, 0] = a + np.searchsorted(postings[a:b], low)
            spans[k, 1] = a + np.searchsorted(postings[a:b], high)
            spans[k, 2] = a + np.searchsorted(postings[a:b], dated)
            spans[k, 3] = b
            lengths[k] = (spans[k, 1] - spans[k, 0] + spans[k, 3] - spans[k, 2]) << 8 | k
        lengths.sort()
        read, count = 0, 0
        for entry in lengths:
            k = entry & 255
            read += entry >> 8
            if read > budget:
                break
            w = weights[key_offsets[i] + k]
            for part in range(2):
                for at in range(spans[k, 2 * part], spans[k, 2 * part + 1]):
                    other = np.int64(postings[at])
                    if score[other] == 0:
                        touched[count] = other
                        count += 1
                    score[other] += w
        best = np.empty(count, np.uint64)
        kept = 0
        for c in range(count):
            other = touched[c]
            if other != r:
                best[kept] = np.uint64(0xFFFFFFFF - np.int64(score[other] * 64)) << np.uint64(32) | np.uint64(
                    order[other]
                )
                kept += 1
            score[other] = 0
        if kept > 4 * most:
            best[:kept] = np.partition(best[:kept], most)
            kept = most
        chosen = np.sort(best[:kept])
        for c in range(min(most, kept)):
            other = np.int64(chosen[c] & np.uint64(0xFFFFFFFF))
            out[found] = np.uint64(min(i, other)) << np.uint64(32) | np.uint64(max(i, other))
            found += 1
    return out[:found].copy()
