"""A decision depends on what was admitted before it, and on nothing else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from dedup.errors import NotFound
from dedup.service import Service
from dedup.settings import Settings
from tests.service.test_races import WORDS


def edits(number: int) -> list[dict[str, str]]:
    """A text and two edits of it, each with a few words changed: of the first, and of the second."""
    chance = random.Random(number)
    words, found = chance.choices(WORDS, k=120), []
    for version in range(3):
        found.append({"id": f"{number}-{version}", "text": " ".join(words), "lang": "en"})
        words = list(words)
        words[chance.randrange(120)] = f"changed{version}"
    return found


def outcome(service: Service, ids: list[str]) -> dict[str, tuple[object, ...] | None]:
    found: dict[str, tuple[object, ...] | None] = {}
    for name in ids:
        try:
            one = service.article(name)
        except NotFound:
            found[name] = None
        else:
            found[name] = (one.story_id, one.duplicate_group_id, one.relation, one.score, one.links)
    return found


Decided = tuple[dict[str, tuple[object, ...] | None], list[tuple[object, ...]]]


def decided(folder: Path, size: int) -> Decided:
    """What becomes of texts, edits and takedowns, decided ``size`` at a time; memberships and changes."""
    settings = Settings.load(environ={}, overrides={"store.url": f"embedded:{folder}", "workers.drain_batch": size})
    chance = random.Random(5)
    articles = [one for number in range(40) for one in edits(number)]
    chance.shuffle(articles)
    ids = [one["id"] for one in articles]
    with Service.open(settings=settings) as service:
        for start in range(0, len(articles), 20):
            service.ingest(articles[start : start + 20])
            service.delete(chance.choice(ids[: start + 20]))
        service.assign()
        page = service.changes(limit=1000)
        # Of canonical articles only the last of a batch is told.
        told = [one for one in page.items if one.article_id and one.kind.startswith("article.")]
        changes = [(one.kind, one.article_id, one.story_id, one.detail) for one in told]
        return outcome(service, ids), changes


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Decided:
    """What becomes of them when all are decided together."""
    return decided(tmp_path_factory.mktemp("at-once"), 10_000)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_the_size_of_a_batch_changes_nothing(tmp_path: Path, at_once: Decided, size: int) -> None:
    places, changes = decided(tmp_path, size)
    assert (places, changes) == at_once
    assert len({one[1] for one in places.values() if one}) < len(places) / 2, "edits are near-duplicates"
