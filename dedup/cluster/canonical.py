"""Which article stands for a story: components normalised within the story, weighed by a named policy.

Everything is computed from features, so that the store can rank without the texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup.cluster.pair_features import Prepared, prepare
from dedup.vectors import Features, Idf
from dedup.vectors.anchors import UNDATED
from dedup.vectors.features import ENDS_WELL, HAS_SOURCE, HAS_TITLE, HAS_URL
from dedup.vectors.kernels import FREQUENCIES, TF_SHIFT

#: Weights of the components under each policy.
POLICIES: dict[str, dict[str, float]] = {
    "default": {"completeness": 0.22, "centrality": 0.13, "trust": 0.15, "earliest": 0.2, "quality": 0.3},
    "first": {"earliest": 1.0},
    "longest": {"length": 1.0},
    "trusted": {"trust": 1.0},
    "central": {"centrality": 1.0},
}
#: Settles what the policy leaves equal.
_TIE_BREAK = 1e-3
#: Members that centrality is measured against, at most.
_PEERS = 64
#: Cosine from which two members hold one text.  Cuts and padded copies lie lower: they must witness for the original.
_COPY = 0.97
#: Seconds after which a later publication is worth half.
_HALF_LIFE = 6 * 3600.0
#: A share of known word pairs this far below the best of the story is worth nothing.
_GARBLED = 0.25
#: Most trust in an article that says neither its source nor its address.
_NOWHERE = 0.3
#: An article this many times longer than the shorter ones has more to say; one a little longer has widgets.
_JUMP = 1.3


@dataclass(frozen=True, slots=True)
class CanonicalScore:
    """One member as the rule sees it.

    Attributes
    ----------
    index:
        Row of the member.
    total:
        Weighted mean of the components, 0 to 1.
    components:
        ``completeness``, ``centrality``, ``trust``, ``earliest``, ``quality``, ``length``, each 0 to 1.
    """

    index: int
    total: float
    components: dict[str, float]


def rank_canonical(
    features: Features, ids: Sequence[str], *, policy: str = "default", trust: Sequence[float] | None = None,
    idf: Idf | None = None,
) -> list[CanonicalScore]:  # fmt: skip
    """Order the members of one story, the canonical article first.

    Parameters
    ----------
    features:
        One row a member.
    ids:
        Ids of the members; they settle exact ties.
    policy:
        A name of :data:`POLICIES`.
    trust:
        Trust in each member's source, 0 to 1; 0.5 for all when missing; never more than 0.3 for an article that names
        neither source nor URL.
    idf:
        IDF snapshot for centrality; the prior when missing.

    Raises
    ------
    ValueError
        If the policy has no such name.

    Notes
    -----
    *Completeness* compares lengths with that of a complete report, so that padding gains nothing; *centrality* is the
    mean TF-IDF cosine to the other texts (a copy is no witness); *earliest* halves every six hours; *quality* joins the
    share of word pairs that the language knows (a garbled machine translation has fewer), a whole ending, a title, and
    no padding.
    """
    if policy not in POLICIES:
        raise ValueError(f"canonical policy {policy!r} is not known; choose from {', '.join(POLICIES)}")
    components = _components(features, ids, trust, idf or Idf.prior())
    weights, default = POLICIES[policy], POLICIES["default"]
    total = _weighted(components, weights)
    order_by = total + _TIE_BREAK * _weighted(components, default)
    order = sorted(range(len(ids)), key=lambda i: (-round(float(order_by[i]), 9), ids[i]))
    return [
        CanonicalScore(i, float(total[i]), {name: float(values[i]) for name, values in components.items()})
        for i in order
    ]


def _weighted(components: dict[str, NDArray[np.float64]], weights: dict[str, float]) -> NDArray[np.float64]:
    return np.asarray(sum(weight * components[name] for name, weight in weights.items()), np.float64)


def _components(
    features: Features, ids: Sequence[str], trust: Sequence[float] | None, idf: Idf
) -> dict[str, NDArray[np.float64]]:
    n = len(features)
    length = features.length.astype(np.float64)
    enough = _enough(np.sort(length))
    padding = np.clip((length / enough - 1) / (_JUMP - 1), 0, 1)
    published = features.published
    dated = published != UNDATED
    earliest = np.full(n, 0.5)
    if dated.any():
        late = (published[dated] - published[dated].min()).astype(np.float64)
        earliest[dated] = 0.5 ** (late / _HALF_LIFE)
    known = features.known / 255.0
    fluency = np.clip(1 - (known.max() - known) / _GARBLED, 0, 1)
    marks = features.marks
    nowhere = marks & (HAS_URL | HAS_SOURCE) == 0
    trusted = np.full(n, 0.5) if trust is None else np.asarray(trust, np.float64)
    ends, titled, url = ((marks & bit != 0).astype(np.float64) for bit in (ENDS_WELL, HAS_TITLE, HAS_URL))
    quality = 0.64 * fluency + 0.1 * ends + 0.06 * titled + 0.06 * url + 0.14 * (1 - padding)
    return {
        "completeness": np.minimum(1, length / enough),
        "centrality": _centrality(prepare(features, idf), _peers(ids)),
        "trust": np.where(nowhere, np.minimum(trusted, _NOWHERE), trusted),
        "earliest": earliest,
        "quality": quality,
        "length": length / max(1.0, length.max()),
    }


def _enough(lengths: NDArray[np.float64]) -> float:
    """Length of a complete report, from the sorted lengths: that of the third in five, or of any jump above it."""
    k = int(0.6 * (len(lengths) - 1))
    enough = lengths[k]
    for longer in lengths[k + 1 :]:
        if longer > _JUMP * enough:
            enough = longer
    return max(1.0, float(enough))


def _peers(ids: Sequence[str]) -> NDArray[np.int64]:
    """Members that all are compared with: of a large story every k-th by id, so that their order does not matter."""
    by_id = np.array(sorted(range(len(ids)), key=ids.__getitem__), np.int64)
    return np.sort(by_id[:: max(1, -(-len(ids) // _PEERS))])


def _centrality(prepared: Prepared, peers: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean TF-IDF cosine to the texts of the other ``peers int64[p]``, over the highest.

    A copy is no witness: articles that hold one text count as one, and not for each other.
    """
    n = len(prepared.published)
    if n < 3:
        return np.ones(n)
    _, columns = np.unique(prepared.term_hash, return_inverse=True)
    rows = np.repeat(np.arange(n), np.diff(prepared.term_offsets))
    values = (prepared.weight * (1 + np.log(FREQUENCIES[prepared.term_bits >> TF_SHIFT]))).astype(np.float64)
    values /= np.maximum(np.sqrt(np.bincount(rows, values**2, n)), 1e-9)[rows]
    place = np.full(n, -1)
    place[peers] = np.arange(len(peers))
    of_peer = place[rows] >= 0
    table = np.zeros((len(peers), int(columns.max(initial=-1)) + 1))
    table[place[rows[of_peer]], columns[of_peer]] = values[of_peer]
    likeness = table @ table.T
    copies = likeness >= _COPY
    weight = 1.0 / np.maximum(1.0, copies.sum(axis=1).astype(np.float64))
    if (texts := weight.sum()) < 1.5:  # copies of one text are told apart by how near they are to all of them
        copies, weight, texts = np.eye(len(peers), dtype=np.bool_), np.ones(len(peers)), float(len(peers))
    # The cosines to the peers add up to the dot product with the sum of the peers.
    mean: NDArray[np.float64] = np.asarray(np.bincount(rows, values * (weight @ table)[columns], n), np.float64)
    own = copies * weight
    mean[peers] -= (own * likeness).sum(axis=1)
    others = np.full(n, texts)
    others[peers] -= own.sum(axis=1)
    mean /= np.maximum(others, 1e-9)
    # Copies of one text differ by little; the upper half of the scale tells them apart.
    return np.asarray(np.clip(2 * mean / max(mean.max(), 1e-9) - 1, 0, 1), np.float64)
