"""The peers, each from raw text, each in the fastest way its documentation offers.

A *signer* takes ``list[str]`` and makes a 128-slot sketch of word 5-grams of each text.  A *finder* takes
``list[str]`` and a threshold and says, for each text, whether an earlier text is its near-duplicate.  Tokens are
:data:`WORD` runs of the lower-cased text everywhere, but for gaoya and for :mod:`dedup`, which tokenise themselves.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORD = re.compile(r"\w+")
NGRAM = 5
PERMUTATIONS = 128
Signer = Callable[[list[str]], Any]
Finder = Callable[[list[str], float], NDArray[np.bool_]]


def shingles(text: str) -> list[str]:
    """Word 5-grams as strings; a shorter text is one shingle."""
    words = WORD.findall(text.lower())
    if len(words) <= NGRAM:
        return [" ".join(words)]
    return [" ".join(words[i : i + NGRAM]) for i in range(len(words) - NGRAM + 1)]


def datasketch_bulk(texts: list[str]) -> Any:
    """``MinHash.bulk`` with its default SHA-1."""
    from datasketch import MinHash

    return MinHash.bulk([[s.encode() for s in shingles(text)] for text in texts], num_perm=PERMUTATIONS)


def rensa_full(texts: list[str]) -> Any:
    """R-MinHash over every shingle, the batch call that gives a matrix."""
    from rensa import RMinHash

    return RMinHash.digest_matrix_from_token_sets([shingles(text) for text in texts], PERMUTATIONS, 42)


def rensa_rho(texts: list[str]) -> Any:
    """The rho pipeline: sampled positions."""
    from rensa import RMinHash

    return RMinHash.digest_matrix_from_token_sets_rho([shingles(text) for text in texts], PERMUTATIONS, 42)


def _gaoya_index(threshold: float) -> Any:
    import gaoya

    return gaoya.minhash.MinHashStringIndex(
        hash_size=32, jaccard_threshold=threshold, num_bands=42, band_size=3, num_hashes=126,
        analyzer="word", lowercase=True, ngram_range=(NGRAM, NGRAM),
    )  # fmt: skip


def gaoya(texts: list[str]) -> Any:
    """Bulk insertion: gaoya has no call that signs without indexing."""
    index = _gaoya_index(0.5)
    index.par_bulk_insert_docs(list(range(len(texts))), texts)
    return index


def fastsketch(texts: list[str]) -> Any:
    """Fast similarity sketch over shingle strings, in batches."""
    from FastSketchLSH import FastSimilaritySketch

    return FastSimilaritySketch(size=PERMUTATIONS, seed=42).batch([shingles(text) for text in texts])


_PRIME = np.uint64((1 << 61) - 1)


def text_dedup(texts: list[str]) -> list[NDArray[np.uint32]]:
    """The method of text-dedup's ``minhash``: SHA-1 of each n-gram, one affine permutation matrix in numpy."""
    draw = np.random.RandomState(42)
    a = draw.randint(1, int(_PRIME), PERMUTATIONS, dtype=np.uint64)
    b = draw.randint(0, int(_PRIME), PERMUTATIONS, dtype=np.uint64)
    out = []
    for text in texts:
        hashes = {int.from_bytes(hashlib.sha1(s.encode()).digest()[:4], "little") for s in shingles(text)}
        column = np.fromiter(hashes, np.uint64, len(hashes)).reshape(-1, 1)
        out.append((((column * a + b) % _PRIME) & np.uint64(0xFFFFFFFF)).min(axis=0).astype(np.uint32))
    return out


SIGNERS: dict[str, Signer] = {
    "datasketch bulk": datasketch_bulk,
    "text-dedup method": text_dedup,
    "rensa full": rensa_full,
    "rensa rho": rensa_rho,
    "FastSketchLSH": fastsketch,
    "gaoya (with index)": gaoya,
}


def find_rensa(texts: list[str], threshold: float) -> NDArray[np.bool_]:
    """``RMinHashDeduplicator``: LSH, candidates judged by estimate."""
    from rensa import RMinHashDeduplicator

    index = RMinHashDeduplicator(threshold=threshold, num_perm=PERMUTATIONS, use_lsh=True)
    return ~np.array(index.add_pairs((str(i), shingles(text)) for i, text in enumerate(texts)), dtype=bool)


def find_rensa_rho(texts: list[str], threshold: float) -> NDArray[np.bool_]:
    """The rho matrix and one-shot LSH flags, no verification; 42 bands do not divide 128, so 32."""
    from rensa import RMinHashLSH

    matrix = rensa_rho(texts)
    index = RMinHashLSH(threshold=threshold, num_perm=PERMUTATIONS, num_bands=32)
    return np.array(index.query_duplicate_flags_matrix_one_shot(matrix), dtype=bool)


def find_gaoya(texts: list[str], threshold: float) -> NDArray[np.bool_]:
    """Index everything, then query everything: candidates judged by estimate."""
    index = _gaoya_index(threshold)
    index.par_bulk_insert_docs(list(range(len(texts))), texts)
    found = index.par_bulk_query(texts)
    return np.array([any(j < i for j in answer) for i, answer in enumerate(found)], dtype=bool)


def find_fastsketch(texts: list[str], threshold: float) -> NDArray[np.bool_]:
    """Sketches and one-shot LSH flags, no verification."""
    from FastSketchLSH import LSH

    sketches = np.asarray(fastsketch(texts), dtype=np.uint64)
    index = LSH(num_perm=PERMUTATIONS, num_bands=32)
    return np.array(index.insert_and_query_duplicates(sketches), dtype=bool)


def find_datasketch(texts: list[str], threshold: float) -> NDArray[np.bool_]:
    """``MinHashLSH``: query, then insert, in order; no verification."""
    from datasketch import MinHashLSH

    index = MinHashLSH(threshold, PERMUTATIONS, params=(42, 3))
    found = []
    for i, signature in enumerate(datasketch_bulk(texts)):
        found.append(bool(index.query(signature)))
        index.insert(i, signature, check_duplication=False)
    return np.array(found, dtype=bool)


def find_text_dedup(texts: list[str], threshold: float) -> NDArray[np.bool_]:
    """The method of text-dedup: every band in a table of its own, union-find over what meets; no verification."""
    buckets: dict[tuple[int, bytes], int] = {}
    parent = list(range(len(texts)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, signature in enumerate(text_dedup(texts)):
        for band in range(42):
            other = root(buckets.setdefault((band, signature[3 * band : 3 * band + 3].tobytes()), i))
            own = root(i)
            parent[max(own, other)] = min(own, other)
    return np.array([root(i) != i for i in range(len(texts))], dtype=bool)


FINDERS: dict[str, Finder] = {
    "datasketch LSH": find_datasketch,
    "text-dedup method": find_text_dedup,
    "rensa deduplicator": find_rensa,
    "rensa rho": find_rensa_rho,
    "FastSketchLSH": find_fastsketch,
    "gaoya": find_gaoya,
}
