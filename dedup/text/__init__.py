"""Characters to tokens: one tokenisation for everything (see :func:`tokens` for its plain definition)."""

from __future__ import annotations

from dedup.text.columns import Texts
from dedup.text.hashing import ngram_hash32, ngram_hash64, shingle_hash32
from dedup.text.language import detect_language
from dedup.text.plain import tokens
from dedup.text.tokenize import Tokens, token_hashes, tokenize

__all__ = [
    "Texts",
    "Tokens",
    "detect_language",
    "ngram_hash32",
    "ngram_hash64",
    "shingle_hash32",
    "token_hashes",
    "tokenize",
    "tokens",
]
