"""Groups are stars around verified representatives: no chain, no order of pairs, no surprise."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.cluster.groups import anchored_groups, best_representative
from dedup.cluster.relation import Relation

GRAPHS = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.dictionaries(
            st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] < p[1]),
            st.sampled_from([0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
            max_size=30,
        ),
        st.permutations(range(n)),
    )
)


@settings(max_examples=300, deadline=None)
@given(GRAPHS, st.randoms())
def test_every_member_is_paired_with_its_representative(graph: tuple, random: object) -> None:
    n, pairs, order = graph
    edges = list(pairs.items())
    left, right, scores = [p[0] for p, _ in edges], [p[1] for p, _ in edges], [s for _, s in edges]
    groups = anchored_groups(n, left, right, scores, order)
    rank = {text: place for place, text in enumerate(order)}
    score = {**pairs, **{(b, a): s for (a, b), s in pairs.items()}}
    anchors = groups.anchors.tolist()
    for text, anchor in enumerate(anchors):
        assert anchors[anchor] == anchor
        if text != anchor:
            best = max((score[text, r], -rank[r]) for r in set(anchors) if (text, r) in score)
            assert best == (score[text, anchor], -rank[anchor])
        else:
            earlier = [r for r in set(anchors) if r != text and rank[r] < rank[text]]
            assert not any((text, r) in score for r in earlier)
    random.shuffle(edges)
    turned = anchored_groups(n, [p[1] for p, _ in edges], [p[0] for p, _ in edges], [s for _, s in edges], order)
    assert np.array_equal(turned.labels, groups.labels)
    assert np.array_equal(turned.representatives, groups.representatives)


def test_a_chain_is_not_one_group() -> None:
    n = 50
    groups = anchored_groups(n, range(n - 1), range(1, n), [0.9] * (n - 1))
    assert max(np.bincount(groups.labels)) <= 3


def test_labels_are_numbered_by_first_text() -> None:
    groups = anchored_groups(4, [0], [3], [0.9], order=[3, 2, 1, 0])
    assert groups.labels.tolist() == [0, 1, 2, 0]
    assert groups.representatives.tolist() == [3, 1, 2]


def test_no_texts() -> None:
    assert len(anchored_groups(0, [], [], []).labels) == 0


def test_a_stream_joins_the_best_representative() -> None:
    near, cut, same = Relation.NEAR_DUPLICATE, Relation.EXCERPT, Relation.IDENTICAL
    assert best_representative([], []) is None
    assert best_representative([Relation.NONE, Relation.TEMPLATE], [0.1, 0.99]) is None
    assert best_representative([near, near, near], [0.7, 0.9, 0.9]) == 1
    assert best_representative([cut, near], [1.0, 0.5]) == 1
    assert best_representative([near, same], [1.0, 1.0]) == 1
