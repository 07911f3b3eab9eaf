"""IDF snapshots: the packaged prior, blended with the counts of articles seen.

A snapshot is immutable and named by its :attr:`Idf.version`.  Features keep the *prior* IDF of each term, so a
snapshot need only know the terms that live counts have moved, and features made under any snapshot stay comparable.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.errors import DedupError
from dedup.text.compiled import kernel
from dedup.vectors.features import Features
from dedup.vectors.prior import SCALE

#: The prior counts as much as this many articles.
PRIOR_DOCUMENTS = 5000.0
#: No term weighs more.  The prior knows nothing of a name it has never met, and would let it outweigh all others; the
#: first hundred live articles bring such names down to about this weight (measured: see ``docs/tuning.md``).
HIGHEST = 8.0
_MAGIC = b"IDF1"


@dataclass(frozen=True, slots=True)
class Idf:
    """A snapshot of inverse document frequencies.

    With ``P`` = :data:`PRIOR_DOCUMENTS`, a term of prior IDF ``p`` found in ``d`` of ``n`` live articles weighs
    ``ln((P + n + 1) / (P exp(1 - p) + d)) + 1``: the smoothed IDF of scikit-learn's ``TfidfTransformer`` over ``P``
    imagined articles and ``n`` real ones.  With ``n = 0`` it is the prior.

    Attributes
    ----------
    documents:
        ``n``.
    keys, counts:
        ``uint32[k]`` term hashes in rising order, ``uint32[k]`` live document frequencies.
    version:
        ``"prior"``, or 12 hexadecimal digits of a digest of the counts.
    """

    documents: int = 0
    keys: NDArray[np.uint32] = field(default_factory=lambda: np.empty(0, np.uint32))
    counts: NDArray[np.uint32] = field(default_factory=lambda: np.empty(0, np.uint32))
    _begins: NDArray[np.int64] | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def prior(cls) -> Idf:
        """Return the packaged prior alone."""
        return cls()

    @property
    def version(self) -> str:
        """Name of the snapshot; equal counts, equal name."""
        if not self.documents:
            return "prior"
        return blake2b(self.to_bytes(), digest_size=6).hexdigest()

    def blend(self, features: Features, *, min_count: int = 2) -> Idf:
        """Return a snapshot that also counts the articles of ``features``.

        Terms found in fewer than ``min_count`` of all live articles are left to the prior.
        """
        keys, counts = count_terms(features)
        keys = np.concatenate([self.keys, keys])
        counts = np.concatenate([self.counts, counts])
        order = np.argsort(keys, kind="stable")
        keys, counts = keys[order], counts[order]
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.empty(0, np.int64)
        totals = np.add.reduceat(counts, first) if len(keys) else counts
        keep = totals >= min_count
        return Idf(self.documents + len(features), keys[first][keep], totals[keep].astype(np.uint32))

    def weights(self, features: Features) -> NDArray[np.float32]:
        """Return ``float32[m]``: the IDF of every term of ``features``."""
        return self.weigh(features.term_hash, features.term_idf)

    def weigh(self, hashes: NDArray[np.uint32], prior: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return ``float32[m]``: the IDF of terms with these prior IDFs in sixteenths."""
        if not self.documents:
            alone: NDArray[np.float32] = np.minimum(prior.astype(np.float32) / np.float32(SCALE), np.float32(HIGHEST))
            return alone
        if self._begins is None:
            object.__setattr__(self, "_begins", beginnings(self.keys))
        idf: NDArray[np.float32] = blended(
            hashes, prior, self.keys, self.counts, self._begins, float(self.documents), PRIOR_DOCUMENTS, HIGHEST
        )
        return idf

    def to_bytes(self) -> bytes:
        """Serialise; :meth:`from_bytes` reads it back."""
        head = _MAGIC + struct.pack("<QQ", self.documents, len(self.keys))
        return head + self.keys.astype("<u4").tobytes() + self.counts.astype("<u4").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Idf:
        """Read a snapshot; raise :class:`DedupError` if it is of another version or cut short."""
        if data[:4] != _MAGIC or len(data) < 20:
            raise DedupError(
                f"IDF snapshot begins with {data[:4]!r}, not {_MAGIC!r}; let the nightly job make a new one"
            )
        documents, size = struct.unpack_from("<QQ", data, 4)
        if len(data) != 20 + 8 * size:
            raise DedupError(f"IDF snapshot of {size} terms has {len(data)} bytes; let the nightly job make a new one")
        columns = np.frombuffer(data, "<u4", offset=20).astype(np.uint32)
        return cls(documents, columns[:size], columns[size:])


def count_terms(features: Features) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the distinct terms of ``features`` in rising order, and in how many articles each stands."""
    keys, counts = np.unique(features.term_hash, return_counts=True)
    return keys, counts.astype(np.uint32)


@kernel
def beginnings(keys: Any) -> Any:
    """``int64[65537]``: where the keys of each upper half (16 bits) begin in ``keys``, which rise."""
    begins = np.zeros((1 << 16) + 1, np.int64)
    for key in keys:
        begins[np.int64(key >> np.uint32(16)) + 1] += 1
    for half in range(1 << 16):
        begins[half + 1] += begins[half]
    return begins


@kernel
def blended(
    hashes: Any, prior: Any, keys: Any, counts: Any, begins: Any, documents: Any, strength: Any, highest: Any
) -> Any:
    """IDF of each term: its prior (``uint8``, in sixteenths) moved by its live count; at most ``highest``."""
    imagined, alone = np.empty(256), np.empty(256)
    for level in range(256):
        imagined[level] = strength * np.exp(1.0 - np.float32(level) / np.float32(SCALE))
        alone[level] = np.log((strength + documents + 1.0) / (imagined[level] + 1)) + 1.0
    out = np.empty(hashes.shape[0], np.float32)
    for i in range(hashes.shape[0]):
        wanted, idf = hashes[i], alone[prior[i]]
        half = np.int64(wanted >> np.uint32(16))
        for k in range(begins[half], begins[half + 1]):
            if keys[k] == wanted:
                idf = np.log((strength + documents + 1.0) / (imagined[prior[i]] + counts[k])) + 1.0
                break
        out[i] = min(highest, max(0.3, idf))
    return out
