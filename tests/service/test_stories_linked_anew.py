"""An article may move others between the stories it touches: the store, the feed and the next holder agree on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dedup.service import Service
from dedup.settings import Settings
from tests.chaos.audit import audit
from tests.cluster.stories_text import blurred


def opened(folder: Path) -> Service:
    return Service.open(settings=Settings.load(environ={}, overrides={"store.url": f"embedded:{folder}"}))


def homes(service: Service, names: list[str]) -> dict[str, str | None]:
    return {name: service.article(name).story_id for name in names}


@pytest.mark.parametrize("seed", [25, 29])
def test_stories_are_the_same_whoever_decides(tmp_path: Path, seed: int) -> None:
    articles = blurred(seed)
    # Copies go where their text goes.
    articles[8:8] = [type(one)(id=f"copy-{one.id}", title=one.title, text=one.text) for one in articles[:8]]
    names = [one.id for one in articles]
    with opened(tmp_path / "one") as service:
        service.ingest(articles)
        service.assign()
        snap = audit(service, expected=set(names))
        together = homes(service, names)
        moved = [event for event in snap.feed if event.kind == "article.updated"]
        assert moved
    for start in range(0, len(articles), 5):
        with opened(tmp_path / "many") as service:
            service.ingest(articles[start : start + 5])
            service.assign()
            audit(service)
            if start + 5 >= len(articles):
                assert homes(service, names) == together


def test_links_stay_inside_the_story(tmp_path: Path) -> None:
    with opened(tmp_path) as service:
        for seed in (7, 25, 29):
            service.ingest([type(one)(id=f"{seed}-{one.id}", title=one.title, text=one.text) for one in blurred(seed)])
            service.assign()
        snap = audit(service)
    for place in snap.places.values():
        if place.relation == "report":
            assert snap.places[place.other].story == place.story
