"""Where the time of a signature goes: each stage of the kernel added to those before it, on texts that stay in cache.

python -m benchmarks.stages
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from benchmarks import results
from benchmarks.corpus import generate
from dedup.sketch.kernels import sign
from dedup.sketch.permutations import permutations
from dedup.text import Texts
from dedup.text.decoding import decode_fast
from dedup.text.kernels import ONE, find_tokens, hash_tokens, longest_text, scratch_of
from dedup.text.nfc import nfc_suspects
from dedup.text.tables import character_table

ARTICLES = 80
REPEATS = 300


@numba.njit(nogil=True)
def _decode(data: Any, offsets: Any, table: Any) -> Any:
    codes, finals, entries, places, _, _, _ = scratch_of(longest_text(offsets))
    characters = np.uint64(0)
    for i in range(offsets.shape[0] - 1):
        characters += decode_fast(data, offsets[i], offsets[i + 1], table, codes, finals, entries, places)
    return characters


@numba.njit(nogil=True)
def _find(data: Any, offsets: Any, table: Any) -> Any:
    codes, finals, entries, places, terms, bounds, sums = scratch_of(longest_text(offsets))
    tokens = np.uint64(0)
    for i in range(offsets.shape[0] - 1):
        size = decode_fast(data, offsets[i], offsets[i + 1], table, codes, finals, entries, places)
        tokens += find_tokens(entries, np.int64(size), terms, bounds, sums) >> ONE
    return tokens


@numba.njit(nogil=True)
def _sketch(data: Any, offsets: Any, table: Any, expansions: Any, a: Any, b: Any, permute: bool, out: Any) -> None:
    longest = longest_text(offsets)
    scratch = scratch_of(longest)
    tokens, shingles = np.empty(longest // 2 + 9, np.uint64), np.empty(longest // 2 + 9, np.uint32)
    for i in range(offsets.shape[0] - 1):
        count = np.int64(hash_tokens(data, offsets[i], offsets[i + 1], table, expansions, scratch, tokens))
        if permute:
            sign(tokens, count, 5, a, b, shingles, out[i])


def _fastest(task: Callable[[], Any]) -> float:
    """Least CPU microseconds an article over the repeats."""
    task()
    best = np.inf
    for _ in range(REPEATS):
        start = time.process_time()
        task()
        best = min(best, time.process_time() - start)
    return best / ARTICLES * 1e6


def main() -> None:
    """Measure and write ``results/stages.json``."""
    normal = [row["text"] for row in generate(2 * ARTICLES) if row["edit"] != "unnormalised"][:ARTICLES]
    texts, table = Texts.of(normal), character_table()
    a, b = permutations(128, 1)
    out = np.empty((ARTICLES, 128), np.uint32)
    column = (texts.data, texts.offsets)
    sums = {
        "decode, look characters up": _fastest(lambda: _decode(*column, table.entries)),
        "find tokens, sum their polynomials": _fastest(lambda: _find(*column, table.entries)),
        "hash tokens": _fastest(lambda: _sketch(*column, table.entries, table.expansions, a, b, False, out)),
        "shingles, 128 permutations": _fastest(
            lambda: _sketch(*column, table.entries, table.expansions, a, b, True, out)
        ),
    }
    stages = {"look out for text not in NFC": _fastest(lambda: nfc_suspects(*column))}
    stages |= {name: sums[name] - before for name, before in zip(sums, [0.0, *sums.values()], strict=False)}
    figures = {
        "microseconds": {name: round(value, 2) for name, value in stages.items()},
        "bytes": round(texts.nbytes / ARTICLES),
        "characters": round(int(_decode(*column, table.entries)) / ARTICLES),
        "tokens": round(int(_find(*column, table.entries)) / ARTICLES),
    }
    print(figures)
    print(results.write("stages", figures))


if __name__ == "__main__":
    main()
