"""The live assignment's steps against their plain definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dedup.cluster.linkage import CLIP, cohesion
from dedup.cluster.live_buffers import make_room, new_postings, new_state
from dedup.cluster.live_kernels import ASKED, SAMPLE, are_one, ask_story, knit_of
from dedup.cluster.live_postings import BUDGET, live_candidates, post_slots
from dedup.cluster.live_state import join_story
from dedup.cluster.pair_features import K, prepare
from dedup.cluster.pair_kernels import mark, unmarked
from dedup.cluster.pairs import PairModel, pair_logits
from dedup.cluster.relink import OBJECTION
from dedup.vectors import Idf, featurize
from dedup.vectors.anchors import UNDATED
from tests.cluster.stories_text import FIRE_HANOI, FIRE_SAIGON, MATCH_FIRST, article

BASES = [*FIRE_HANOI, *FIRE_SAIGON, *MATCH_FIRST]
#: Sixty reports, of each base ten that leave a sentence out.
REPORTS = [
    article(f"r{i}", base.title or "", ". ".join(s for k, s in enumerate(base.text.split(". ")) if k != i % 10))
    for i in range(10)
    for base in BASES
]
PREPARED = prepare(featurize(REPORTS), Idf.prior())
WEIGHTS = PairModel.default().weights(len(REPORTS))


@pytest.mark.parametrize("most", [3, 50])
def test_candidates_are_those_of_the_definition(most: int) -> None:
    rng = np.random.default_rng(most)
    n, size = 300, 4
    # Hashes above 2^31 too, some in the same cell of the table.
    terms = (rng.integers(0, 1 << 16, 40, np.uint32) << np.uint32(16)) + rng.integers(0, 9, 40).astype(np.uint32)
    keys = np.concatenate([rng.choice(terms, size, replace=False) for _ in range(n)])
    weights = rng.uniform(1, 50, len(keys)).astype(np.float32).round()
    story = np.where(rng.random(n) < 0.1, -1, 0)
    published = np.where(rng.random(n) < 0.1, UNDATED, rng.integers(0, 1000, n))
    _, postings = make_room(new_state(), new_postings(), n, n)
    post_slots(postings, 0, np.arange(n) * size, keys[: (n - 1) * size])
    mine = slice((n - 1) * size, n * size)

    expected = []
    for other in range(n - 1):
        shared = np.isin(keys[mine], keys[other * size : (other + 1) * size])
        dated = UNDATED not in (published[other], published[-1])
        if shared.any() and story[other] >= 0 and not (dated and abs(published[other] - published[-1]) > 400):
            expected.append((-float(weights[mine][shared].sum()), other))
    out = np.empty(most, np.int64)
    for _ in range(2):
        # Scratch is left as it was found.
        found = live_candidates(postings, story, published, n - 1, keys[mine], weights[mine], 400, most, out)
        assert out[:found].tolist() == [other for _, other in sorted(expected)[:most]]


def test_reading_stops_at_the_budget() -> None:
    n = 2 * BUDGET
    _, postings = make_room(new_state(), new_postings(), n, n)
    post_slots(postings, 0, np.arange(n + 1), np.full(n, 7, np.uint32))
    out = np.empty(n, np.int64)
    story, published = np.zeros(n, np.int64), np.zeros(n, np.int64)

    found = live_candidates(postings, story, published, 0, np.full(1, 7, np.uint32), np.ones(1, np.float32), 1, n, out)

    assert BUDGET <= found < BUDGET + 20
    assert out[:found].min() == n - found


def logits(slot: int, others: list[int]) -> np.ndarray:
    found = pair_logits(PREPARED, WEIGHTS, np.full(len(others), slot), np.array(others, np.int64))
    return np.clip(found, -CLIP, CLIP)


@pytest.mark.parametrize("floor", [-math.inf, -6.0, -3.0, -1.0, 2.0, 6.0])
def test_who_is_not_asked_any_more_could_not_have_changed_the_answer(floor: float) -> None:
    state, _ = make_room(new_state(), new_postings(), len(REPORTS), len(REPORTS))
    members = {0: [1, 2, 3], 1: list(range(4, 59)), 2: [59]}
    for story, slots in members.items():
        for slot in slots:
            join_story(state, slot, story)
    marks, row, cut = unmarked(), np.empty(K, np.float32), -1.0
    mark(PREPARED, 0, marks)
    for story, slots in members.items():
        asked = slots[::-1][:: -(-len(slots) // ASKED)]
        joint = float(logits(0, asked).mean())
        content = float((logits(0, asked) >= cut - OBJECTION).mean())

        said, share = ask_story(state, PREPARED, WEIGHTS, 0, marks, story, cut, floor, row)

        if said == -math.inf:
            assert joint < floor
        else:
            assert (said, share) == pytest.approx((joint, content), abs=1e-4)
            assert joint > floor - 1e-3
    for one, two in ((0, 1), (1, 2), (0, 2)):
        left, right = (members[x][::-1][:: -(-len(members[x]) // SAMPLE)] for x in (one, two))
        joint = np.mean([logits(slot, right) for slot in left])
        assert are_one(state, PREPARED, WEIGHTS, one, two, max(floor, -9.0), marks, row) == (joint >= floor)
    for story, slots in members.items():
        asked = slots[::-1][:: -(-len(slots) // SAMPLE)]
        pairs = np.concatenate([logits(slot, asked[:k]) for k, slot in enumerate(asked)])
        reports = pairs[pairs < CLIP]
        said = knit_of(state, PREPARED, WEIGHTS, story, marks, row)
        assert said == pytest.approx(cohesion(float(reports.sum()), len(reports)), abs=1e-4)
