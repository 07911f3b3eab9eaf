"""From raw texts to scored pairs: candidates by LSH and by sampled postings, each verified exactly."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dedup.sketch import kernels
from dedup.sketch.bands import thorough_bands
from dedup.sketch.fingerprint import Fingerprints
from dedup.sketch.join import band_candidates, sample_candidates
from dedup.sketch.pairs import pair_codes, renumbered
from dedup.sketch.shingles import ShingleSets
from dedup.text.columns import take
from dedup.text.parallel import ordered_map

#: Standard errors of the estimate below the threshold at which a candidate is not worth verifying (1 in 2,000 pairs).
_SLACK = 3.3
#: Posting lists longer than this are boilerplate.
LONGEST_LIST = 16
#: Share of the cut's samples that must be in the longer text for the pair to be verified.
SHARED_SAMPLES = 0.4
#: Candidate pairs verified at a time: bounds the shingle sets in memory.
_BLOCK = 1 << 13


@dataclass(frozen=True, slots=True)
class ScoredPairs:
    """Pairs of texts with exact scores, columns of length ``p``.

    Attributes
    ----------
    left, right:
        ``int64[p]``: text numbers.
    jaccard, containment_left, containment_right, smaller, numbers, numeric_difference:
        As :class:`dedup.sketch.PairScores`.
    wording:
        ``float64[p]``: Jaccard with numbers masked, -1 where it was not needed.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    jaccard: NDArray[np.float64]
    containment_left: NDArray[np.float64]
    containment_right: NDArray[np.float64]
    smaller: NDArray[np.int64]
    numbers: NDArray[np.int64]
    numeric_difference: NDArray[np.float64]
    wording: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.left)

    @property
    def containment(self) -> NDArray[np.float64]:
        """``float64[p]``: how much of the smaller text is in the other."""
        return np.maximum(self.containment_left, self.containment_right)

    def __getitem__(self, rows: NDArray[Any] | slice) -> Self:
        return type(self)(*(getattr(self, f.name)[rows] for f in fields(self)))

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """Concatenate."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))


def score_pairs(
    texts: Any,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    *,
    ngram: int,
    threads: int,
    wording_from: float = 0.5,
    near_from: float = np.inf,
) -> ScoredPairs:
    """Score pairs of texts exactly, a block of pairs at a time.

    Parameters
    ----------
    texts:
        The column of texts.
    left, right:
        ``int64[p]``: text numbers.
    ngram, threads:
        As :func:`dedup.minhash`.
    wording_from:
        Numeric difference from which the wording (numbers masked) is scored too.
    near_from:
        Jaccard from which it is not: the two are of one form as they stand.
    """
    spans = [(i, min(len(left), i + _BLOCK)) for i in range(0, max(1, len(left)), _BLOCK)]
    return ScoredPairs.join(
        [_score_block(texts, left[i:j], right[i:j], ngram, threads, wording_from, near_from) for i, j in spans]
    )


def _score_block(
    texts: Any,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    ngram: int,
    threads: int,
    wording_from: float,
    near_from: float,
) -> ScoredPairs:
    rows, a, b = renumbered(left, right)
    needed = take(texts, rows)
    scores = ShingleSets.of(needed, ngram=ngram, threads=threads).scores(a, b)
    wording = np.full(len(left), -1.0)
    differ = (scores.numeric_difference >= wording_from) & (scores.numbers > 0)
    doubtful = np.flatnonzero(differ & (scores.jaccard < near_from))
    if len(doubtful):
        used, a, b = renumbered(a[doubtful], b[doubtful])
        masked = ShingleSets.of(take(needed, used), ngram=ngram, masked=True, threads=threads)
        wording[doubtful] = masked.scores(a, b).jaccard
    return ScoredPairs(
        left, right, scores.jaccard, scores.containment_left, scores.containment_right, scores.smaller,
        scores.numbers, scores.numeric_difference, wording,
    )  # fmt: skip


def near_duplicate_pairs(
    texts: Any, prints: Fingerprints, members: NDArray[np.int64], *, threshold: float, ngram: int, threads: int
) -> ScoredPairs:
    """Find, by LSH, and verify the pairs of ``members`` that can have Jaccard ``threshold`` or more.

    ``members int64[m]`` are text numbers by preference as representative, without two of the same content.  The bands
    find a pair at the threshold with probability 0.96 or more (for thresholds up to 0.9); pairs whose estimate is well
    below the threshold are not verified.
    """
    num_perm = prints.signatures.shape[1]
    bands, rows = thorough_bands(threshold, num_perm)
    a, b = band_candidates(prints.signatures, members, bands, rows, threads=threads)
    left, right = members[a], members[b]
    likely = _equal_rows(prints.signatures, left, right, threads) >= enough_equal_rows(num_perm, threshold)
    return score_pairs(texts, left[likely], right[likely], ngram=ngram, threads=threads, near_from=threshold)


def enough_equal_rows(num_perm: int, threshold: float) -> float:
    """Return the equal rows of two signatures from which a pair is worth verifying."""
    return float(num_perm * threshold - _SLACK * np.sqrt(num_perm * threshold * (1 - threshold)))


def _equal_rows(
    signatures: NDArray[np.uint32], left: NDArray[np.int64], right: NDArray[np.int64], threads: int
) -> NDArray[np.int64]:
    equal = np.empty(len(left), np.int64)
    step = 1 << 16

    def count(start: int) -> None:
        span = slice(start, start + step)
        kernels.count_equal(signatures, left[span], right[span], equal[span])

    list(ordered_map(count, range(0, len(left), step), threads=threads))
    return equal


def containment_pairs(
    texts: Any,
    prints: Fingerprints,
    members: NDArray[np.int64],
    *,
    known: ScoredPairs,
    threshold: float,
    ngram: int,
    threads: int,
) -> ScoredPairs:
    """Find, by sampled shingles, and verify the pairs of ``members`` where much of one text is in the other.

    Pairs that are ``known`` are passed over; ``threshold`` is that of near-duplicates.

    A text of ``s`` shingles keeps one in ``2**rate``, chosen by hash, so that the samples of the longer text are among
    those of the shorter one; numbers are masked, so that templates meet as well.

    References
    ----------
    A. Broder, "On the resemblance and containment of documents", SEQUENCES 1997 (the mod-m sketch).
    """
    a, b, shared, usable = sample_candidates(prints.samples, prints.sample_counts, members, longest=LONGEST_LIST)
    rate = prints.rates[members].astype(np.int64)
    # Of the samples of the text sampled more densely, only those at the other's rate can meet.
    common_rate = np.maximum(rate[a], rate[b])
    expected = np.minimum(usable[a] * 2.0 ** (rate[a] - common_rate), usable[b] * 2.0 ** (rate[b] - common_rate))
    likely = shared >= SHARED_SAMPLES * expected
    left, right = members[a[likely]], members[b[likely]]
    new = ~np.isin(pair_codes(left, right), pair_codes(known.left, known.right))
    return score_pairs(texts, left[new], right[new], ngram=ngram, threads=threads, near_from=threshold)
