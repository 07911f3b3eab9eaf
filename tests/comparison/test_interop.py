"""Signatures travel to datasketch and back."""

from __future__ import annotations

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH

import dedup
from dedup.sketch.interop import from_datasketch, to_datasketch

TEXTS = ["the same words in the same order here", "the same words in the same order there", "nothing of that kind"]


def test_there_and_back():
    signatures = dedup.minhash(TEXTS, ngram=2)
    wrapped = to_datasketch(signatures)
    np.testing.assert_array_equal(from_datasketch(wrapped), signatures)
    assert wrapped[0].jaccard(wrapped[1]) == np.mean(signatures[0] == signatures[1])
    index = MinHashLSH(params=(32, 4), num_perm=128)
    for name, item in enumerate(wrapped):
        index.insert(name, item)
    assert 0 in index.query(wrapped[0])


def test_other_schemes_and_mixtures_are_refused():
    with pytest.raises(ValueError, match="legacy"):
        from_datasketch([MinHash(scheme="legacy")])
    with pytest.raises(ValueError, match="seeds"):
        from_datasketch([MinHash(seed=1, scheme="affine32"), MinHash(seed=2, scheme="affine32")])
