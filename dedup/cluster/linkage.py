"""Average linkage on a sparse graph of pairs, with every cluster pair judged by all its article pairs.

Agglomerative clustering with unweighted average linkage (UPGMA; Sokal and Michener, 1958) by the
nearest-neighbour chain (Murtagh, 1983), over clipped log-odds instead of distances.  Two clusters whose mean
log-odds reach the cut hold at least one pair that reaches it, so the graph of such pairs falls into components that
can be clustered one by one, exactly.  The cut rises with the size of the cluster to be formed.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dedup.cluster import pair_features
from dedup.cluster.pair_features import K, Prepared, Weights, logit_of
from dedup.text.compiled import kernel
from dedup.text.parallel import ordered_map, thread_count

#: Log-odds are clipped to this magnitude, so that no single pair outvotes the others.
CLIP = 6.0
#: The cut rises by ``TIGHTEN`` for every doubling of the cluster beyond ``LOOSE`` articles.
LOOSE, TIGHTEN = 40, 0.3
#: Components larger than this are first cut along their weakest edges.
LARGEST = 600


@njit(nogil=True)
def cut_at(size: Any, cut: Any) -> Any:
    """Mean log-odds needed to form a cluster of ``size`` articles."""
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
        Candidate pairs and their log-odds.
    cut:
        Mean log-odds at which two clusters are joined.

    Returns
    -------
    labels : int64 array (n,)
        Cluster of each article: the index of its first member.
    strength : float32 array (n,)
        Mean clipped log-odds between the article and the others of its cluster, 0 for one alone.
    """
    n = len(prepared.published)
    strong = logits >= cut
    order = np.lexsort((right[strong], left[strong], -logits[strong]))
    component = components(n, left[strong][order], right[strong][order], LARGEST)
    by_component = np.argsort(component, kind="stable")
    sizes = np.diff(np.flatnonzero(np.concatenate([[True], np.diff(component[by_component]) != 0, [True]])))
    begin = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    many = np.flatnonzero(sizes > 1)
    # Largest components first, in groups of like work.
    work = np.cumsum(sizes[many].astype(np.int64) ** 2)
    groups = np.searchsorted(work, np.arange(1, 257) * (work[-1] / 256)) if len(work) else np.empty(0, np.int64)
    spans = list(pairwise(np.unique(np.concatenate([[0], groups, [len(many)]])).tolist()))
    labels, strength = np.arange(n), np.zeros(n, np.float32)

    def chunk(span: tuple[int, int]) -> None:
        for c in many[span[0] : span[1]]:
            members = by_component[begin[c] : begin[c + 1]]
            link_component(prepared, weights, members, cut, labels, strength)

    for _ in ordered_map(chunk, spans, threads=thread_count(threads)):
        pass
    return labels, strength


@kernel()
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
def pair_matrix(p: Any, w: Any, members: Any) -> Any:
    """Clipped log-odds of all pairs of ``members``, ``float32[m, m]``."""
    m = members.shape[0]
    matrix = np.zeros((m, m), np.float32)
    row = np.empty(K, np.float32)
    for a in range(m):
        for b in range(a):
            x = min(np.float32(CLIP), max(np.float32(-CLIP), logit_of(p, w, members[a], members[b], row)))
            matrix[a, b] = x
            matrix[b, a] = x
    return matrix


@kernel(pair_features)
def link_component(p: Any, w: Any, members: Any, cut: Any, labels: Any, strength: Any) -> None:
    """Cluster one component; write the labels and strengths of its members."""
    m = members.shape[0]
    matrix = pair_matrix(p, w, members)
    cluster = chain_linkage(matrix.copy(), cut)
    for a in range(m):
        total, count = np.float32(0), 0
        first = members[a]
        for b in range(m):
            if cluster[b] == cluster[a]:
                first = min(first, members[b])
                if a != b:
                    total += matrix[a, b]
                    count += 1
        labels[members[a]] = first
        strength[members[a]] = total / max(1, count)


@kernel()
def chain_linkage(mean: Any, cut: Any) -> Any:
    """Average linkage by the nearest-neighbour chain over ``mean float32[m, m]`` (overwritten); ``int64[m]`` labels.

    A merge whose mean does not reach the cut of its size is not made, and neither cluster takes part again.
    """
    m = mean.shape[0]
    size = np.ones(m, np.int64)
    label = np.arange(m)
    alive = np.ones(m, np.bool_)
    chain = np.empty(m + 1, np.int64)
    depth = 0
    left = m
    while left > 0:
        if depth == 0:
            for a in range(m):
                if alive[a]:
                    chain[0] = a
                    depth = 1
                    break
            else:
                break
        a = chain[depth - 1]
        best: Any = np.float32(-np.inf)
        nearest: Any = np.int64(-1)
        if depth > 1:
            nearest = chain[depth - 2]
            best = mean[a, nearest]
        for b in range(m):
            if alive[b] and b != a and mean[a, b] > best:
                best, nearest = mean[a, b], b
        if nearest < 0 or best < cut:
            # Nothing can join any cluster of the chain's top any more.
            alive[a] = False
            left -= 1
            depth -= 1
            continue
        if depth > 1 and nearest == chain[depth - 2]:
            depth -= 2
            low, high = min(a, nearest), max(a, nearest)
            together = size[low] + size[high]
            if best < cut_at(together, cut):
                # Mutual nearest, yet too weak for their size: the smaller one is done.
                smaller = low if size[low] < size[high] else high
                alive[smaller] = False
                left -= 1
                continue
            for c in range(m):
                if c != low and c != high:
                    x = (size[low] * mean[low, c] + size[high] * mean[high, c]) / together
                    mean[low, c] = x
                    mean[c, low] = x
            size[low] = together
            alive[high] = False
            left -= 1
            for c in range(m):
                if label[c] == high:
                    label[c] = low
        else:
            chain[depth] = nearest
            depth += 1
    return label
