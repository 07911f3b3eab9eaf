"""The nightly job: one result for every order of arrival, ids that survive, runs that can be killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpus import as_sent, generate
from dedup.batch.nightly import JOB
from dedup.batch.window import window_start
from dedup.cluster.whole import cluster_articles
from dedup.service import Service
from dedup.settings import Settings, StoreSettings
from dedup.store import keys
from dedup.store.lease import take
from dedup.views import ArticleView, Change

N = 500


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return list(map(as_sent, generate(N, seed=4, days=10)))


@pytest.fixture(scope="module")
def batch(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in cluster_articles(rows).to_arrow().to_pylist()}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service.open(f"embedded:{tmp_path / 'store'}") as opened:
        yield opened


def stream(service: Service, rows: list[dict[str, Any]], order: int) -> dict[str, ArticleView]:
    shuffled = list(rows)
    random.Random(order).shuffle(shuffled)
    service.ingest(shuffled)
    service.assign()
    return views(service, rows)


def views(service: Service, rows: list[dict[str, Any]]) -> dict[str, ArticleView]:
    return {row["id"]: service.article(row["id"]) for row in rows}


def partition(names: dict[str, str | None]) -> set[frozenset[str]]:
    found: dict[str | None, set[str]] = {}
    for article, name in names.items():
        found.setdefault(name, set()).add(article)
    return {frozenset(members) for members in found.values()}


def stories(found: dict[str, ArticleView]) -> set[frozenset[str]]:
    return partition({name: view.story_id for name, view in found.items()})


def assert_as_batch(service: Service, batch: dict[str, dict[str, Any]]) -> None:
    found = {name: service.article(name) for name in batch}
    assert stories(found) == partition({name: row["story_id"] for name, row in batch.items()})
    assert partition({name: view.duplicate_group_id for name, view in found.items()}) == partition(
        {name: row["duplicate_group_id"] for name, row in batch.items()}
    )
    for name, view in found.items():
        assert (view.canonical_id, view.relation) == (batch[name]["canonical_id"], batch[name]["relation"])


def assert_consistent(service: Service, found: dict[str, ArticleView]) -> None:
    for members in stories(found):
        one = found[next(iter(members))]
        assert one.story_id is not None
        story = service.story(one.story_id)
        assert {member.id for member in story.members} == members
        assert story.articles == len(members)
        assert story.groups == len({found[name].duplicate_group_id for name in members})
        assert story.canonical_id in members
    status = service.status()
    assert status.articles == len(found)
    assert status.stories == len(stories(found))
    assert status.groups == len({view.duplicate_group_id for view in found.values()})


def every_change(service: Service) -> list[Change]:
    changes: list[Change] = []
    cursor = None
    while (page := service.changes(cursor, limit=500)).items:
        changes += page.items
        cursor = page.next_cursor
    return changes


@pytest.mark.parametrize("order", [1, 2])
def test_every_order_of_arrival_ends_as_the_batch(
    service: Service, rows: list[dict[str, Any]], batch: dict[str, dict[str, Any]], order: int
) -> None:
    before = stream(service, rows, order)
    summary = service.nightly()
    assert summary["state"] == "done"
    assert Path(summary["report"]).exists()
    assert_as_batch(service, batch)
    after = views(service, rows)
    assert_consistent(service, after)
    for members in stories(before) & stories(after):
        assert {before[name].story_id for name in members} == {after[name].story_id for name in members}
    for view in before.values():
        assert view.story_id is not None
        service.story(view.story_id)  # every id once given out resolves


def test_the_feed_tells_of_every_change(service: Service, rows: list[dict[str, Any]]) -> None:
    before = stream(service, rows, 1)
    service.nightly()
    after = views(service, rows)
    groups = {name: view.duplicate_group_id for name, view in before.items()}
    home = {name: view.story_id for name, view in before.items()}
    for change in every_change(service):
        if change.kind == "article.updated" and change.article_id is not None:
            groups[change.article_id] = change.detail["duplicate_group_id"]
            home[change.article_id] = change.story_id
        elif change.kind == "story.split":
            home |= dict.fromkeys(change.detail["articles"], change.detail["into"])
        elif change.kind == "story.merged":
            home = {name: change.detail["into"] if story == change.story_id else story for name, story in home.items()}
    assert groups == {name: view.duplicate_group_id for name, view in after.items()}
    assert home == {name: view.story_id for name, view in after.items()}


def test_a_second_run_finds_nothing_to_do(service: Service, rows: list[dict[str, Any]]) -> None:
    stream(service, rows, 1)
    service.nightly()
    told = len(every_change(service))
    assert service.nightly()["state"] == "done before"
    again = service.nightly(force=True)
    assert again["stories_split"] == again["stories_merged"] == again["articles_regrouped"] == 0
    assert len(every_change(service)) == told


def test_a_dry_run_changes_nothing(service: Service, rows: list[dict[str, Any]]) -> None:
    before = stream(service, rows, 2)
    told = len(every_change(service))
    summary = service.nightly(dry_run=True)
    assert summary["state"] == "dry run"
    assert summary["articles_regrouped"] > 0
    assert views(service, rows) == before
    assert len(every_change(service)) == told
    assert service.nightly()["state"] == "done"


def test_articles_that_come_meanwhile_are_not_lost(service: Service, rows: list[dict[str, Any]]) -> None:
    stream(service, rows[:300], 1)

    def ingest() -> None:
        for start in range(300, N, 20):
            service.ingest(rows[start : start + 20])
            service.assign()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(ingest)
        service.nightly()
        running.result()
    service.assign()
    assert_consistent(service, views(service, rows))


def test_two_schedulers_start_one_run(service: Service, rows: list[dict[str, Any]]) -> None:
    stream(service, rows, 1)
    with ThreadPoolExecutor(2) as pool:
        states = sorted(run.result()["state"] for run in [pool.submit(service.nightly) for _ in range(2)])
    assert states in (["done", "done before"], ["done", "running elsewhere"])


def test_a_run_elsewhere_is_left_alone(service: Service) -> None:
    other = take(service.connection, JOB, "elsewhere:1:x", life=60)
    assert other is not None
    assert service.nightly()["state"] == "running elsewhere"
    other.release()
    assert service.nightly()["state"] == "done"


def test_the_window_is_found_over_articles_that_were_taken_down(service: Service) -> None:
    words = " ".join(f"word{n}" for n in range(60))
    service.ingest([{"id": f"a{n}", "text": words} for n in range(300)])
    service.assign()
    for n in range(120, 280):
        assert service.delete(f"a{n}")
    service.assign()
    now_ms = round(service.article("a0").received_at.timestamp() * 1000)
    for days, first in ((-1, 1), (1, 301)):
        assert service.connection.run(window_start(300, now_ms + days * 86_400_000)) == first


def test_an_empty_store_has_a_nightly_run(service: Service) -> None:
    assert service.nightly()["articles"] == 0


def test_without_texts_the_groups_of_the_stream_stand(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    settings = Settings(store=StoreSettings(url=f"embedded:{tmp_path / 'store'}", keep_text=False))
    with Service.open(settings=settings) as service:
        before = stream(service, rows, 1)
        service.nightly()
        after = views(service, rows)
        assert {n: v.duplicate_group_id for n, v in before.items()} == {
            n: v.duplicate_group_id for n, v in after.items()
        }
        assert_consistent(service, after)


SCRIPT = """
import sys
from dedup.service import Service
with Service.open(sys.argv[1]) as service:
    service.nightly(force=len(sys.argv) > 2)
