"""MinHash signatures, LSH bands, exact verification."""

from __future__ import annotations

from dedup.sketch.bands import band_hashes, candidate_probability, optimal_bands
from dedup.sketch.shingles import PairScores, ShingleSets
from dedup.sketch.signature import estimate_jaccard, minhash
from dedup.text.hashing import shingle_hash32

__all__ = [
    "PairScores",
    "ShingleSets",
    "band_hashes",
    "candidate_probability",
    "estimate_jaccard",
    "minhash",
    "optimal_bands",
    "shingle_hash32",
]
