"""Duplicate groups of a whole column of texts: raw text in, verified groups out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dedup.cluster.groups import anchored_groups, groups_of
from dedup.cluster.relation import Relation, RelationRule, relation_of
from dedup.sketch.fingerprint import Fingerprints, Table
from dedup.sketch.pairs import pair_codes
from dedup.sketch.verify import ScoredPairs, containment_pairs, near_duplicate_pairs, score_pairs
from dedup.text.columns import column_of
from dedup.text.parallel import thread_count


@dataclass(frozen=True, slots=True)
class DuplicatePairs:
    """Related pairs with their exact scores, columns of length ``p``, sorted by (left, right).

    Identical copies appear once, as a pair with their first copy; every other pair is between different contents.

    Attributes
    ----------
    left, right:
        ``int64[p]``: text numbers, ``left < right``.
    jaccard:
        ``float64[p]``: exact Jaccard of the shingle sets.
    containment:
        ``float64[p]``: share of the smaller text's shingles that the other has.
    relation:
        ``uint8[p]``: :class:`dedup.cluster.relation.Relation` (identical, near_duplicate, excerpt or template).
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    jaccard: NDArray[np.float64]
    containment: NDArray[np.float64]
    relation: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.left)

    def to_arrow(self, ids: Sequence[Any] | None = None) -> Any:
        """Return a :class:`pyarrow.Table`; ``ids`` replaces text numbers."""
        import pyarrow as pa

        def named(rows: NDArray[np.int64]) -> Any:
            return rows if ids is None else pa.array(ids).take(pa.array(rows))

        words = [Relation(r).word for r in self.relation.tolist()]
        return pa.table(
            {
                "left": named(self.left),
                "right": named(self.right),
                "jaccard": self.jaccard,
                "containment": self.containment,
                "relation": pa.array(words, pa.string()),
            }
        )


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What :func:`find_duplicates` found.

    Attributes
    ----------
    labels:
        ``int64[n]``: group of each text; texts with the same label are the same text.  Groups are numbered by their
        first text.
    representatives:
        ``int64[g]``: the text each group is anchored to; every member was verified against it.
    relations:
        ``uint8[n]``: :class:`Relation` of each text to its representative; ``ORIGINAL`` for the representative.
    scores:
        ``float64[n]``: the verified score of that relation: Jaccard, or containment for an excerpt; 1 for the
        representative.
    pairs:
        Every related pair that was found, templates among them.
    ids:
        The identifiers given, or ``None``.
    """

    labels: NDArray[np.int64]
    representatives: NDArray[np.int64]
    relations: NDArray[np.uint8]
    scores: NDArray[np.float64]
    pairs: DuplicatePairs
    ids: Sequence[Any] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return (
            f"Duplicates({len(self)} texts, {len(self.representatives)} groups, "
            f"{self.duplicate_ratio:.1%} duplicates, {len(self.pairs)} pairs)"
        )

    @property
    def duplicate_ratio(self) -> float:
        """Share of texts that are not their group's representative."""
        return 1.0 - len(self.representatives) / len(self) if len(self) else 0.0

    @property
    def groups(self) -> list[NDArray[np.int64]]:
        """Text numbers of each group of two or more, in text order, by first text."""
        by = np.argsort(self.labels, kind="stable")
        ends = np.cumsum(np.bincount(self.labels, minlength=len(self.representatives)))
        return [group for group in np.split(by, ends[:-1]) if len(group) > 1]

    def explain(self, text: int) -> str:
        """Say in a sentence why a text is in its group."""
        anchor = int(self.representatives[self.labels[text]])
        relation = Relation(int(self.relations[text]))
        name = self.ids[text] if self.ids is not None else text
        if relation is Relation.ORIGINAL:
            size = int(np.count_nonzero(self.labels == self.labels[text]))
            return f"{name} represents its group of {size}"
        measure = "containment" if relation is Relation.EXCERPT else "Jaccard"
        other = self.ids[anchor] if self.ids is not None else anchor
        return f"{name} is {relation.word} of {other}: verified {measure} {self.scores[text]:.3f}"

    def to_arrow(self) -> Any:
        """Return one row per text: id, group, representative, relation, score, as a :class:`pyarrow.Table`."""
        import pyarrow as pa

        names = pa.array(range(len(self)) if self.ids is None else self.ids)
        words = [r.word for r in Relation]
        relation = pa.DictionaryArray.from_arrays(pa.array(self.relations.astype(np.int32)), words)
        return pa.table(
            {
                "id": names,
                "group": self.labels,
                "representative": names.take(pa.array(self.representatives[self.labels])),
                "relation": relation.cast(pa.string()),
                "score": self.scores,
            }
        )