"""


@pytest.mark.chaos
def test_a_run_killed_at_any_moment_goes_on(
    rows: list[dict[str, Any]], batch: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    wanted = int(os.environ.get("CHAOS_KILLS", "3"))
    dice = random.Random(2)
    url = f"embedded:{tmp_path / 'undisturbed'}"
    with Service.open(url) as service:
        stream(service, rows, 0)
        started = time.monotonic()
        subprocess.run([sys.executable, "-c", SCRIPT, url], check=True)
        undisturbed = time.monotonic() - started
    kills = number = 0
    while kills < wanted:
        number += 1
        url = f"embedded:{tmp_path / str(number)}"
        with Service.open(url) as service:
            before = stream(service, rows, number)
            while service.connection.one("GET", keys.snapshot("nightly")) is None:
                run = subprocess.Popen([sys.executable, "-c", SCRIPT, url])
                time.sleep(dice.uniform(0.2, 1.3) * undisturbed)
                if run.poll() is None:
                    run.send_signal(signal.SIGKILL)
                    kills += 1
                run.wait()
                assert_consistent(service, views(service, rows))
            assert_as_batch(service, batch)
            after = views(service, rows)
            for members in stories(before) & stories(after):
                assert {before[name].story_id for name in members} == {after[name].story_id for name in members}
