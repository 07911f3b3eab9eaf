"""The plain definition of a token; the compiled kernels must agree with it on every text."""

from __future__ import annotations

import unicodedata

from dedup.text import tables as t


def tokens(text: str) -> list[str]:
    """Return the folded tokens of a text.

    The text is taken in NFC, case-folded, and old tone placement is folded into the new ("hòa" becomes
    "hoà").  A token is a maximal run of letters, marks and digits; in scripts written without spaces
    (Han, Kana, Thai, Lao, Khmer) each character is a token.  Digits of all scripts become ASCII digits;
    invisible characters (soft hyphen, joiners) are as if absent.

    Parameters
    ----------
    text:
        Any string; lone surrogates separate tokens.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from dedup.text import tokens
    >>> tokens("Hòa Bình, 21/8")
    ['hoà', 'bình', '21', '8']
    """
    table = t.character_table()
    found: list[str] = []
    run = ""
    for char in unicodedata.normalize("NFC", text):
        entry = table.entry(ord(char))
        if entry & t.WORD:
            run += chr(entry & t.VALUE_MASK)
        elif entry & t.EXPAND:
            row = table.expansions[entry & t.VALUE_MASK]
            run += "".join(map(chr, row[1 : 1 + row[0]]))
        elif not entry & t.IGNORE:
            if run:
                found.append(_fold_tone(run))
                run = ""
            if entry & t.SINGLE:
                found.append(chr(entry & t.VALUE_MASK))
    if run:
        found.append(_fold_tone(run))
    return found


def _fold_tone(token: str) -> str:
    return token[:-2] + t.TONE_PAIRS.get(token[-2:], token[-2:])
