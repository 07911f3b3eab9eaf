"""Average linkage on a sparse graph of pairs, with every cluster pair judged by all its article pairs.

Agglomerative clustering with unweighted average linkage (UPGMA; Sokal and Michener, 1958), nearest clusters first
(the "generic" algorithm of Müllner, 2011).  What is averaged are *doubts*, ``exp(-DOUBT x)`` of the clipped log-odds
``x``, so that a pair that speaks against weighs more than one that speaks for; the log-odds of the mean doubt are the
*joint* log-odds of two clusters.  Where they reach the cut at least one pair does, so the graph of such pairs falls
into components that can be clustered one by one, and inside a component only clusters that such a pair joins are
compared: the cost of an article grows with its neighbours, not with its component.  The cut rises with the size of the
cluster to be formed.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dedup.cluster.pair_features import K, Prepared, Weights
from dedup.cluster.pair_kernels import logit_of, mark, unmarked
from dedup.text.compiled import kernel
from dedup.text.parallel import ordered_map, thread_count

#: Log-odds are clipped to this magnitude, so that no single pair outvotes the others.
CLIP = 6.0
#: How much more the pairs against weigh: near 0 the mean of log-odds, large the least of them (measured: see
#: ``docs/tuning.md``).
DOUBT = 0.3
#: The cut rises by ``TIGHTEN`` for every doubling of the cluster beyond ``LOOSE`` articles.
LOOSE, TIGHTEN = 40, 0.3
#: Components larger than this are first cut along their weakest edges.
LARGEST = 600


@njit(nogil=True)
def doubt_of(logit: Any) -> Any:
    """Doubt of a pair, from its log-odds, which are clipped."""
    return np.exp(np.float32(-DOUBT) * min(np.float32(CLIP), max(np.float32(-CLIP), np.float32(logit))))


@njit(nogil=True)
def joint_logit(doubt: Any) -> Any:
    """Log-odds of a mean doubt."""
    return -np.log(doubt) / DOUBT


@njit(nogil=True)
def cut_at(size: Any, cut: Any) -> Any:
    """Joint log-odds needed to form a cluster of ``size`` articles."""
    if size <= LOOSE:
        return cut
    return cut + TIGHTEN * np.log2(size / LOOSE)


def average_linkage(
    prepared: Prepared, weights: Weights, left: NDArray[np.int64], right: NDArray[np.int64],
    logits: NDArray[np.float32], *, cut: float, threads: int | None = 1,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:  # fmt: skip
    """Cluster articles.

    Parameters
    ----------
    prepared, weights:
        The articles, and the model by which pairs that were no candidates are judged when their clusters meet.
    left, right, logits:
        Candidate pairs, each once, and their log-odds.
    cut:
        Joint log-odds at which two clusters are joined.

    Returns
    -------
    labels : int64 array (n,)
        Cluster of each article: the index of its first member.
    strength : float32 array (n,)
        Joint log-odds of the article with the others of its cluster, 0 for one alone.
    """
    n = len(prepared.published)
    strong = logits >= cut
    order = np.lexsort((right[strong], left[strong], -logits[strong]))
    component = components(n, left[strong][order], right[strong][order], LARGEST)
    by_component = np.argsort(component, kind="stable")
    sizes = np.diff(np.flatnonzero(np.concatenate([[True], np.diff(component[by_component]) != 0, [True]])))
    begin = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    place = np.empty(n, np.int64)
    place[by_component] = np.arange(n) - np.repeat(begin[:-1], sizes)
    inside = np.flatnonzero(strong)
    inside = inside[component[left[inside]] == component[right[inside]]]
    inside = inside[np.argsort(component[left[inside]], kind="stable")]
    one, two, near = place[left[inside]], place[right[inside]], logits[inside]
    edges = np.searchsorted(component[left[inside]], np.append(component[by_component[begin[:-1]]], n))
    many = np.flatnonzero(sizes > 1)
    # Largest components first, in groups of like work.
    work = np.cumsum(sizes[many].astype(np.int64) ** 2)
    groups = np.searchsorted(work, np.arange(1, 257) * (work[-1] / 256)) if len(work) else np.empty(0, np.int64)
    spans = list(pairwise(np.unique(np.concatenate([[0], groups, [len(many)]])).tolist()))
    labels, strength = np.arange(n), np.zeros(n, np.float32)

    def chunk(span: tuple[int, int]) -> None:
        for c in many[span[0] : span[1]]:
            members, pairs = by_component[begin[c] : begin[c + 1]], slice(edges[c], edges[c + 1])
            link_component(prepared, weights, members, one[pairs], two[pairs], near[pairs], cut, labels, strength)

    for _ in ordered_map(chunk, spans, threads=thread_count(threads)):
        pass
    return labels, strength


@kernel
def components(n: Any, left: Any, right: Any, largest: Any) -> Any:
    """Connected components; an edge that would make one larger than ``largest`` is left out."""
    parent = np.arange(n)
    size = np.ones(n, np.int64)
    for k in range(left.shape[0]):
        a, b = left[k], right[k]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        if a != b and size[a] + size[b] <= largest:
            low, high = min(a, b), max(a, b)
            parent[high] = low
            size[low] += size[high]
    for a in range(n):
        root = a
        while parent[root] != root:
            root = parent[root]
        parent[a] = root
    return parent


@njit(nogil=True)
def mean_doubt(p: Any, w: Any, members: Any, after: Any, one: Any, two: Any, pair: Any, marks: Any, row: Any) -> Any:
    """Mean doubt between the articles of two clusters; pairs not judged yet are judged now."""
    total, count = 0.0, 0
    a = one
    while a >= 0:
        marked = False
        b = two
        while b >= 0:
            if np.isnan(pair[a, b]):
                if not marked:
                    mark(p, members[a], marks)
                    marked = True
                x = doubt_of(logit_of(p, w, members[a], marks, members[b], row))
                pair[a, b] = x
                pair[b, a] = x
            total += pair[a, b]
            count += 1
            b = after[b]
        a = after[a]
    return np.float32(total / count)


@njit(nogil=True)
def find_nearest(doubt: Any, alive: Any, a: Any, nearest: Any, least: Any) -> None:
    """Look up the nearest cluster that ``a`` has met, the first of equals; -1 if there is none."""
    nearest[a], least[a] = -1, np.inf
    for b in range(doubt.shape[0]):
        if alive[b] and b != a and doubt[a, b] < least[a]:
            nearest[a], least[a] = b, doubt[a, b]


@kernel
def link_component(
    p: Any, w: Any, members: Any, left: Any, right: Any, logits: Any, cut: Any, labels: Any, strength: Any
) -> None:
    """Cluster one component; write the labels and strengths of its members.

    ``members int64[m]`` are its articles in rising order; ``left, right int64[e]``, ``logits float32[e]`` its strong
    pairs, as places among them.
    """
    m = members.shape[0]
    pair, doubt = np.full((m, m), np.float32(np.nan)), np.full((m, m), np.float32(np.inf))
    for k in range(left.shape[0]):
        x = doubt_of(logits[k])
        pair[left[k], right[k]], pair[right[k], left[k]] = x, x
        doubt[left[k], right[k]], doubt[right[k], left[k]] = x, x
    cluster = link_places(p, w, members, pair, doubt, cut)
    for a in range(m):
        total, count = 0.0, 0
        for b in range(m):
            if b != a and cluster[b] == cluster[a]:
                total += pair[a, b]
                count += 1
        labels[members[a]] = members[cluster[a]]
        strength[members[a]] = joint_logit(total / count) if count else 0.0


@njit(nogil=True)
def link_places(p: Any, w: Any, members: Any, pair: Any, doubt: Any, cut: Any) -> Any:
    """Cluster some articles; return ``int64[m]``, the first place of the cluster of each.

    ``pair float32[m, m]`` are the doubts of the pairs judged, NaN of others, which are judged when needed and entered;
    ``doubt float32[m, m]`` those of strong pairs, else infinite, and in the end mean doubts of clusters.  The two
    nearest clusters are joined until none reach the cut.  Clusters meet when a strong pair lies between them, and only
    then are their other pairs judged.  A join that does not reach the cut of its size is not made, and the smaller
    cluster takes no further part.
    """
    m = members.shape[0]
    size, alive, cluster = np.ones(m, np.int64), np.ones(m, np.bool_), np.arange(m)
    # The articles of a cluster are a list; it begins at the one by which the cluster is named.
    after, tail = np.full(m, -1, np.int64), np.arange(m)
    nearest, least = np.empty(m, np.int64), np.empty(m, np.float32)
    marks, row = unmarked(), np.empty(K, np.float32)
    for a in range(m):
        find_nearest(doubt, alive, a, nearest, least)
    while True:
        top = int(np.argmin(least))
        if nearest[top] < 0 or least[top] > doubt_of(cut):
            break
        low, high = min(top, nearest[top]), max(top, nearest[top])
        together = size[low] + size[high]
        refused = least[top] > doubt_of(cut_at(together, cut))
        gone = low if refused and size[low] < size[high] else high
        alive[gone], nearest[gone], least[gone] = False, -1, np.inf
        if not refused:
            for c in range(m):
                if not alive[c] or c == low or (doubt[low, c] == np.inf and doubt[high, c] == np.inf):
                    continue
                for one in (low, high):
                    if doubt[one, c] == np.inf:
                        doubt[one, c] = mean_doubt(p, w, members, after, one, c, pair, marks, row)
                x = np.float32((size[low] * doubt[low, c] + size[high] * doubt[high, c]) / together)
                doubt[low, c], doubt[c, low] = x, x
            for c in range(m):
                if cluster[c] == high:
                    cluster[c] = low
            after[tail[low]], tail[low], size[low] = high, tail[high], together
        for c in range(m):
            if not alive[c]:
                continue
            if nearest[c] == gone or (not refused and (c == low or nearest[c] == low)):
                find_nearest(doubt, alive, c, nearest, least)
            elif not refused and (doubt[c, low] < least[c] or (doubt[c, low] == least[c] and low < nearest[c])):
                nearest[c], least[c] = low, doubt[c, low]
    return cluster