def find_duplicates(
    texts: Any,
    *,
    threshold: float = 0.5,
    ids: Sequence[Any] | None = None,
    ngram: int = 5,
    num_perm: int = 128,
    seed: int = 1,
    excerpts: bool = True,
    order: ArrayLike | None = None,
    rule: RelationRule | None = None,
    threads: int | None = None,
    table: Table | None = None,
) -> Duplicates:
    """Find the texts that are the same text: copies, edits and cuts, every pair verified exactly.

    Texts with the same tokens collapse first; MinHash and LSH propose pairs of the rest, whose shingle sets are then
    compared; groups form around representatives, without chaining; cuts of longer texts are found through sampled
    shingles. Texts of one form with other numbers (``template``) are reported and kept apart.

    Parameters
    ----------
    texts:
        A sequence of ``str`` (``None`` is empty), a pyarrow string array, chunked or not, or a pandas or polars
        Series.  Blank texts are duplicates of nothing.
    threshold:
        Jaccard of word shingles from which two texts are near-duplicates, 0 to 1.
    ids:
        One identifier a text, for the tables.
    ngram, num_perm, seed, threads:
        As :func:`dedup.minhash`.
    excerpts:
        Look for cuts and for templates below the threshold as well.
    order:
        ``int[n]``: texts by preference as representative; ``None`` is the order given.
    rule:
        All thresholds of the decision; its ``threshold`` gives way to the argument above.
    table:
        Makes the two large tables, given a name and a shape; such as memory-mapped files instead of memory.

    Returns
    -------
    Duplicates
        Depends on the texts, their order and the settings, never on the number of threads.

    Raises
    ------
    TypeError
        If an item is not a text.
    ValueError
        If an argument is out of range, or ``ids`` or ``order`` has another length than ``texts``.

    Notes
    -----
    Memory beside the texts: ``n * (4 * num_perm + 274)`` bytes of tables (made by ``table`` where given); while
    joining, the greater of ``24 * n * threads`` bytes and 8 bytes a sampled shingle (all of a short text's, 24 to 48 of
    a long one's); 100 bytes a candidate pair; 12 MB a thread; and, while verifying, the texts of 8,192 pairs and 16
    bytes for each of their words.

    References
    ----------
    A. Broder, "On the resemblance and containment of documents", SEQUENCES 1997; P. Indyk, R. Motwani, "Approximate
    nearest neighbors", STOC 1998 (LSH).

    Examples
    --------
    >>> import dedup
    >>> found = dedup.find_duplicates(["Giá vàng tăng mạnh", "GIÁ VÀNG TĂNG MẠNH!", "Trời mưa to"])
    >>> found.labels.tolist()
    [0, 0, 1]
    """
    texts = column_of(texts)
    n = len(texts)
    if not 0.0 < threshold <= 1.0:
        raise ValueError(f"threshold is {threshold}; a Jaccard threshold is above 0 and at most 1")
    rank = _ranks(n, order)
    if ids is not None and len(ids) != n:
        raise ValueError(f"{len(ids)} ids for {n} texts; give one each")
    decide = PairRule(rule or RelationRule(), threshold)
    workers = thread_count(threads)
    prints = Fingerprints.of(texts, num_perm=num_perm, ngram=ngram, seed=seed, threads=workers, table=table)

    originals = prints.originals(rank)
    spoken = np.any(prints.content != 0, axis=1)
    members = np.flatnonzero((originals == np.arange(n)) & spoken)
    members = members[np.argsort(rank[members])]
    pairs = near_duplicate_pairs(texts, prints, members, threshold=threshold, ngram=ngram, threads=workers)
    relations = decide(pairs)
    near = relations == Relation.NEAR_DUPLICATE
    anchors = anchored_groups(n, pairs.left[near], pairs.right[near], pairs.jaccard[near], np.argsort(rank)).anchors

    if excerpts:
        roots = members[anchors[members] == members]
        more = containment_pairs(texts, prints, roots, known=pairs, threshold=threshold, ngram=ngram, threads=workers)
        pairs, relations = ScoredPairs.join([pairs, more]), np.concatenate([relations, decide(more)])
        anchors, used = attach_excerpts(texts, anchors, pairs, relations, decide, ngram, workers)
        used = used[~np.isin(pair_codes(used.left, used.right), pair_codes(pairs.left, pairs.right))]
        pairs, relations = ScoredPairs.join([pairs, used]), np.concatenate([relations, decide(used)])

    return _result(anchors[originals], originals, pairs, relations, ids)


@dataclass(frozen=True, slots=True)
class PairRule:
    """The shared decision, bound to its thresholds."""

    rule: RelationRule
    threshold: float

    def __call__(self, pairs: ScoredPairs) -> NDArray[np.uint8]:
        return relation_of(
            pairs.jaccard,
            pairs.containment,
            smaller=pairs.smaller,
            numbers=pairs.numbers,
            numeric_difference=pairs.numeric_difference,
            wording=pairs.wording,
            rule=replace(self.rule, threshold=self.threshold),
        )


