"""Decomposed Latin letters, Vietnamese above all, brought into NFC without a Python string (UAX 15).

Text typed on some systems writes "ế" as "e", circumflex, acute.  :func:`compose_column` puts such letters together;
what it does not know for certain is left to :mod:`unicodedata`.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.text.compiled import inlined, kernel
from dedup.text.nfc import nfc_suspect

U8, U32, U64 = np.uint8, np.uint32, np.uint64
_LATIN = (range(0xC0, 0x250), range(0x1E00, 0x1F00))
_BITS = 11
_SPREAD, _SHIFT, _LAST = U64(0x9E3779B97F4A7C15), U64(64 - _BITS), U64((1 << _BITS) - 1)
_CODE_BITS = U64(21)


@cache
def compositions() -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    """Return a hash table of every way to write a Latin letter as another letter and one or two marks.

    Returns
    -------
    keys : uint64[2**11], read-only
        ``letter | mark << 21 | mark << 42``; zero where the slot is free.
    letters : uint32[2**11], read-only
        The code point that is the NFC of it.
    """
    keys, letters = np.zeros(1 << _BITS, np.uint64), np.zeros(1 << _BITS, np.uint32)
    for code in (code for block in _LATIN for code in block):
        parts = unicodedata.normalize("NFD", chr(code))
        base, marks = parts[0], parts[1:]
        for order in set(permutations(marks)):
            for taken in range(len(order)):
                first, rest = unicodedata.normalize("NFC", base + "".join(order[:taken])), "".join(order[taken:])
                if len(first) == 1 and len(rest) <= 2 and unicodedata.normalize("NFC", first + rest) == chr(code):
                    key = sum(ord(char) << 21 * place for place, char in enumerate(first + rest))
                    slot = (key * int(_SPREAD) & (1 << 64) - 1) >> int(_SHIFT)
                    while keys[slot] not in (0, key):
                        slot = (slot + 1) & int(_LAST)
                    keys[slot], letters[slot] = key, code
    for array in (keys, letters):
        array.setflags(write=False)
    return keys, letters


@inlined
def composed(key: Any, keys: Any, letters: Any) -> Any:
    """Code point that a letter and its marks make; zero where the table does not have them."""
    slot = (key * _SPREAD) >> _SHIFT
    while keys[slot] != key and keys[slot] != U64(0):
        slot = (slot + U64(1)) & _LAST
    return letters[slot] if keys[slot] == key else U32(0)


@inlined
def write_letter(code: Any, out: Any, at: int) -> int:
    """Write a letter beyond ASCII in UTF-8; return where the next one goes."""
    if code < U32(0x800):
        out[at] = U8(0xC0) | U8(code >> U32(6))
    else:
        out[at] = U8(0xE0) | U8(code >> U32(12))
        at += 1
        out[at] = U8(0x80) | U8((code >> U32(6)) & U32(0x3F))
    out[at + 1] = U8(0x80) | U8(code & U32(0x3F))
    return at + 2


@inlined
def compose_text(data: Any, begin: int, stop: int, keys: Any, letters: Any, out: Any, origin: int) -> int:
    """Write the NFC of ``data[begin:stop]`` to ``out`` from ``origin`` on; return its end, -1 if it is not certain."""
    at, i = origin, begin
    last = origin  # where the last character that is not a mark begins
    key, marks = U64(0), U64(0)
    while i <= stop:
        lead = U32(data[i]) if i < stop else U32(0)
        size = 1 if lead < U32(0x80) else (2 if lead < U32(0xE0) else (3 if lead < U32(0xF0) else 4))
        if i + size > stop and i < stop:
            return -1
        code = lead
        if size == 2:
            code = ((lead & U32(0x1F)) << U32(6)) | (U32(data[i + 1]) & U32(0x3F))
        if size == 2 and code >= U32(0x300) and code < U32(0x370):
            marks += U64(1)
            if key == U64(0) or marks > U64(2):
                return -1
            key |= U64(code) << (_CODE_BITS * marks)
        else:
            if marks:
                letter = composed(key, keys, letters)
                if letter == U32(0):
                    return -1
                at = write_letter(letter, out, last)
            if i == stop:
                return at
            if lead >= U32(0xCC):
                third = data[i + 2] if size > 2 else U8(0)
                if nfc_suspect(data[i], data[i + 1], third):
                    return -1
            if size == 3:
                code = ((lead & U32(0x0F)) << U32(12)) | ((U32(data[i + 1]) & U32(0x3F)) << U32(6))
                code |= U32(data[i + 2]) & U32(0x3F)
            key, marks, last = U64(code), U64(0), at
            for k in range(size):
                out[at] = data[i + k]
                at += 1
        i += size
    return at


@kernel
def compose_column(data: Any, offsets: Any, rows: Any, keys: Any, letters: Any, out: Any, ends: Any) -> None:
    """Write the NFC of the texts ``rows int64[r]``, one after the other, to ``out uint8[:]``, as long as the texts.

    ``ends int64[r + 1]``: text ``k`` ends at ``ends[k + 1]``; one that is not certain takes no room, and its end is
    that of the one before.
    """
    ends[0] = 0
    for k in range(rows.shape[0]):
        end = compose_text(data, offsets[rows[k]], offsets[rows[k] + 1], keys, letters, out, ends[k])
        ends[k + 1] = end if end >= 0 else ends[k]
