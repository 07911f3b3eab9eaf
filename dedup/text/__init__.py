"""Characters to tokens: one tokenisation for everything (see :func:`tokens` for its plain definition)."""

from __future__ import annotations

from dedup.text.columns import Texts
from dedup.text.hashing import ngram_hash32, ngram_hash64, shingle_hash32
from dedup.text.language import detect_language
from dedup.text.plain import tokens
from dedup.text.tokenize import (
    ALLCAPS,
    CAPITAL,
    COLON,
    COMMA,
    DASH,
    DIGITS,
    DOT,
    LINE_START,
    MIXED,
    NEWLINE,
    NOTHING,
    OTHER,
    SENTENCE_START,
    SLASH,
    SPACED_DASH,
    SPACES,
    Tokens,
    tokenize,
)

__all__ = [
    "ALLCAPS",
    "CAPITAL",
    "COLON",
    "COMMA",
    "DASH",
    "DIGITS",
    "DOT",
    "LINE_START",
    "MIXED",
    "NEWLINE",
    "NOTHING",
    "OTHER",
    "SENTENCE_START",
    "SLASH",
    "SPACED_DASH",
    "SPACES",
    "Texts",
    "Tokens",
    "detect_language",
    "ngram_hash32",
    "ngram_hash64",
    "shingle_hash32",
    "tokenize",
    "tokens",
]
