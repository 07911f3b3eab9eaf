"""Build ``dedup/data/prior.npz``: how common each term is before any article has been seen.

Usage: ``python -m dedup.vectors.build_prior DF_VI.tsv.gz``

Vietnamese comes from a table of document frequencies (``n-gram TAB df``; syllables and syllable bigrams over
150,704 news articles).  The other languages come from `wordfreq <https://github.com/rspeer/wordfreq>`_ 3.1
(data CC BY-SA 4.0, see ``dedup/data/NOTICE.md``): a word of relative frequency ``f`` is expected in a share
``1 - exp(-500 f)`` of articles of 500 words.  Each term is kept as its 32-bit hash and its IDF in sixteenths.
"""

from __future__ import annotations

import argparse
import gzip
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from dedup.text import ngram_hash32, tokens
from dedup.vectors.prior import SCALE

DOCUMENTS = 150_704
WORDS_PER_ARTICLE = 500
LANGUAGES = {"en": 60_000, "fr": 15_000, "de": 15_000, "es": 15_000, "pt": 15_000, "it": 15_000}
LANGUAGES |= {"nl": 15_000, "id": 15_000, "pl": 15_000, "tr": 15_000, "ru": 15_000}


def idf(df: float, documents: int = DOCUMENTS) -> float:
    """``ln((1 + N) / (1 + df)) + 1``, as :class:`sklearn.feature_extraction.text.TfidfTransformer` has it."""
    return math.log((1 + documents) / (1 + df)) + 1


def vietnamese(path: Path) -> dict[int, float]:
    """Read the document frequencies; n-grams that fold together add up."""
    counts: dict[int, float] = defaultdict(float)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("#"):
                ngram, _, df = line.rstrip("\n").partition("\t")
                counts[ngram_hash32(tokens(ngram))] += float(df)
    return {key: idf(min(df, DOCUMENTS)) for key, df in counts.items()}


def from_wordfreq(language: str, size: int) -> dict[int, float]:
    """Take the ``size`` most frequent words of a language."""
    from wordfreq import get_frequency_dict

    words = get_frequency_dict(language, "best")
    share: dict[str, float] = defaultdict(float)
    for word, frequency in words.items():
        for token in set(tokens(word)):
            share[token] += frequency
    kept = sorted(share.items(), key=lambda item: (-item[1], item[0]))[:size]
    return {ngram_hash32([word]): idf(DOCUMENTS * -math.expm1(-f * WORDS_PER_ARTICLE)) for word, f in kept}


def main() -> None:
    parser = argparse.ArgumentParser(description="Build dedup/data/prior.npz.")
    parser.add_argument("df_vi", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=Path(__file__).parent.parent / "data" / "prior.npz")
    arguments = parser.parse_args()
    tables = {"vi": vietnamese(arguments.df_vi)}
    tables |= {language: from_wordfreq(language, size) for language, size in LANGUAGES.items()}
    arrays: dict[str, Any] = {}
    for language, table in tables.items():
        keys = np.array(sorted(table), np.uint32)
        arrays[f"{language}_keys"] = np.diff(keys, prepend=np.uint32(0))
        arrays[f"{language}_idf"] = np.array([min(255, round(SCALE * table[int(k)])) for k in keys], np.uint8)
    np.savez_compressed(arguments.out, **arrays)
    print(
        f"{arguments.out}: {arguments.out.stat().st_size:,} bytes, "
        + ", ".join(f"{language} {len(table):,}" for language, table in tables.items())
    )


if __name__ == "__main__":
    main()
