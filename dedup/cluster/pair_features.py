"""What is compared between two articles, and what is made ready for it.

A missing field (no title, no date) leaves its features at 0 and, for the title, raises a flag the
model has learned to read: absence is no evidence.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dedup.text.compiled import kernel
from dedup.vectors import Features, Idf
from dedup.vectors.anchors import DATE, KIND_SHIFT, ORDINAL
from dedup.vectors.features import HAS_TITLE
from dedup.vectors.kernels import LEAD, NAME, TF_SHIFT, TF_WEIGHT, TITLE

#: Columns of a row, with what each says.
PAIR_FEATURES: dict[str, str] = {
    "body": "square root of the TF-IDF cosine of all kept terms",
    "title": "square root of the IDF cosine of the titles",
    "lead": "square root of the IDF cosine of titles and leads together",
    "names": "square root of the TF-IDF cosine of proper-name terms",
    "words": "log of the summed IDF of shared words",
    "phrases": "log of the summed IDF of shared word pairs",
    "rare": "log of the summed IDF above 6 of shared terms",
    "length_gap": "difference of the logs of the lengths",
    "length": "log of the shorter length, less 6",
    "untitled": "one of the two has no title",
    "dates": "cosine of the dates mentioned",
    "date_conflict": "both mention dates, none in common",
    "ordinals": "cosine of the ordinals mentioned",
    "ordinal_conflict": "both mention ordinals: how little they agree; twice if one head has two values",
    "amounts": "log of the number of shared amounts and scores",
    "template": "alike in text, both full of amounts, and the amounts differ",
    "rubric": "the titles are alike and nothing else is",
    "time_apart": "1 - exp(-(days apart / 3)^2) of the times of publication",
    "encoded": "cosine of an encoder's vectors, 0 without encoder",
}
NAMES = tuple(PAIR_FEATURES)
K = len(NAMES)
#: Fields whose norms are kept: all terms, title, title and lead, names.
_NORMS = 4


class Prepared(NamedTuple):
    """Features made ready for comparison under one IDF snapshot; a tuple, so that kernels take it as one argument.

    ``weight float32[m]`` is the IDF of each term, ``norms float32[n, 4]`` the field norms, ``log_length float32[n]``;
    ``anchor_sums float32[n, 3]`` the summed squared weights of dates, of ordinals, and the number of other anchors;
    ``vectors float32[n, d]`` an encoder's vectors of length 1, ``d = 0`` without one.
    """

    term_offsets: NDArray[np.int64]
    term_hash: NDArray[np.uint32]
    term_bits: NDArray[np.uint8]
    weight: NDArray[np.float32]
    norms: NDArray[np.float32]
    anchor_offsets: NDArray[np.int64]
    anchor_key: NDArray[np.uint32]
    anchor_weight: NDArray[np.uint8]
    anchor_sums: NDArray[np.float32]
    published: NDArray[np.int64]
    log_length: NDArray[np.float32]
    titled: NDArray[np.bool_]
    vectors: NDArray[np.float32]


def prepare(features: Features, idf: Idf, vectors: NDArray[np.float32] | None = None) -> Prepared:
    """Weigh the terms of ``features`` under ``idf`` and compute what every comparison needs."""
    n = len(features)
    weight = idf.weights(features)
    norms = np.zeros((n, _NORMS), np.float32)
    anchored = features.anchor_offsets, features.anchor_key, features.anchor_weight
    field_norms(features.term_offsets, features.term_bits, weight, norms)
    return Prepared(
        features.term_offsets, features.term_hash, features.term_bits, weight, norms,
        *anchored, anchor_sums(*anchored),
        features.published, np.log(np.maximum(1, features.length)).astype(np.float32),
        (features.marks & HAS_TITLE) != 0, np.empty((n, 0), np.float32) if vectors is None else vectors,
    )  # fmt: skip


@kernel
def field_norms(offsets: Any, bits: Any, weight: Any, norms: Any) -> None:
    """Fill ``norms float32[n, 4]`` (see :class:`Prepared`)."""
    for i in range(norms.shape[0]):
        for k in range(offsets[i], offsets[i + 1]):
            b, w = bits[k], weight[k]
            tf = TF_WEIGHT[b >> TF_SHIFT]
            norms[i, 0] += (w * tf) ** 2
            if b & TITLE:
                norms[i, 1] += w * w
            if b & (TITLE | LEAD):
                norms[i, 2] += w * w
            if b & NAME:
                norms[i, 3] += (w * tf) ** 2
        for f in range(_NORMS):
            norms[i, f] = np.sqrt(norms[i, f])


@kernel
def anchor_sums(offsets: Any, keys: Any, weights: Any) -> Any:
    """Return the ``anchor_sums`` of :class:`Prepared`."""
    out = np.zeros((offsets.shape[0] - 1, 3), np.float32)
    for i in range(out.shape[0]):
        for a in range(offsets[i], offsets[i + 1]):
            kind, weight = keys[a] >> np.uint32(KIND_SHIFT), np.float32(weights[a])
            if kind == DATE:
                out[i, 0] += weight * weight
            elif kind == ORDINAL:
                out[i, 1] += weight * weight
            else:
                out[i, 2] += 1
    return out


class Weights(NamedTuple):
    """Weights of the pair model, as kernels take them.

    ``coef float32[g, K]``, ``intercept float32[g]``; ``model uint8[n]`` says which of the ``g`` models judges each
    article.  A pair judged by two models gets the mean of their log-odds; that is how cross-validation scores an
    article by a model that has not seen its story, through the very code that production runs (with ``g = 1``).
    """

    coef: NDArray[np.float32]
    intercept: NDArray[np.float32]
    model: NDArray[np.uint8]
