"""MinHash signatures from raw text."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.sketch import kernels
from dedup.sketch.permutations import permutations
from dedup.text.columns import Texts, column_of
from dedup.text.parallel import map_texts
from dedup.text.tables import character_table


def minhash(
    texts: Any, *, num_perm: int = 128, ngram: int = 5, seed: int = 1, threads: int | None = None
) -> NDArray[np.uint32]:
    """Return the MinHash signatures of the word shingles of each text.

    Bit-identical to ``datasketch.MinHash(num_perm, seed, scheme="affine32", hashfunc=dedup.shingle_hash32)``
    updated with every shingle; ``MinHash(hashvalues=row, scheme="affine32")`` takes a row back.

    Parameters
    ----------
    texts:
        A sequence of ``str`` (``None`` is empty), or a pyarrow string array, chunked or not, which is read
        without making Python strings; a pandas or polars Series is taken as Arrow.
    num_perm:
        Permutations; the standard error of an estimate is at most ``0.5 / sqrt(num_perm)``.
    ngram:
        Tokens in a shingle (see :func:`dedup.text.tokens`).  A shorter text is one shingle of all its tokens.
    seed:
        Seed of the permutations, as in datasketch.
    threads:
        Threads to use; ``None`` is every core.  The result does not depend on it.

    Returns
    -------
    uint32[n, num_perm]
        A text without tokens has 2**32 - 1 everywhere, as datasketch's empty MinHash.

    Raises
    ------
    TypeError
        If an item is not a text.
    ValueError
        If ``num_perm``, ``ngram`` or ``threads`` is below 1.

    References
    ----------
    A. Broder, "On the resemblance and containment of documents", SEQUENCES 1997.

    Examples
    --------
    >>> import dedup
    >>> dedup.minhash(["Giá vàng hôm nay", "Gia vang"], num_perm=16).shape
    (2, 16)
    """
    a, b = permutations(num_perm, seed)
    if ngram < 1:
        raise ValueError(f"ngram is {ngram}; use 1 or more")
    table = character_table()

    texts = column_of(texts)
    out = np.empty((len(texts), num_perm), np.uint32)

    def sketch(first: int, part: Texts) -> None:
        kernels.sketch_column(
            part.data, part.offsets, table.entries, table.expansions,
            a, b, ngram, out[first : first + len(part)],
        )  # fmt: skip

    map_texts(sketch, texts, threads=threads)
    return out


def estimate_jaccard(left: NDArray[np.uint32], right: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Return the share of equal rows of signatures (``uint32[..., num_perm]``): the MinHash estimate of Jaccard."""
    return np.asarray(np.mean(left == right, axis=-1), dtype=np.float64)
