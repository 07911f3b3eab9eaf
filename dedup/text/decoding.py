"""UTF-8 to entries of the character table, one ``uint32`` a character (see :mod:`dedup.text.tables`).

``table`` and ``expansions`` are those of :class:`dedup.text.tables.CharacterTable`.  Inside a loop over characters no
array is handed to a helper: that would count references, atomically, each time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.text import tables as t
from dedup.text.compiled import inlined

U16, U32, U64 = np.uint16, np.uint32, np.uint64
_TABLE_SIZE = U32(t.TABLE_SIZE)
_WORD, _SINGLE, _IGNORE, _EXPAND = U32(t.WORD), U32(t.SINGLE), U32(t.IGNORE), U32(t.EXPAND)
_RARE, _VALUE, _APART = _SINGLE | _IGNORE | _EXPAND, U32(t.VALUE_MASK), U32(0)
_H6, _H12 = U16(6), U16(12)
_S6, _S12, _S18, _TAIL = U32(6), U32(12), U32(18), U32(0x3F)
_ZERO8, _X1F, _X3F, _X80, _XC0, _XE0, _XF0 = map(np.uint8, (0, 0x1F, 0x3F, 0x80, 0xC0, 0xE0, 0xF0))
_ONE, _TWO, _THREE = U64(1), U64(2), U64(3)


@inlined
def _astral_entry(code: Any) -> Any:
    """Entry of a code point beyond the table (see :meth:`CharacterTable.entry`)."""
    if code < U32(0x40000):
        return _SINGLE | code
    if code >= U32(0xE0000) and code < U32(0xE1000):
        return _IGNORE
    return U32(0)


@inlined
def decode(data: Any, begin: int, stop: int, table: Any, entries: Any, places: Any) -> Any:
    """Write the entry and the place of each character of ``data[begin:stop]``; return how many there are.

    ``entries uint32[:]`` and ``places uint32[:]``, bytes from ``begin``, hold ``stop - begin`` values or more.
    """
    i, end, count = U64(begin), U64(stop), U64(0)
    while i < end:
        places[count] = i - U64(begin)
        code = U32(data[i])
        i += _ONE
        if code >= U32(0x80):
            if code < U32(0xE0) and i < end:
                code = ((code & U32(0x1F)) << _S6) | (U32(data[i]) & _TAIL)
                i += _ONE
            elif code < U32(0xF0) and i + _ONE < end:
                code = ((code & U32(0x0F)) << _S12) | ((U32(data[i]) & _TAIL) << _S6) | (U32(data[i + _ONE]) & _TAIL)
                i += _TWO
            elif i + _TWO < end:
                code = ((code & U32(0x07)) << _S18) | ((U32(data[i]) & _TAIL) << _S12)
                code |= ((U32(data[i + _ONE]) & _TAIL) << _S6) | (U32(data[i + _TWO]) & _TAIL)
                i += _THREE
            else:
                code = U32(0xFFFD)
        entries[count] = table[code] if code < _TABLE_SIZE else _astral_entry(code)
        count += _ONE
    return count


@inlined
def decode_fast(
    data: Any, begin: int, stop: int, table: Any, codes: Any, finals: Any, entries: Any, places: Any
) -> Any:
    """As :func:`decode`, but without places, and without a branch that text decides.

    Mixed one-, two- and three-byte characters make every branch on a lead byte a coin toss, so there is none: what a
    character would be if it ended here is computed at *every* byte, many at a time (``codes uint16[:]``), beside
    whether one does end here (``finals uint8[:]``); then the entries of the final ones move together.  Four-byte
    characters are rare and take the plain loop.  All arrays hold ``stop - begin`` values or more.
    """
    size = stop - begin
    inner = max(0, size - 2)
    here, back, back2 = data[begin + 2 : stop], data[begin + 1 : begin + 1 + inner], data[begin : begin + inner]
    inner_codes, inner_finals, whole = codes[2:size], finals[2:size], data[begin:stop]
    high, astral = _ZERO8, _ZERO8
    for j in range(size):
        high = np.uint8(high | whole[j])
    if high < _X80:
        for j in range(size):
            entries[j] = table[whole[j]]
        return U64(size)
    for j in range(inner):
        b, p, q = here[j], back[j], back2[j]
        two = U16(U16(p & _X1F) << _H6) | U16(b & _X3F)
        three = U16(U16(q) << _H12) | U16(U16(p & _X3F) << _H6) | U16(b & _X3F)
        ends = ((p >= _XC0) & (p < _XE0)) | ((q >= _XE0) & (p < _XC0))
        code = U16(b) if b < _X80 else (two if p >= _XC0 else three)
        final = (b < _X80) | ((b < _XC0) & ends)
        inner_codes[j] = code if final else U16(0)
        inner_finals[j] = np.uint8(final)
        astral = np.uint8(astral | np.uint8(b >= _XF0))
    for j in range(min(2, size)):
        b = whole[j]
        p = whole[0] if j else _ZERO8
        pair = (b >= _X80) & (b < _XC0) & (p >= _XC0) & (p < _XE0)
        codes[j] = U16(U16(p & _X1F) << _H6) | U16(b & _X3F) if pair else U16(b)
        finals[j] = np.uint8((b < _X80) | pair)
        astral = np.uint8(astral | np.uint8(b >= _XF0))
    if astral:
        return decode(data, begin, stop, table, entries, places)
    count = U64(0)
    for j in range(size):
        entries[count] = table[codes[j]]
        count += U64(finals[j])
    return count


@inlined
def spell_out(entries: Any, count: Any, expansions: Any, out: Any) -> Any:
    """Rewrite entries so that only word characters and separators remain; return how many there are.

    What is invisible goes, a letter whose folding has several code points becomes them, and a character that is a token
    by itself stands between separators.  ``out uint32[:]`` holds three values for each two bytes of the text, or more.
    """
    kept = U64(0)
    for j in range(count):
        entry = entries[j]
        if not entry & _RARE:
            out[kept] = entry
            kept += _ONE
        elif entry & _EXPAND:
            row = entry & _VALUE
            for k in range(expansions[row, 0]):
                out[kept] = _WORD | expansions[row, k + 1]
                kept += _ONE
        elif entry & _SINGLE:
            out[kept], out[kept + _ONE], out[kept + _TWO] = _APART, _WORD | (entry & _VALUE), _APART
            kept += _THREE
    return kept
