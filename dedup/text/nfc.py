"""Which texts may not be in Unicode normalisation form C, found at memory speed (Unicode Standard Annex 15)."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.text.compiled import inlined, kernel

_ONE8, _X80, _X82, _BB = np.uint8(1), np.uint8(0x80), np.uint8(0x82), np.uint8(0xBB)
_CC, _E1, _E2 = np.uint8(0xCC), np.uint8(0xE1), np.uint8(0xE2)


@inlined
def nfc_glance(b: Any, c: Any, d: Any) -> Any:
    """Say whether bytes ``b c d`` are beyond Latin, Vietnamese and common punctuation: few operations, no branch."""
    return (b >= _CC) & ~((b == _E1) & ((c | _ONE8) == _BB)) & ~((b == _E2) & (c == _X80) & (d >= _X82))


@inlined
def nfc_suspect(b: Any, c: Any, d: Any) -> Any:
    """Say whether bytes ``b c d`` may begin a character that is unstable in NFC."""
    two = (b == 0xCC) | (b == 0xCD) | ((b == 0xCE) & (c == 0x87)) | ((b == 0xD2) & (c < 0x88))
    indic = (b >= 0xD6) & (b <= 0xE0)
    latin = (b == 0xE1) & (c != 0xBA) & (c != 0xBB)
    symbols = (b == 0xE2) & (((c != 0x80) & (c != 0x82)) | ((c == 0x80) & (d < 0x82)))
    kana = (b == 0xE3) & (((c == 0x80) & (d >= 0xAA) & (d < 0xB0)) | ((c == 0x82) & ((d == 0x99) | (d == 0x9A))))
    yi = (b == 0xEA) & (c < 0xB0)
    compat = (b == 0xEF) & (c >= 0xA4) & (c < 0xB9) & ((c < 0xB8) | (d >= 0xA0))
    astral = (b == 0xF0) & ((c < 0x9F) | (c == 0xAF))
    return two | indic | latin | symbols | kana | yi | compat | astral


@kernel
def nfc_suspects(data: Any, offsets: Any) -> Any:
    """Say which texts hold bytes that may stand in text not in NFC: ``bool[n]``.

    A cheap necessary condition; nothing is decoded.  A glance, vectorised, clears Latin and Vietnamese; a look clears
    Greek, Cyrillic, Han, Kana and Hangul.  A suspect is judged by :mod:`unicodedata`.
    """
    n = offsets.shape[0] - 1
    out = np.zeros(n, np.bool_)
    for i in range(n):
        begin, end = offsets[i], offsets[i + 1]
        inner = max(0, end - begin - 2)
        first, second, third = data[begin : begin + inner], data[begin + 1 : begin + 1 + inner], data[begin + 2 : end]
        bad = np.uint8(0)
        for j in range(inner):
            bad = np.uint8(bad | np.uint8(nfc_glance(first[j], second[j], third[j])))
        if bad:
            bad = np.uint8(0)
            for j in range(inner):
                bad = np.uint8(bad | np.uint8(nfc_suspect(first[j], second[j], third[j])))
        if end - begin >= 2:
            bad = np.uint8(bad | np.uint8(nfc_suspect(data[end - 2], data[end - 1], np.uint8(0))))
        out[i] = bad != 0
    return out
