"""Stories that a new article touches are linked anew: what is told of it is all there is to know, and it pays."""

from __future__ import annotations

import numpy as np
import pytest

from dedup.cluster.carry import carry_ids
from dedup.cluster.decision import Decision
from dedup.cluster.live import LiveStories
from dedup.cluster.relink import carry_names
from dedup.cluster.stories import cluster_stories
from dedup.evaluation import score
from dedup.vectors import Idf, featurize
from tests.cluster.stories_text import FIRE_HANOI, MATCH_FIRST, blurred, conference

SEEDS = range(12)


def follow(stories: dict[str, list[int]], decision: Decision) -> None:
    """Do to lists of members what a decision tells, as whoever keeps them does."""

    def enter() -> None:
        stories.setdefault(decision.story, []).append(decision.number)

    if decision.founded:
        enter()
    into = {pair.gone: pair.into for pair in decision.merged}
    for link in decision.links:
        (before,) = [key for key, members in stories.items() if link.number in members]
        if link.story not in (before, into.get(before)):
            stories[before].remove(link.number)
            stories[link.story].append(link.number)
    for pair in decision.merged:
        stories[pair.into] += stories.pop(pair.gone)
    if not decision.founded:
        enter()


@pytest.mark.parametrize("seed", SEEDS)
def test_who_follows_the_decisions_knows_the_stories_and_can_go_on(seed: int) -> None:
    articles = blurred(seed)
    features = featurize(articles)
    live = LiveStories()
    told: dict[str, list[int]] = {}
    for number in range(len(articles)):
        if number % 7 == 6:
            # Another takes over, from what was told.
            live, before = LiveStories(), live.stories
            keys = sorted(told, key=int)
            joined = [member for key in keys for member in told[key]]
            known = {member: key for key in keys for member in told[key]}
            numbers = sorted(known)
            live.load(numbers, features.take(numbers), [known[n] for n in numbers], rows=keys, joined=joined)
            assert live.stories == before
        (decision,) = live.assign([number], features.take([number]))
        follow(told, decision)
        assert {key: sorted(members) for key, members in told.items()} == live.stories
    whole = LiveStories()
    whole.assign(list(range(len(articles))), features)
    assert whole.stories == live.stories


def test_a_stream_ends_near_the_batch() -> None:
    moved, alike = 0, []
    for seed in SEEDS:
        features = featurize(blurred(seed))
        live = LiveStories()
        decisions = live.assign(list(range(len(features))), features)
        moved += sum(bool(decision.links) for decision in decisions)
        found = [live.story_of(number) for number in range(len(features))]
        alike.append(score(cluster_stories(features).labels, found)["bcubed_f1"])

    assert moved > len(SEEDS)
    # Without moving anybody it is 0.83.
    assert np.mean(alike) > 0.9


@pytest.mark.parametrize("last", range(6))
def test_a_story_of_three_events_is_left_by_that_of_the_new_article(last: int) -> None:
    conferences = conference(12, 2022, 18, "Cần Thơ", "Nước cho đồng bằng", "x")
    articles = [*FIRE_HANOI[:2], *MATCH_FIRST[:2], *conferences]
    features = featurize(articles)
    before = [number for number in range(6) if number != last]
    live = LiveStories()
    live.load(before, features.take(before), ["one"] * 5)

    (decision,) = live.assign([last], features.take([last]))

    companion = last ^ 1
    assert live.story_of(companion) == live.story_of(last) == decision.story
    assert [live.story_of(number) for number in before if number != companion] == ["one"] * 4


def test_links_name_members_of_the_same_story() -> None:
    for seed in SEEDS:
        articles = blurred(seed)
        live = LiveStories()
        (*_, decision) = live.assign(list(range(len(articles))), featurize(articles))
        for link in decision.links:
            assert live.story_of(link.number) == link.story
            assert link.other is None or live.story_of(link.other) == link.story
            assert 0 <= link.probability <= 1


def test_who_only_asks_changes_nothing() -> None:
    moved = 0
    for seed in SEEDS:
        features = featurize(blurred(seed))
        asked, untold = LiveStories(idf=Idf.prior()), LiveStories(idf=Idf.prior())
        for number in range(len(features)):
            part = features.take([number])
            foreseen = asked.ask(1000 + number, part)
            moved += bool(foreseen.links or foreseen.merged)
            assert 1000 + number not in asked
            (decision,), (same,) = asked.assign([number], part), untold.assign([number], part)
            assert (decision.story, decision.links) == (same.story, same.links)
        assert asked.stories == untold.stories
    assert moved


@pytest.mark.parametrize("seed", range(20))
def test_names_are_carried_as_in_the_batch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    old, new = rng.integers(-1, 4, 12), rng.integers(0, 5, 12)
    expected = carry_ids(old, new, n_old=4)

    names, leads = carry_names(new, old, 4)

    carried = np.append(expected.carried, [-1] * 12)[:12]
    assert names.tolist() == carried.tolist()
    assert leads.tolist() == expected.survivor.tolist()


@pytest.mark.parametrize("quorum", [0.0, 0.5, 1.0])
def test_nobody_moves_to_members_that_object(quorum: float) -> None:
    from dedup.cluster.pair_features import prepare
    from dedup.cluster.pairs import PairModel, pair_logits
    from dedup.cluster.relink import OBJECTION

    model, idf = PairModel.default(), Idf.prior()
    for seed in SEEDS:
        features = featurize(blurred(seed))
        live = LiveStories(quorum=quorum, idf=idf)
        before: dict[int, str | None] = {}
        for number in range(len(features)):
            (decision,) = live.assign([number], features.take([number]))
            members = live.stories
            gone = {pair.gone for pair in decision.merged}
            for link in decision.links:
                if before[link.number] in (link.story, *gone):
                    continue
                others = np.array([n for n in members[link.story] if n != link.number])
                logits = pair_logits(
                    prepare(features, idf), model.weights(len(features)), np.full(len(others), link.number), others
                )
                assert (logits >= model.link_at - OBJECTION).mean() >= quorum
            before = {n: live.story_of(n) for n in range(number + 1)}