def _ranks(n: int, order: ArrayLike | None) -> NDArray[np.int64]:
    rank = np.arange(n, dtype=np.int64)
    if order is not None:
        given = np.asarray(order, np.int64)
        if len(given) != n or not np.array_equal(np.sort(given), rank):
            raise ValueError(f"order must name each of the {n} texts once")
        rank = np.empty(n, np.int64)
        rank[given] = np.arange(n)
    return rank


def attach_excerpts(
    texts: Any,
    anchors: NDArray[np.int64],
    pairs: ScoredPairs,
    relations: NDArray[np.uint8],
    decide: PairRule,
    ngram: int,
    threads: int,
) -> tuple[NDArray[np.int64], ScoredPairs]:
    """Move the group of a cut to the text it was cut from, where *every* member of it is verified against that text.

    Only a cut joins the longer text, never the reverse, and a text that has joined takes no others: two unrelated
    texts that quote the same passage do not meet through it.  Returns the new anchors and the member pairs they rest
    on.
    """
    cut = np.flatnonzero(relations == Relation.EXCERPT)
    inside = pairs.containment_left[cut] >= pairs.containment_right[cut]
    small = np.where(inside, pairs.left[cut], pairs.right[cut])
    large = np.where(inside, pairs.right[cut], pairs.left[cut])
    rooted = (anchors[small] == small) & (anchors[large] == large)
    small, large = small[rooted], large[rooted]
    score, size = pairs.containment[cut][rooted], pairs.smaller[cut][rooted]
    # Longest cuts first, so that a cut of a cut finds the whole text before its host has moved there.
    by = np.lexsort((large, -score, small, -size))
    members = _members(anchors, small)
    counts = [len(members[s]) for s in small.tolist()]
    every = np.concatenate([members[s] for s in small.tolist()]) if len(small) else small
    host = np.repeat(large, counts)
    others = every != np.repeat(small, counts)
    checked = score_pairs(texts, every[others], host[others], ngram=ngram, threads=threads)
    fits = np.isin(decide(checked), (Relation.NEAR_DUPLICATE, Relation.EXCERPT))
    misfits = set(zip(checked.left[~fits].tolist(), checked.right[~fits].tolist(), strict=True))
    moved = anchors.copy()
    joined: set[int] = set()
    hosts: set[int] = set()
    for cut_text, whole in zip(small[by].tolist(), large[by].tolist(), strict=True):
        if cut_text in joined or cut_text in hosts or whole in joined:
            continue
        if not any((member, whole) in misfits for member in members[cut_text].tolist()):
            moved[members[cut_text]] = whole
            joined.add(cut_text)
            hosts.add(whole)
    return moved, checked[moved[checked.left] == checked.right]


def _members(anchors: NDArray[np.int64], roots: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    by = np.argsort(anchors, kind="stable")
    low = np.searchsorted(anchors[by], roots, side="left")
    high = np.searchsorted(anchors[by], roots, side="right")
    return {r: by[a:b] for r, a, b in zip(roots.tolist(), low.tolist(), high.tolist(), strict=True)}


def _result(
    anchors: NDArray[np.int64],
    originals: NDArray[np.int64],
    pairs: ScoredPairs,
    relations: NDArray[np.uint8],
    ids: Sequence[Any] | None,
) -> Duplicates:
    n = len(anchors)
    numbers = np.arange(n)
    groups = groups_of(anchors)
    kept = relations != Relation.NONE
    pairs, relations = pairs[kept], relations[kept]
    own = np.full(n, Relation.IDENTICAL, np.uint8)
    own[anchors == numbers] = Relation.ORIGINAL
    scores = np.ones(n)
    # The relation of a text to its representative is that of its original, found among the pairs.
    linked = np.flatnonzero(originals != anchors)
    codes = pair_codes(pairs.left, pairs.right)
    by = np.argsort(codes)
    at = by[np.searchsorted(codes[by], pair_codes(originals[linked], anchors[linked]))]
    own[linked] = relations[at]
    scores[linked] = np.where(relations[at] == Relation.EXCERPT, pairs.containment[at], pairs.jaccard[at])
    copies = np.flatnonzero(originals != numbers)
    left = np.concatenate([np.minimum(pairs.left, pairs.right), np.minimum(originals[copies], copies)])
    right = np.concatenate([np.maximum(pairs.left, pairs.right), np.maximum(originals[copies], copies)])
    same = np.ones(len(copies))
    order = np.lexsort((right, left))
    found = DuplicatePairs(
        left[order],
        right[order],
        np.concatenate([pairs.jaccard, same])[order],
        np.concatenate([pairs.containment, same])[order],
        np.concatenate([relations, np.full(len(copies), Relation.IDENTICAL, np.uint8)])[order],
    )
    return Duplicates(groups.labels, groups.representatives, own, scores, found, ids)
