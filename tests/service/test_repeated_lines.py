"""Lines that a source repeats: learned by the nightly job, left out of the features of what comes after."""

from __future__ import annotations

from dataclasses import replace

import dedup
from dedup.article import Article
from dedup.service import Service
from dedup.store import keys, reading
from dedup.text.boilerplate import MIN_ARTICLES, Boilerplate
from dedup.vectors import featurize, packing
from tests.cluster.stories_text import FIRE_HANOI, FIRE_SAIGON, MATCH_FIRST

SOURCE = "bao.example"
BAR = "Đăng ký nhận bản tin Bình Minh của Tòa soạn Hoàng Hôn mỗi ngày"
EVENTS = [replace(one, source=SOURCE, text=f"{one.text}\n{BAR}") for one in (*FIRE_HANOI, *FIRE_SAIGON, *MATCH_FIRST)]


def stored(service: Service, article_id: str) -> bytes:
    found = service.connection.run(reading.article(article_id))
    assert found is not None
    return found.record.features


def test_the_nightly_job_teaches_ingest(service: Service) -> None:
    assert len(EVENTS) > MIN_ARTICLES
    first, later = EVENTS[:-1], EVENTS[-1]
    service.ingest(first)
    service.assign()
    assert stored(service, first[0].id) == packing.pack(featurize([first[0]]))[0]

    service.nightly()
    service.ingest([later])

    bare = replace(later, text=later.text.removesuffix(f"\n{BAR}"))
    assert stored(service, later.id) == packing.pack(featurize([bare]))[0] != packing.pack(featurize([later]))[0]


def test_under_one_snapshot_the_store_ends_as_the_batch(service: Service) -> None:
    lines = Boilerplate.of((one.source, one.text) for one in EVENTS)
    service.connection.one("SET", keys.snapshot(keys.BOILERPLATE), lines.pack())
    service.ingest(reversed(EVENTS))
    service.assign()
    service.nightly()

    found = dedup.cluster(EVENTS, boilerplate=lines)
    place = {one.id: service.article(one.id) for one in EVENTS}
    told: dict[str | None, set[str]] = {}
    for name, view in place.items():
        told.setdefault(view.story_id, set()).add(name)
    assert sorted(map(sorted, told.values())) == sorted(map(sorted, found.stories.values()))
    canonical = {row["id"]: row["canonical_id"] for row in found.to_arrow().to_pylist()}
    assert {name: view.canonical_id for name, view in place.items()} == canonical


def test_a_batch_learns_from_its_own_articles() -> None:
    given = dedup.cluster(EVENTS, boilerplate=Boilerplate.of((one.source, one.text) for one in EVENTS))
    learned = dedup.cluster(EVENTS, boilerplate="learn")

    assert learned.scores.tolist() == given.scores.tolist() != dedup.cluster(EVENTS).scores.tolist()


def test_copies_of_one_article_teach_as_one() -> None:
    copies = [Article(id=f"c{i}", source=SOURCE, text=FIRE_HANOI[0].text) for i in range(MIN_ARTICLES)]
    everything = [*copies, *FIRE_SAIGON]

    assert dedup.cluster(everything, boilerplate="learn").scores.tolist() == dedup.cluster(everything).scores.tolist()
