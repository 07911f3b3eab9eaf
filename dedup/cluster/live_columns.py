"""The articles that live stories are made of, in order of arrival, weighed anew as their number grows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dedup.cluster.candidates import KEYS, heaviest_keys
from dedup.cluster.live_buffers import append, grow, take, take_ragged
from dedup.cluster.pair_features import Prepared, field_norms, prepare
from dedup.vectors import Features, Idf

#: Without a snapshot given, terms are weighed anew, by the articles seen so far, when these have grown by a quarter;
#: from the first count to the last.
GROWTH, FIRST_WEIGHING, LAST_WEIGHING = 1.25, 16, 20_000


class LiveColumns:
    """Columns of articles, one slot an article.

    Parameters
    ----------
    idf:
        Snapshot under which all articles are weighed.  When missing, the prior blended with the articles that have
        arrived, weighed anew at fixed numbers of articles.

    Attributes
    ----------
    prepared:
        Buffers whose first ``len(self)`` articles count.
    """

    prepared: Prepared

    def __init__(self, idf: Idf | None) -> None:
        self._idf = idf or Idf.prior()
        self._weigh_at = FIRST_WEIGHING if idf is None else -1
        #: Prior IDF of every term entered, for weighing anew.
        self._prior = np.empty(0, np.uint8)
        self.prepared = prepare(Features.empty(), self._idf)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, features: Features) -> int:
        """Enter articles; return the slot of the first."""
        first = self._count
        self._prior = grow(self._prior, int(self.prepared.term_offsets[first]), features.term_idf)
        self.prepared = append(self.prepared, prepare(features, self._idf), first)
        self._count += len(features)
        return first

    def heaviest(self, first: int) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.float32]]:
        """Return offsets, keys and weights of the heaviest terms of each article from slot ``first`` on."""
        p = self.prepared
        span = slice(first, self._count + 1)
        found: tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.float32]] = heaviest_keys(
            p.term_offsets[span], p.term_hash, p.term_bits, p.weight, KEYS
        )
        return found

    def steps(self, n: int) -> Iterator[tuple[int, int]]:
        """Cut ``n`` articles about to be entered where terms are weighed anew, and weigh them there."""
        done = 0
        while done < n:
            room = n - done if self._weigh_at < 0 else self._weigh_at - self._count
            step = min(n - done, max(1, room))
            yield done, done + step
            done += step
            if 0 <= self._weigh_at <= self._count:
                self._weigh()

    def taken(self, slots: NDArray[np.int64]) -> LiveColumns:
        """Return the columns of the articles in ``slots`` alone, weighed as here, and anew when these would be."""
        kept = LiveColumns(self._idf)
        kept._weigh_at = self._weigh_at
        kept._prior = take_ragged(self._prior, self.prepared.term_offsets, slots)
        kept.prepared = take(self.prepared, slots)
        kept._count = len(slots)
        return kept

    def _weigh(self) -> None:
        """Blend the prior with the articles entered so far and weigh them under it."""
        n, p = self._count, self.prepared
        m = int(p.term_offsets[n])
        keys, counts = np.unique(p.term_hash[:m], return_counts=True)
        common = counts > 1
        self._idf = Idf(n, keys[common], counts[common].astype(np.uint32))
        p.weight[:m] = self._idf.weigh(p.term_hash[:m], self._prior[:m])
        p.norms[:n] = 0
        field_norms(p.term_offsets[: n + 1], p.term_bits, p.weight, p.norms[:n])
        self._weigh_at = int(n * GROWTH) + 1 if n < LAST_WEIGHING else -1
