"""Which article stands for a story, and why."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from dedup.article import Article
from dedup.cluster.canonical import POLICIES, pick_canonicals, rank_canonical
from dedup.vectors import featurize
from tests.cluster.stories_text import FIRE_HANOI, FIRE_SAIGON, article

FULL = article(
    "full", FIRE_HANOI[0].title or "", f"{FIRE_HANOI[0].text} {FIRE_SAIGON[0].text}", hours=0, source="goc.example"
)


def first(members: list[Article], **options) -> str:
    return members[rank_canonical(featurize(members), [m.id for m in members], **options)[0].index].id


def test_a_cut_copy_loses() -> None:
    cut = replace(FULL, id="cut", text=FULL.text[: len(FULL.text) // 2])

    assert first([cut, FULL]) == "full"


def test_a_later_copy_loses() -> None:
    later = replace(FULL, id="a-later", published_at=article("x", "x", "x", hours=5).published_at)

    assert first([later, FULL]) == "full"


def test_trust_decides_between_equals() -> None:
    other = replace(FULL, id="a-other", source="khac.example")

    assert first([other, FULL]) == "a-other"
    assert first([other, FULL], trust=[0.2, 0.9]) == "full"


def test_each_policy_does_what_its_name_says() -> None:
    short_first = article("short", FULL.title or "", FIRE_HANOI[0].text, hours=-3, source="goc.example")

    assert first([FULL, short_first], policy="first") == "short"
    assert first([short_first, FULL], policy="longest") == "full"
    assert first([short_first, FULL], policy="trusted", trust=[0.1, 0.9]) == "full"
    assert set(POLICIES) == {"default", "first", "longest", "trusted", "central"}


def test_an_unknown_policy_is_named() -> None:
    with pytest.raises(ValueError, match="'best'"):
        rank_canonical(featurize([FULL]), ["full"], policy="best")


def test_ties_go_to_the_lower_id_whatever_the_order() -> None:
    twin = replace(FULL, id="a-twin")

    assert first([FULL, twin]) == first([twin, FULL]) == "a-twin"


def test_the_order_of_a_large_story_does_not_matter() -> None:
    reports = [*FIRE_HANOI, *FIRE_SAIGON]
    words = FULL.text.split()
    members = [
        replace(
            reports[k % len(reports)], id=f"m{k}", text=f"{reports[k % len(reports)].text} {words[k % len(words)]} {k}"
        )
        for k in range(200)
    ]
    dice = random.Random(1)

    for _ in range(5):
        shuffled = dice.sample(members, len(members))
        assert first(shuffled, policy="central") == first(members, policy="central")
        assert first(shuffled) == first(members)


def test_components_and_totals_lie_between_0_and_1() -> None:
    for ranked in rank_canonical(featurize([FULL, *FIRE_HANOI, *FIRE_SAIGON]), list("abcde")):
        assert all(0 <= value <= 1 for value in [ranked.total, *ranked.components.values()])


def test_many_stories_at_once_are_picked_as_each_alone() -> None:
    members = [FULL, *FIRE_HANOI, *FIRE_SAIGON, FULL, *FIRE_SAIGON]
    features, ids = featurize(members), list("hgfedcba")
    trust = [0.1 * place for place in range(len(members))]
    for policy in POLICIES:
        for sizes in ([8], [1, 2, 5], [3, 1, 4]):
            alone, start = [], 0
            for size in sizes:
                rows = range(start, start + size)
                part = features.take(np.array(rows))
                ranked = rank_canonical(
                    part, ids[start : start + size], policy=policy, trust=trust[start : start + size]
                )
                alone.append(start + ranked[0].index)
                start += size
            assert pick_canonicals(features, sizes, ids, policy=policy, trust=trust) == alone
    assert pick_canonicals(featurize([]), [], []) == []
