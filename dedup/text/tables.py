"""The character table: what each code point is to the tokeniser.

One ``uint32`` a code point.  The high bits say what the character is; the low 21 bits hold the folded
code point of a token character, or the row of :attr:`CharacterTable.expansions` where case folding
gives several.  Planes beyond the table hold Han (planes 2 and 3) and nothing else that makes a token.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

TABLES_FILE = "unicode_tables.bin"
TABLE_SIZE = 0x20000

WORD = 1 << 31  #: continues a token (letter, mark, digit)
UPPER = 1 << 30  #: upper- or title-case letter
DIGIT = 1 << 29  #: decimal digit of any script; its value is the ASCII digit
SINGLE = 1 << 28  #: a token by itself (Han, Kana, Thai, Lao, Khmer)
IGNORE = 1 << 27  #: invisible: neither ends a token nor belongs to it (soft hyphen, joiners)
EXPAND = 1 << 26  #: a letter whose case folding has several code points
LETTER = 1 << 25  #: a letter (not a mark, not a digit)
SEP_SHIFT = 16
SEP_MASK = 0xF << SEP_SHIFT  #: on separators only: which one
VALUE_MASK = 0x1FFFFF

SEP_OTHER, SEP_SPACE, SEP_NEWLINE, SEP_SLASH, SEP_DASH = 0, 1, 2, 3, 4
SEP_DOT, SEP_COMMA, SEP_COLON, SEP_STOP, SEP_WIDE_STOP = 5, 6, 7, 8, 9

#: Open syllables whose tone mark has two homes: (folded) first vowel with the mark, and where it moves.
#: "hòa" and "hoà", "khỏe" and "khoẻ", "thúy" and "thuý" are the same syllables.
_TONED_O = "òóỏõọ"
_TONED_U = "ùúủũụ"
TONE_PAIRS = {
    **{o + "a": "o" + a for o, a in zip(_TONED_O, "àáảãạ", strict=True)},
    **{o + "e": "o" + e for o, e in zip(_TONED_O, "èéẻẽẹ", strict=True)},
    **{u + "y": "u" + y for u, y in zip(_TONED_U, "ỳýỷỹỵ", strict=True)},
}


@dataclass(frozen=True, slots=True)
class CharacterTable:
    """The shipped table.

    Attributes
    ----------
    entries:
        ``uint32[0x20000]``, read-only: bits and value of each code point of planes 0 and 1.
    expansions:
        ``uint32[k, 4]``, read-only: length, then up to three code points.
    """

    entries: NDArray[np.uint32]
    expansions: NDArray[np.uint32]

    def entry(self, code: int) -> int:
        """Bits and value of one code point of any plane."""
        if code < TABLE_SIZE:
            return int(self.entries[code])
        if code < 0x40000:
            return SINGLE | code
        return IGNORE if 0xE0000 <= code < 0xE1000 else 0


@cache
def character_table() -> CharacterTable:
    """Return the packaged table (read once a process)."""
    raw = zlib.decompress(files("dedup.text").joinpath(TABLES_FILE).read_bytes())
    flat = np.frombuffer(raw, dtype="<u4").astype(np.uint32)
    entries, expansions = flat[:TABLE_SIZE].copy(), flat[TABLE_SIZE:].reshape(-1, 4).copy()
    for array in (entries, expansions):
        array.setflags(write=False)
    return CharacterTable(entries, expansions)
