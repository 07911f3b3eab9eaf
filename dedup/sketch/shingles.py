"""Sets of 64-bit shingles, and the exact scores of pairs of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dedup.sketch import kernels
from dedup.text.columns import Texts
from dedup.text.parallel import map_texts
from dedup.text.tables import character_table


@dataclass(frozen=True, slots=True)
class PairScores:
    """Exact scores of ``p`` pairs, each ``float64[p]``.

    Attributes
    ----------
    jaccard:
        Shared shingles over all shingles of the two.
    containment_left, containment_right:
        Shared shingles over the shingles of the left (right) text: 1.0 means it is wholly inside the other.
    """

    jaccard: NDArray[np.float64]
    containment_left: NDArray[np.float64]
    containment_right: NDArray[np.float64]

    @property
    def containment(self) -> NDArray[np.float64]:
        """The larger containment: how much of the smaller text is in the other."""
        return np.maximum(self.containment_left, self.containment_right)


@dataclass(frozen=True, slots=True)
class ShingleSets:
    """The distinct word shingles of ``n`` texts.

    Attributes
    ----------
    hashes:
        ``uint64[m]``: 64-bit shingle hashes, sorted within each text.  Two different shingles of a million articles
        share a hash with probability below 1e-2 anywhere in the corpus, and below 1e-15 in a given pair.
    offsets:
        ``int64[n + 1]``: set ``i`` is ``hashes[offsets[i]:offsets[i + 1]]``.
    """

    hashes: NDArray[np.uint64]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Any, *, ngram: int = 5, threads: int | None = 1) -> ShingleSets:
        """Shingle a column of texts (anything :meth:`dedup.text.Texts.of` takes)."""
        if ngram < 1:
            raise ValueError(f"ngram is {ngram}; use 1 or more")
        table = character_table()

        def shingle(part: Texts) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
            out = np.empty(part.nbytes // 2 + len(part) + 1, np.uint64)
            ends = np.empty(len(part) + 1, np.int64)
            total = kernels.shingle_column(
                part.data, part.offsets, table.entries, table.expansions, table.tones, ngram, out, ends
            )
            return out[:total].copy(), np.diff(ends)

        done = map_texts(shingle, texts, threads=threads)
        if not done:
            return cls(np.empty(0, np.uint64), np.zeros(1, np.int64))
        sizes = np.concatenate([size for _, size in done])
        return cls(np.concatenate([hashes for hashes, _ in done]), np.concatenate([[0], np.cumsum(sizes)]))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> NDArray[np.uint64]:
        return self.hashes[self.offsets[i] : self.offsets[i + 1]]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """``int64[n]``: distinct shingles of each text."""
        return np.diff(self.offsets)

    def scores(self, left: ArrayLike, right: ArrayLike) -> PairScores:
        """Return the exact scores of the pairs ``(left[p], right[p])`` of set numbers; two empty sets score 0."""
        a = np.ascontiguousarray(left, np.int64)
        b = np.ascontiguousarray(right, np.int64)
        common = np.empty(len(a), np.int64)
        kernels.common_counts(self.hashes, self.offsets, a, b, common)
        size_a, size_b = self.sizes[a], self.sizes[b]
        return PairScores(
            common / np.maximum(size_a + size_b - common, 1),
            common / np.maximum(size_a, 1),
            common / np.maximum(size_b, 1),
        )
