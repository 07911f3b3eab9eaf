"""Texts to a column of tokens: hashes, places, shapes, and what stands between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.text import kernels
from dedup.text.columns import Texts
from dedup.text.parallel import map_texts
from dedup.text.tables import character_table


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of ``n`` texts, ``m`` in all, as a struct of arrays.

    Attributes
    ----------
    offsets:
        ``int64[n + 1]``: tokens of text ``i`` are ``offsets[i]:offsets[i + 1]``.
    hash:
        ``uint32[m]``: :func:`dedup.text.hashing.token_hash32` of the folded token.
    start, end:
        ``uint32[m]``: byte offsets inside the token's own text.
    flags:
        ``uint8[m]``: bits ``CAPITAL`` ... ``LINE_START`` of :mod:`dedup.text.shapes`.
    separator:
        ``uint8[m]``: what stands between the previous token and this one, ``NOTHING`` ... ``SPACED_DASH`` there.
    value:
        ``uint32[m]``: number a token of ``DIGITS`` writes (at most 2**32 - 1), else 0.
    """

    offsets: NDArray[np.int64]
    hash: NDArray[np.uint32]
    start: NDArray[np.uint32]
    end: NDArray[np.uint32]
    flags: NDArray[np.uint8]
    separator: NDArray[np.uint8]
    value: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def counts(self) -> NDArray[np.int64]:
        """``int64[n]``: tokens of each text."""
        return np.diff(self.offsets)


def tokenize(texts: Any, *, threads: int | None = 1) -> Tokens:
    """Tokenise a column of texts.

    Parameters
    ----------
    texts:
        A :class:`Texts`, or anything :meth:`Texts.of` takes.  Byte offsets are those of the text in NFC.
    threads:
        Threads to use; ``None`` is every core.  The result does not depend on it.

    Returns
    -------
    Tokens
    """
    parts = map_texts(lambda first, part: _tokens_of(part), texts, threads=threads)
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return _tokens_of(Texts.of([]))
    shifts = np.cumsum([0] + [int(p.offsets[-1]) for p in parts])
    offsets = np.concatenate(
        [np.zeros(1, np.int64)] + [p.offsets[1:] + shift for p, shift in zip(parts, shifts, strict=False)]
    )
    return Tokens(
        offsets,
        np.concatenate([p.hash for p in parts]),
        np.concatenate([p.start for p in parts]),
        np.concatenate([p.end for p in parts]),
        np.concatenate([p.flags for p in parts]),
        np.concatenate([p.separator for p in parts]),
        np.concatenate([p.value for p in parts]),
    )


def token_hashes(texts: Any, *, threads: int | None = 1) -> list[NDArray[np.uint32]]:
    """Hash the tokens of texts, where nothing else of them is asked: a quarter of the time of :func:`tokenize`.

    Parameters
    ----------
    texts:
        A :class:`Texts`, or anything :meth:`Texts.of` takes.
    threads:
        Threads to use; ``None`` is every core.  The result does not depend on it.

    Returns
    -------
    list of uint32[tokens]
        :attr:`Tokens.hash` of each text.
    """
    return [row for part in map_texts(_hash_part, texts, threads=threads) for row in part]


def _hash_part(first: int, texts: Texts) -> list[NDArray[np.uint32]]:
    table = character_table()
    counts = np.empty(len(texts) + 1, np.int64)
    hashes = np.empty(texts.nbytes // 2 + len(texts) + 1, np.uint32)
    kernels.hash_column(texts.data, texts.offsets, table.entries, table.expansions, counts, hashes)
    return [hashes[start:end] for start, end in pairwise(counts.tolist())]


def _tokens_of(texts: Texts) -> Tokens:
    """Tokenise a column in NFC, as :meth:`Texts.of` makes it, in one piece."""
    table = character_table()
    room = texts.nbytes // 2 + len(texts) + 1
    counts = np.empty(len(texts) + 1, np.int64)
    hash_, start, end, value = (np.empty(room, np.uint32) for _ in range(4))
    flags, separator = (np.empty(room, np.uint8) for _ in range(2))
    total = kernels.tokenize_column(
        texts.data, texts.offsets, table.entries, table.expansions,
        counts, hash_, start, end, flags, separator, value,
    )  # fmt: skip
    columns: list[Any] = [a[:total].copy() for a in (hash_, start, end, flags, separator, value)]
    return Tokens(counts, *columns)
