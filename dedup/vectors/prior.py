"""The packaged prior: IDF of terms, per language, before any article has been seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.text.compiled import kernel

#: IDFs are kept in sixteenths in one byte.
SCALE = 16
#: Languages with a table; ``LANGUAGES[code]`` is the language, code 0 is every other one.
LANGUAGES = ("", "vi", "en", "fr", "de", "es", "pt", "it", "nl", "id", "pl", "tr", "ru")
#: IDF of a unigram and of a bigram that no table holds: Vietnamese first counts both, the rest only words.
ABSENT_WORD, ABSENT_BIGRAM = 11.67, 10.36
#: In languages without a table every word is taken to be of middling rarity.
UNKNOWN_WORD = 7.0
#: IDF of a bigram from those of its words, where the table holds words only: share of their sum, and limit.
BIGRAM_SHARE, BIGRAM_LIMIT = 0.6, 12.5


@dataclass(frozen=True, slots=True)
class Prior:
    """Open-addressing tables of all languages, one after the other.

    Attributes
    ----------
    keys, idf:
        ``uint32[m]`` term hashes (0 is empty) and ``uint8[m]`` IDFs in sixteenths.
    begin, mask:
        ``int64[l]``: where the table of a language begins, and its size minus one (-1 without table).
    bigrams:
        ``bool[l]``: whether the table of a language holds bigrams.
    """

    keys: NDArray[np.uint32]
    idf: NDArray[np.uint8]
    begin: NDArray[np.int64]
    mask: NDArray[np.int64]
    bigrams: NDArray[np.bool_]


def language_code(language: str | None) -> int:
    """Return the code of a language, 0 where there is no table."""
    return LANGUAGES.index(language) if language in LANGUAGES and language else 0


@cache
def load_prior() -> Prior:
    """Read the packaged tables (once a process)."""
    with (files("dedup") / "data" / "prior.npz").open("rb") as stream, np.load(stream) as arrays:
        tables = [(np.cumsum(arrays[f"{name}_keys"], dtype=np.uint32), arrays[f"{name}_idf"]) for name in LANGUAGES[1:]]
    sizes = [0] + [1 << int(2 * len(keys)).bit_length() for keys, _ in tables]
    begin = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    all_keys, all_idf = np.zeros(sum(sizes), np.uint32), np.zeros(sum(sizes), np.uint8)
    for (keys, idf), first, size in zip(tables, begin[1:], sizes[1:], strict=True):
        fill_table(all_keys[first : first + size], all_idf[first : first + size], keys, idf)
    bigrams = np.array([name == "vi" for name in LANGUAGES])
    return Prior(all_keys, all_idf, begin, np.array(sizes, np.int64) - 1, bigrams)


@kernel
def fill_table(keys: Any, values: Any, new_keys: Any, new_values: Any) -> None:
    """Insert ``new_keys`` with linear probing; key 0 is left out."""
    mask = np.uint32(keys.shape[0] - 1)
    for k in range(new_keys.shape[0]):
        key = new_keys[k]
        if key == 0:
            continue
        slot = (key ^ (key >> np.uint32(15))) & mask
        while keys[slot] != 0 and keys[slot] != key:
            slot = (slot + np.uint32(1)) & mask
        keys[slot] = key
        values[slot] = new_values[k]
