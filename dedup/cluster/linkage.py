"""Average linkage on a sparse graph of pairs, with every cluster pair judged by all its article pairs.

Agglomerative clustering with unweighted average linkage (UPGMA; Sokal and Michener, 1958), nearest clusters first
(the "generic" algorithm of Müllner, 2011).  What is averaged are the clipped log-odds of the pair model; their mean
over the pairs of two clusters are the *joint* log-odds of these.  Where they reach the cut at least one pair does, so
the graph of such pairs falls into components that can be clustered one by one, and inside a component only clusters
that such a pair joins are compared: the cost of an article grows with its neighbours, not with its component.

What is asked of two clusters depends on both:

- more of two articles that are alone, for whom no third one speaks;
- more where each of the two holds together by itself: two groups of articles that are close knit, and less close to
  each other, are two events of one kind, where the same distance may well lie between an article and its story.
  Versions of one text say nothing of that;
- more of a large cluster.
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

#: Log-odds are clipped to this magnitude, so that no single pair outvotes the others.  A pair that reaches it is two
#: versions of one text.
CLIP = 7.5
#: Log-odds beyond the cut that are asked of two articles alone; and of two clusters for each of the looser one's
#: cohesion (measured: see ``docs/tuning.md``).
ALONE, KNIT = 1.25, 0.9
#: The cut rises by ``TIGHTEN`` for every doubling of the cluster beyond ``LOOSE`` articles.
LOOSE, TIGHTEN = 40, 0.3
#: Components larger than this are first cut along their weakest edges.
LARGEST = 600


@njit(nogil=True)
def clipped(logit: Any) -> Any:
    """Log-odds of a pair, as they are averaged."""
    return min(np.float32(CLIP), max(np.float32(-CLIP), np.float32(logit)))


@njit(nogil=True)
def cut_at(size: Any, cut: Any) -> Any:
    """Joint log-odds needed to form a cluster of ``size`` articles."""
    if size <= LOOSE:
        return cut
    return cut + TIGHTEN * np.log2(size / LOOSE)


@njit(nogil=True)
def asked_of(size: Any, one: Any, two: Any, cut: Any) -> Any:
    """Joint log-odds needed to join two clusters into one of ``size`` articles, from the cohesion of each."""
    if size == 2:
        return cut + ALONE
    return cut_at(size, cut) + KNIT * max(0.0, min(one, two))


@njit(nogil=True)
def cohesion(logits: Any, pairs: Any) -> Any:
    """Joint log-odds inside a cluster of two articles or more, from the sum over its ``pairs`` pairs.

    One pair more, of log-odds 1, counts with them: few pairs say little (none are left where all are versions).
    """
    return (logits + 1) / (pairs + 1)


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


@kernel
def link_component(
    p: Any, w: Any, members: Any, left: Any, right: Any, logits: Any, cut: Any, labels: Any, strength: Any
) -> None:
    """Cluster one component; write the labels and strengths of its members.

    ``members int64[m]`` are its articles in rising order; ``left, right int64[e]``, ``logits float32[e]`` its strong
    pairs, as places among them.
    """
    m = members.shape[0]
    pair, mean = np.full((m, m), np.float32(np.nan)), np.full((m, m), np.float32(-np.inf))
    for k in range(left.shape[0]):
        x = clipped(logits[k])
        pair[left[k], right[k]], pair[right[k], left[k]] = x, x
        mean[left[k], right[k]], mean[right[k], left[k]] = x, x
    cluster = link_places(p, w, members, pair, mean, cut)
    for a in range(m):
        total, count = 0.0, 0
        for b in range(m):
            if b != a and cluster[b] == cluster[a]:
                total += pair[a, b]
                count += 1
        labels[members[a]] = members[cluster[a]]
        strength[members[a]] = total / count if count else 0.0


@njit(nogil=True)
def link_places(p: Any, w: Any, members: Any, pair: Any, mean: Any, cut: Any) -> Any:
    """Cluster some articles; return ``int64[m]``, the first place of the cluster of each.

    ``pair float32[m, m]`` are the clipped log-odds of the pairs judged, NaN of others, which are judged when needed
    and entered; ``mean float32[m, m]`` those of strong pairs, else minus infinity, and in the end joint log-odds of
    clusters.  The two clusters that lack least of what is asked of them are joined, until all lack something.
    Clusters meet when a strong pair lies between them, and only then are their other pairs judged.
    """
    m = members.shape[0]
    size, alive, cluster = np.ones(m, np.int64), np.ones(m, np.bool_), np.arange(m)
    # Log-odds inside each cluster, summed, of how many pairs (those of versions aside), and the cohesion they make.
    inside, pairs, knit = np.zeros(m, np.float64), np.zeros(m, np.int64), np.zeros(m, np.float64)
    # By how much the joint log-odds of two clusters fall short of what is asked; infinite if they never met.
    lack = np.full((m, m), np.float32(np.inf))
    # The articles of a cluster are a list; it begins at the one by which the cluster is named.
    after, tail = np.full(m, -1, np.int64), np.arange(m)
    nearest, least = np.empty(m, np.int64), np.empty(m, np.float32)
    marks, row = unmarked(), np.empty(K, np.float32)
    for a in range(m):
        for b in range(m):
            if mean[a, b] > -np.inf:
                lack[a, b] = asked_of(2, 0.0, 0.0, cut) - mean[a, b]
    for a in range(m):
        find_nearest(lack, alive, a, nearest, least)
    while True:
        top = int(np.argmin(least))
        if nearest[top] < 0 or least[top] > 0:
            break
        low, high = min(top, nearest[top]), max(top, nearest[top])
        together = size[low] + size[high]
        alive[high], nearest[high], least[high] = False, -1, np.inf
        between, count = reports_between(after, low, high, pair)
        inside[low] += inside[high] + between
        pairs[low] += pairs[high] + count
        knit[low] = cohesion(inside[low], pairs[low])
        for c in range(m):
            if not alive[c] or c == low or (mean[low, c] == -np.inf and mean[high, c] == -np.inf):
                continue
            for one in (low, high):
                if mean[one, c] == -np.inf:
                    mean[one, c] = joint_logit(p, w, members, after, one, c, pair, marks, row)
            x = np.float32((size[low] * mean[low, c] + size[high] * mean[high, c]) / together)
            short = np.float32(asked_of(together + size[c], knit[low], knit[c], cut) - x)
            mean[low, c], mean[c, low] = x, x
            lack[low, c], lack[c, low] = short, short
        for c in range(m):
            if cluster[c] == high:
                cluster[c] = low
        after[tail[low]], tail[low], size[low] = high, tail[high], together
        for c in range(m):
            if not alive[c]:
                continue
            if c == low or nearest[c] == low or nearest[c] == high:
                find_nearest(lack, alive, c, nearest, least)
            elif lack[c, low] < least[c] or (lack[c, low] == least[c] and low < nearest[c]):
                nearest[c], least[c] = low, lack[c, low]
    return cluster


@njit(nogil=True)
def joint_logit(p: Any, w: Any, members: Any, after: Any, one: Any, two: Any, pair: Any, marks: Any, row: Any) -> Any:
    """Joint log-odds of two clusters; pairs not judged yet are judged now."""
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
                x = clipped(logit_of(p, w, members[a], marks, members[b], row))
                pair[a, b] = x
                pair[b, a] = x
            total += pair[a, b]
            count += 1
            b = after[b]
        a = after[a]
    return np.float32(total / count)


@njit(nogil=True)
def reports_between(after: Any, one: Any, two: Any, pair: Any) -> Any:
    """Sum of the log-odds between the articles of two clusters, and their number; versions of a text do not count."""
    total, count = 0.0, 0
    a = one
    while a >= 0:
        b = two
        while b >= 0:
            if pair[a, b] < CLIP:
                total += pair[a, b]
                count += 1
            b = after[b]
        a = after[a]
    return total, count


@njit(nogil=True)
def find_nearest(lack: Any, alive: Any, a: Any, nearest: Any, least: Any) -> None:
    """Look up the cluster that lacks least to be one with ``a``, the first of equals; -1 if it has met none."""
    nearest[a], least[a] = -1, np.inf
    for b in range(lack.shape[0]):
        if alive[b] and b != a and lack[a, b] < least[a]:
            nearest[a], least[a] = b, lack[a, b]
