"""One pass over a column of texts: all that batch duplicate detection needs to know of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.sketch import kernels
from dedup.sketch.permutations import permutations
from dedup.text.columns import Texts
from dedup.text.parallel import map_texts
from dedup.text.tables import character_table

#: Makes a ``uint32`` array of a name and a shape.
Table = Callable[[str, tuple[int, int]], NDArray[np.uint32]]
#: Most sampled shingles of a text; a long text has 24 to 48.
SAMPLES = 64


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """What is kept of ``n`` texts: ``4 * num_perm + 4 * SAMPLES + 18`` bytes each.

    Attributes
    ----------
    signatures:
        ``uint32[n, num_perm]``: as :func:`dedup.minhash`.
    content:
        ``uint64[n, 2]``: 128-bit hash of the token sequence (of the bytes where there are no tokens); zero for blank
        text.
    rates:
        ``uint8[n]``: one shingle in ``2**rate`` is sampled, so that short cuts of long texts can be found.
    samples:
        ``uint32[n, SAMPLES]``: sampled shingles with numbers masked, sorted; the first ``sample_counts[i]`` are valid.
    sample_counts:
        ``uint8[n]``.
    """

    signatures: NDArray[np.uint32]
    content: NDArray[np.uint64]
    rates: NDArray[np.uint8]
    samples: NDArray[np.uint32]
    sample_counts: NDArray[np.uint8]

    @classmethod
    def of(
        cls,
        texts: Any,
        *,
        num_perm: int = 128,
        ngram: int = 5,
        seed: int = 1,
        threads: int | None = None,
        table: Table | None = None,
    ) -> Fingerprints:
        """Fingerprint the texts (a sized sequence of ``str`` or a pyarrow string array).

        ``table`` makes the two large arrays, such as memory-mapped ones; other parameters are those of
        :func:`dedup.minhash`.
        """
        a, b = permutations(num_perm, seed)
        if ngram < 1:
            raise ValueError(f"ngram is {ngram}; use 1 or more")
        characters = character_table()
        n = len(texts)
        done = cls(
            _array(table, "signatures", (n, num_perm)),
            np.empty((n, 2), np.uint64),
            np.empty(n, np.uint8),
            _array(table, "samples", (n, SAMPLES)),
            np.empty(n, np.uint8),
        )

        def fingerprint(first: int, part: Texts) -> None:
            rows = slice(first, first + len(part))
            kernels.fingerprint_column(
                part.data, part.offsets, characters.entries, characters.expansions, a, b, ngram,
                done.signatures[rows], done.content[rows], done.rates[rows],
                done.samples[rows], done.sample_counts[rows],
            )  # fmt: skip

        map_texts(fingerprint, texts, threads=threads)
        return done

    def __len__(self) -> int:
        return len(self.content)

    def originals(self, rank: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return for each text the first, by ``rank int64[n]``, of the same content; blank texts stand alone."""
        n = len(self)
        by = np.lexsort((rank, self.content[:, 1], self.content[:, 0]))
        ordered = self.content[by]
        new = np.ones(n, bool)
        new[1:] = np.any(ordered[1:] != ordered[:-1], axis=1) | ~np.any(ordered[1:], axis=1)
        originals = np.empty(n, np.int64)
        originals[by] = by[np.flatnonzero(new)][np.cumsum(new) - 1] if n else by
        return originals


def _array(table: Table | None, name: str, shape: tuple[int, int]) -> NDArray[np.uint32]:
    return np.empty(shape, np.uint32) if table is None or shape[0] == 0 else table(name, shape)
