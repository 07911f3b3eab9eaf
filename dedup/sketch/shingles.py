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
    """Exact scores of ``p`` pairs, ``float64[p]`` but for the counts.

    Attributes
    ----------
    jaccard:
        Shared shingles over all shingles of the two.
    containment_left, containment_right:
        Shared shingles over the shingles of the left (right) text: 1.0 means it is wholly inside the other.
    smaller:
        ``int64[p]``: distinct shingles of the smaller text.
    numbers:
        ``int64[p]``: numbers (decimal tokens, repeated ones counted) in the text that has fewer.
    numeric_difference:
        Share of those numbers that the other text lacks; 0 where there are none.
    """

    jaccard: NDArray[np.float64]
    containment_left: NDArray[np.float64]
    containment_right: NDArray[np.float64]
    smaller: NDArray[np.int64]
    numbers: NDArray[np.int64]
    numeric_difference: NDArray[np.float64]

    @property
    def containment(self) -> NDArray[np.float64]:
        """The larger containment: how much of the smaller text is in the other."""
        return np.maximum(self.containment_left, self.containment_right)


@dataclass(frozen=True, slots=True)
class ShingleSets:
    """The distinct word shingles, and the numbers, of ``n`` texts.

    Attributes
    ----------
    hashes:
        ``uint64[m]``: 64-bit shingle hashes, sorted within each text.  A given pair of texts of 500 shingles meets a
        false match with probability below 2e-14.
    offsets:
        ``int64[n + 1]``: set ``i`` is ``hashes[offsets[i]:offsets[i + 1]]``.
    numbers:
        ``uint64[k]``: token hashes of the numbers, sorted within each text, repeated ones kept.
    number_offsets:
        ``int64[n + 1]``: numbers of text ``i`` are ``numbers[number_offsets[i]:number_offsets[i + 1]]``.
    """

    hashes: NDArray[np.uint64]
    offsets: NDArray[np.int64]
    numbers: NDArray[np.uint64]
    number_offsets: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Any, *, ngram: int = 5, masked: bool = False, threads: int | None = 1) -> ShingleSets:
        """Shingle a column of texts (anything :meth:`dedup.text.Texts.of` takes).

        Parameters
        ----------
        texts:
            The texts.
        ngram:
            Tokens in a shingle; a shorter text is one shingle of all its tokens.
        masked:
            Read every number as the same token: what remains is the wording of a template.
        threads:
            Threads to use; ``None`` is every core.

        Raises
        ------
        ValueError
            If ``ngram`` or ``threads`` is below 1.
        """
        if ngram < 1:
            raise ValueError(f"ngram is {ngram}; use 1 or more")
        table = character_table()

        def shingle(first: int, part: Texts) -> tuple[NDArray[Any], ...]:
            room = part.nbytes // 2 + len(part) + 1
            out, numbers = np.empty(room, np.uint64), np.empty(room, np.uint64)
            ends, number_ends = np.empty(len(part) + 1, np.int64), np.empty(len(part) + 1, np.int64)
            kernels.shingle_column(
                part.data, part.offsets, table.entries, table.expansions, ngram, masked,
                out, ends, numbers, number_ends,
            )  # fmt: skip
            return out[: ends[-1]].copy(), np.diff(ends), numbers[: number_ends[-1]].copy(), np.diff(number_ends)

        done = map_texts(shingle, texts, threads=threads)
        if not done:
            return cls(np.empty(0, np.uint64), np.zeros(1, np.int64), np.empty(0, np.uint64), np.zeros(1, np.int64))
        hashes, sizes, numbers, number_sizes = (np.concatenate(column) for column in zip(*done, strict=True))
        return cls(hashes, _ends(sizes), numbers, _ends(number_sizes))

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
        common, common_numbers = np.empty(len(a), np.int64), np.empty(len(a), np.int64)
        kernels.common_counts(self.hashes, self.offsets, a, b, common)
        kernels.common_counts(self.numbers, self.number_offsets, a, b, common_numbers)
        size_a, size_b = self.sizes[a], self.sizes[b]
        counts = np.diff(self.number_offsets)
        numbers = np.minimum(counts[a], counts[b])
        return PairScores(
            jaccard=common / np.maximum(size_a + size_b - common, 1),
            containment_left=common / np.maximum(size_a, 1),
            containment_right=common / np.maximum(size_b, 1),
            smaller=np.minimum(size_a, size_b),
            numbers=numbers,
            numeric_difference=(numbers - common_numbers) / np.maximum(numbers, 1),
        )


def _ends(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
