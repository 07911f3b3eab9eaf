"""Candidates: which pairs of articles are worth comparing, by postings over each article's heaviest terms.

Every article is indexed under its ``KEYS`` heaviest terms, and asks with the same terms; articles that share most
squared IDF with it inside the time window are its candidates.  Rare terms are read first, and reading
stops at a budget, so that the cost of an article does not grow with the corpus (term-at-a-time evaluation with early
termination; Moffat and Zobel, "Self-indexing inverted files for fast text retrieval", 1996).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
_LOOKED_UP = 1 << 20


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
    codes = Candidates(Keys.of(prepared), window=window, most=most).between(0, n, threads=threads)
    return (codes >> np.uint64(32)).astype(np.int64), (codes & np.uint64(0xFFFFFFFF)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Keys:
    """Heaviest terms of ``n`` articles.

    Attributes
    ----------
    offsets:
        ``int64[n + 1]``: terms of article ``i`` are ``offsets[i]:offsets[i + 1]``.
    hashes, weights:
        ``uint32[k]``, ``float32[k]``: terms and their squared weights.
    published:
        ``int64[n]``: seconds, or :data:`~dedup.vectors.anchors.UNDATED`.
    """

    offsets: NDArray[np.int64]
    hashes: NDArray[np.uint32]
    weights: NDArray[np.float32]
    published: NDArray[np.int64]

    @classmethod
    def of(cls, prepared: Prepared) -> Keys:
        """Choose the heaviest terms."""
        offsets, hashes, weights = heaviest_keys(
            prepared.term_offsets, prepared.term_hash, prepared.term_bits, prepared.weight, KEYS
        )
        return cls(offsets, hashes, weights, prepared.published)

    @classmethod
    def join(cls, parts: Sequence[Keys]) -> Keys:
        """Join the keys of articles one after the other."""
        sizes = np.concatenate([np.diff(part.offsets) for part in parts])
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
        names = ("hashes", "weights", "published")
        return cls(offsets, *(np.concatenate([getattr(part, name) for part in parts]) for name in names))


class Candidates:
    """Postings over the heaviest terms of ``n`` articles, and who is whose candidate.

    Parameters
    ----------
    keys:
        Of all articles.
    window, most:
        As :func:`candidate_pairs`.
    """

    def __init__(self, keys: Keys, *, window: float, most: int) -> None:
        n = len(keys.published)
        late = np.where(keys.published == UNDATED, np.iinfo(np.int64).max, keys.published)
        self._order = np.lexsort((np.arange(n), late))
        times = keys.published[self._order]
        self._dated = int(np.searchsorted(times == UNDATED, True))
        self._rank = np.empty(n, np.int64)
        self._rank[self._order] = np.arange(n)
        # Sorted in place, eight bytes a posting: these are the largest arrays of a corpus whose features are on disk.
        packed = keys.hashes.astype(np.uint64)
        packed <<= np.uint64(32)
        packed |= np.repeat(self._rank.astype(np.uint32), np.diff(keys.offsets))
        packed.sort()
        self._postings = packed.astype(np.uint32)
        packed >>= np.uint64(32)
        new = np.ones(len(packed), bool)
        new[1:] = packed[1:] != packed[:-1]
        first = np.flatnonzero(new)
        self._begin = np.append(first, len(packed)).astype(np.int64)
        distinct = packed[first].astype(np.uint32)
        del packed
        # Number of the list of each key of each article.
        self._lists = np.empty(len(keys.hashes), np.int32)
        for start in range(0, len(keys.hashes), _LOOKED_UP):
            span = slice(start, start + _LOOKED_UP)
            self._lists[span] = np.searchsorted(distinct, keys.hashes[span])
        dated = times[: self._dated]
        low = np.searchsorted(dated, dated - int(window), side="left")
        high = np.searchsorted(dated, dated + int(window), side="right")
        self._bounds = np.stack([low, high], axis=1).astype(np.int64)
        self._offsets, self._weights, self._most = keys.offsets, keys.weights, most

    def between(self, start: int, stop: int, *, threads: int | None = 1) -> NDArray[np.uint64]:
        """Return the pairs ``smaller << 32 | larger`` of the articles of ranks ``start:stop``, in order of publication.

        Sorted, without repetition.
        """
        spans = list(pairwise([*range(start, stop, _CHUNK), stop]))
        return distinct(np.concatenate(list(ordered_map(self._best, spans, threads=thread_count(threads)))))

    def of(self, articles: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Return the pairs of some articles, likewise."""
        ranks = np.sort(self._rank[articles])
        runs = np.split(ranks, np.flatnonzero(np.diff(ranks) != 1) + 1) if len(ranks) else []
        found = [self.between(int(run[0]), int(run[-1]) + 1) for run in runs]
        return distinct(np.concatenate(found)) if found else np.empty(0, np.uint64)

    def _best(self, span: tuple[int, int]) -> NDArray[np.uint64]:
        codes: NDArray[np.uint64] = best_candidates(
            span[0], span[1], self._order, self._offsets, self._weights, self._lists, self._begin, self._postings,
            self._bounds, self._dated, self._most, BUDGET,
        )  # fmt: skip
        return codes


def distinct(codes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the codes once each, sorted (``np.unique`` hashes them first, which takes fifty times as long)."""
    codes.sort()
    first = np.ones(len(codes), bool)
    np.not_equal(codes[1:], codes[:-1], out=first[1:])
    return codes[first]


@kernel
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


@kernel
def best_candidates(
    start: Any, stop: Any, order: Any, key_offsets: Any, weights: Any, lists: Any, begin: Any, postings: Any,
    bounds: Any, dated: Any, most: Any, budget: Any,
) -> Any:  # fmt: skip
    """Codes ``smaller << 32 | larger`` of the best candidates of the articles of ranks ``start:stop``."""
    n = order.shape[0]
    score = np.zeros(n, np.float32)
    touched = np.empty(n + 1, np.uint32)
    best = np.empty(4 * most, np.uint64)
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
            undated = b if postings[b - 1] < dated else a + np.searchsorted(postings[a:b], dated)
            spans[k, 0] = a + np.searchsorted(postings[a:undated], low)
            spans[k, 1] = spans[k, 0] + np.searchsorted(postings[spans[k, 0] : undated], high)
            spans[k, 2], spans[k, 3] = undated, b
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
                    other = postings[at]
                    # No branch: whether it was met before could not be predicted.
                    touched[count] = other
                    count += score[other] == 0
                    score[other] += w
        # Of some thousands, all but the best are refused by a limit that rises as better ones are found.
        kept, limit = 0, np.uint64(0xFFFFFFFFFFFFFFFF)
        for other in touched[:count]:
            code = np.uint64(0xFFFFFFFF - np.int64(score[other] * 64)) << np.uint64(32) | np.uint64(order[other])
            score[other] = 0
            if code < limit and other != r:
                best[kept] = code
                kept += 1
                if kept == 4 * most:
                    best.sort()
                    kept, limit = most, best[most - 1]
        chosen = np.sort(best[:kept])
        for c in range(min(most, kept)):
            other = np.int64(chosen[c] & np.uint64(0xFFFFFFFF))
            out[found] = np.uint64(min(i, other)) << np.uint64(32) | np.uint64(max(i, other))
            found += 1
    return out[:found].copy()
