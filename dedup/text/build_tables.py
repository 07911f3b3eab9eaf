"""Build ``unicode_tables.bin``, the character table every token rests on.

    python -m dedup.text.build_tables

The table is shipped, not computed at import: signatures are stored for years, and two Python
versions carry two Unicode versions.  Rebuilding it is a new version of every signature.
"""

from __future__ import annotations

import unicodedata
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dedup.text import tables as t

#: Scripts written without spaces: every letter or mark in these ranges is a token by itself.
_SINGLE_RANGES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),  # ideographic marks and zero
    (0x3021, 0x3029),
    (0x3038, 0x303B),
    (0x3041, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),  # half-width Katakana
    (0x1B000, 0x1B16F),
)
_SEPARATORS = {
    "\n": t.SEP_NEWLINE, "\r": t.SEP_NEWLINE, "\v": t.SEP_NEWLINE, "\f": t.SEP_NEWLINE,
    "\x85": t.SEP_NEWLINE, "\u2028": t.SEP_NEWLINE, "\u2029": t.SEP_NEWLINE,
    "\t": t.SEP_SPACE, "\u200b": t.SEP_SPACE,
    "/": t.SEP_SLASH, "\u2044": t.SEP_SLASH,
    ".": t.SEP_DOT, ",": t.SEP_COMMA, ":": t.SEP_COLON,
    "!": t.SEP_STOP, "?": t.SEP_STOP, "\u2026": t.SEP_STOP,
    "\u3002": t.SEP_WIDE_STOP, "\uff01": t.SEP_WIDE_STOP, "\uff1f": t.SEP_WIDE_STOP, "\uff0e": t.SEP_WIDE_STOP,
    "\u2212": t.SEP_DASH,
}  # fmt: skip


def _entry(code: int, expansions: list[tuple[int, ...]]) -> int:
    char = chr(code)
    category = unicodedata.category(char)
    if category == "Nd":
        return t.WORD | t.DIGIT | (ord("0") + unicodedata.digit(char))
    single = any(low <= code <= high for low, high in _SINGLE_RANGES)
    if single and category[0] in "LMN":
        return t.SINGLE | code
    if 0xFE00 <= code <= 0xFE0F or (category == "Cf" and char != "\u200b"):
        return t.IGNORE
    if category[0] in "LM":
        bits = t.LETTER if category[0] == "L" else 0
        if category in ("Lu", "Lt"):
            bits |= t.UPPER
        folded = char.casefold()
        if len(folded) == 1:
            return t.WORD | bits | ord(folded)
        expansions.append(tuple(map(ord, folded)))
        return t.EXPAND | bits | (len(expansions) - 1)
    if char in _SEPARATORS:
        code_of = _SEPARATORS[char]
    elif category == "Zs":
        code_of = t.SEP_SPACE
    elif category == "Pd":
        code_of = t.SEP_DASH
    else:
        code_of = t.SEP_OTHER
    return code_of << t.SEP_SHIFT


def build() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the table ``uint32[0x20000]`` and the expansions ``uint32[k, 4]`` (length, then code points)."""
    expansions: list[tuple[int, ...]] = []
    table = np.array([_entry(code, expansions) for code in range(t.TABLE_SIZE)], dtype=np.uint32)
    rows = np.zeros((len(expansions), 4), dtype=np.uint32)
    for row, folded in zip(rows, expansions, strict=True):
        row[0] = len(folded)
        row[1 : 1 + len(folded)] = folded
    return table, rows


def main() -> None:
    """Write the packaged file and say what it holds."""
    table, expansions = build()
    path = Path(__file__).with_name(t.TABLES_FILE)
    path.write_bytes(zlib.compress(table.astype("<u4").tobytes() + expansions.astype("<u4").tobytes(), 9))
    size = path.stat().st_size
    print(f"{path.name}: Unicode {unicodedata.unidata_version}, {len(expansions)} expansions, {size} bytes")


if __name__ == "__main__":
    main()
