"""Which article stands for a story: components normalised within the story, weighed by a named policy.

Everything is computed from features, so that the store can rank without the texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dedup.cluster.centrality import centrality
from dedup.text.compiled import kernel
from dedup.vectors import Features, Idf
from dedup.vectors.anchors import UNDATED
from dedup.vectors.features import ENDS_WELL, HAS_SOURCE, HAS_TITLE, HAS_URL

#: Weights of the components under each policy.
POLICIES: dict[str, dict[str, float]] = {
    "default": {"completeness": 0.22, "centrality": 0.13, "trust": 0.15, "earliest": 0.2, "quality": 0.3},
    "first": {"earliest": 1.0},
    "longest": {"length": 1.0},
    "trusted": {"trust": 1.0},
    "central": {"centrality": 1.0},
}
#: Components, in the order in which they are shown.
_COMPONENTS = ("completeness", "centrality", "trust", "earliest", "quality", "length")
#: Later than every publication.
_NEVER = np.iinfo(np.int64).max
#: Settles what the policy leaves equal.
_TIE_BREAK = 1e-3
#: Members that centrality is measured against, at most.
_PEERS = 64
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
    starts = np.array([0, len(ids)], np.int64)
    components, total, order_by = _scores(features, starts, ids, policy, trust, idf)
    order = sorted(range(len(ids)), key=lambda i: (-order_by[i], ids[i]))
    totals, columns = total.tolist(), {name: values.tolist() for name, values in components.items()}
    return [CanonicalScore(i, totals[i], {name: values[i] for name, values in columns.items()}) for i in order]


def pick_canonicals(
    features: Features, sizes: Sequence[int], ids: Sequence[str], *, policy: str = "default",
    trust: Sequence[float] | None = None, idf: Idf | None = None,
) -> list[int]:  # fmt: skip
    """Rows of the canonical articles of many stories: for each the first that :func:`rank_canonical` names.

    ``sizes`` are the numbers of members of the stories, whose rows stand one story after the other; none is empty.
    """
    if not sizes:
        return []
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
    _, _, order_by = _scores(features, starts, ids, policy, trust, idf)
    return [min(range(a, b), key=lambda i: (-order_by[i], ids[i])) for a, b in pairwise(starts.tolist())]


def _scores(
    features: Features, starts: NDArray[np.int64], ids: Sequence[str], policy: str, trust: Sequence[float] | None,
    idf: Idf | None,
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64], list[float]]:  # fmt: skip
    """Components, totals and what members are ordered by, of stories at ``starts int64[s + 1]``."""
    if policy not in POLICIES:
        raise ValueError(f"canonical policy {policy!r} is not known; choose from {', '.join(POLICIES)}")
    components = _components(features, starts, ids, trust, idf or Idf.prior())
    total = _weighted(components, POLICIES[policy])
    default = total if policy == "default" else _weighted(components, POLICIES["default"])
    return components, total, np.round(total + _TIE_BREAK * default, 9).tolist()


def _weighted(components: dict[str, NDArray[np.float64]], weights: dict[str, float]) -> NDArray[np.float64]:
    return np.asarray(sum(weight * components[name] for name, weight in weights.items()), np.float64)


def _components(
    features: Features, starts: NDArray[np.int64], ids: Sequence[str], trust: Sequence[float] | None, idf: Idf
) -> dict[str, NDArray[np.float64]]:
    n = len(features)
    rows = np.empty((len(_COMPONENTS), n))
    trusted = np.full(n, 0.5) if trust is None else np.asarray(trust, np.float64)
    compare_members(features.length, features.published, features.known, features.marks, trusted, starts, rows)
    components = dict(zip(_COMPONENTS, rows, strict=True))
    components["centrality"] = centrality(features, idf.weights(features), starts, *_peers(starts, ids))
    return components


@kernel
def compare_members(
    length: Any, published: Any, known: Any, marks: Any, trust: Any, starts: Any, out: Any
) -> None:  # fmt: skip
    """Fill the rows of ``out float64[6, n]`` (:data:`_COMPONENTS`), but for centrality.

    ``length uint32[n]``, ``published int64[n]``, ``known uint8[n]`` and ``marks uint8[n]`` are columns of
    :class:`dedup.vectors.Features`, ``trust float64[n]``; stories are rows ``starts[k]:starts[k + 1]``.
    """
    for story in range(starts.shape[0] - 1):
        begin, end = starts[story], starts[story + 1]
        enough = enough_of(np.sort(length[begin:end]))
        longest, best, first = 1.0, 0.0, _NEVER
        for i in range(begin, end):
            longest = max(longest, np.float64(length[i]))
            best = max(best, known[i] / 255.0)
            if published[i] != UNDATED:
                first = min(first, published[i])
        for i in range(begin, end):
            size = np.float64(length[i])
            nowhere = marks[i] & (HAS_URL | HAS_SOURCE) == 0
            fluency = min(1.0, max(0.0, 1 - (best - known[i] / 255.0) / _GARBLED))
            padding = min(1.0, max(0.0, (size / enough - 1) / (_JUMP - 1)))
            ends, titled, url = marks[i] & ENDS_WELL != 0, marks[i] & HAS_TITLE != 0, marks[i] & HAS_URL != 0
            out[0, i] = min(1.0, size / enough)
            out[2, i] = min(trust[i], _NOWHERE) if nowhere else trust[i]
            out[3, i] = 0.5 ** ((published[i] - first) / _HALF_LIFE) if published[i] != UNDATED else 0.5
            out[4, i] = 0.64 * fluency + 0.1 * ends + 0.06 * titled + 0.06 * url + 0.14 * (1 - padding)
            out[5, i] = size / longest


@njit(nogil=True)
def enough_of(lengths: Any) -> Any:
    """Length of a complete report, from the sorted lengths: that of the third in five, or of any jump above it."""
    k = int(0.6 * (lengths.shape[0] - 1))
    enough = np.float64(lengths[k])
    for longer in lengths[k + 1 :]:
        if longer > _JUMP * enough:
            enough = np.float64(longer)
    return max(1.0, enough)


def _peers(starts: NDArray[np.int64], ids: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that all of a story are compared with, and where those of each story begin (``int64[s + 1]``).

    Of a large story every k-th by id, so that the order of its members does not matter.
    """
    parts: list[NDArray[np.int64]] = []
    for a, b in pairwise(starts.tolist()):
        step = max(1, -(-(b - a) // _PEERS))
        rows = np.arange(a, b) if step == 1 else np.sort(np.array(sorted(range(a, b), key=ids.__getitem__)[::step]))
        parts.append(rows)
    ends = np.cumsum([len(rows) for rows in parts], dtype=np.int64)
    return np.concatenate(parts), np.concatenate([np.zeros(1, np.int64), ends])
