"""The one n-gram hash: polynomials over folded code points, then over token hashes.

A token's 64-bit hash is a polynomial over its folded code points, mixed once; its 32-bit hash is the
upper half, and its lowest bit says whether the token is decimal digits only.  A shingle's hash is a polynomial over
the hashes of its tokens, in 32 bits for signatures and postings, in 64 bits where equality must mean equality (exact
verification).  These plain functions define what the compiled kernels compute.
"""

from __future__ import annotations

from collections.abc import Iterable

MASK32 = 0xFFFFFFFF
MASK64 = 0xFFFFFFFFFFFFFFFF
#: Multiplier of the polynomial over code points (odd, 64 bits).
CODE_BASE = 0x9E3779B97F4A7C55
#: Multiplier that mixes a finished token.
MIX = 0xD6E8FEB86659FD93
#: Multipliers of the polynomial over tokens.
SHINGLE_BASE32 = 0x9E3779B1
SHINGLE_BASE64 = 0xC2B2AE3D27D4EB4F


def token_hash64(token: str) -> int:
    """64-bit hash of one folded token, as :func:`dedup.text.tokens` returns it; odd where it is digits only."""
    h = 0
    for char in token:
        h = (h * CODE_BASE + ord(char)) & MASK64
    h ^= h >> 32
    h = (h * MIX) & MASK64
    h ^= h >> 29
    return (h & ~1) | (token.isascii() and token.isdigit())


def token_hash32(token: str) -> int:
    """32-bit hash of one folded token: the upper half of :func:`token_hash64`."""
    return token_hash64(token) >> 32


def ngram_hash32(tokens: Iterable[str]) -> int:
    """32-bit hash of a run of folded tokens."""
    h = 0
    for token in tokens:
        h = (h * SHINGLE_BASE32 + token_hash32(token)) & MASK32
    return h


def ngram_hash64(tokens: Iterable[str]) -> int:
    """64-bit hash of a run of folded tokens, for exact verification."""
    h = 0
    for token in tokens:
        h = (h * SHINGLE_BASE64 + token_hash64(token)) & MASK64
    return h


def shingle_hash32(shingle: bytes) -> int:
    """Return the 32-bit hash of a shingle given as UTF-8 tokens separated by one space.

    This is the ``hashfunc`` to hand to :class:`datasketch.MinHash`.

    Parameters
    ----------
    shingle:
        Folded tokens (see :func:`dedup.text.tokens`) joined by one space, UTF-8.

    Returns
    -------
    int
        0 <= hash < 2**32.

    Examples
    --------
    >>> from dedup.text import shingle_hash32
    >>> shingle_hash32("hà nội".encode()) == shingle_hash32("hà nội".encode())
    True
    """
    return ngram_hash32(shingle.decode("utf-8", "surrogatepass").split(" "))
