"""A restored store answers every query as the one that was exported."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.corpus import as_sent, generate
from dedup.batch.archive import export_store, restore_store
from dedup.batch.local import cluster_files
from dedup.errors import InputError, NotFound, StoreRefused
from dedup.service import Service
from dedup.settings import Settings, SketchSettings, StoreSettings

N = 600


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    rows = list(map(as_sent, generate(N + 100, seed=7, days=12)))
    rows[0]["metadata"] = {"desk": ["a", 1]}
    rows[1].pop("lang")
    rows[2].pop("published_at")
    return rows


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service.open(f"embedded:{tmp_path / 'one'}") as opened:
        yield opened


def restore(service: Service, folder: Path) -> dict[str, int]:
    return restore_store(service.connection, folder, segment_ms=service.settings.store.segment_ms)


def live(service: Service, rows: list[dict[str, Any]]) -> None:
    """A store with a past: decisions, a nightly run, revisions, take-downs, dead letters, articles that wait."""
    service.ingest(rows[: N - 50])
    service.ingest([{"id": "bad", "text": " "}])
    service.assign()
    service.nightly()
    for row in rows[5:15]:
        service.delete(row["id"])
    service.ingest([{**row, "text": row["text"] + " Bổ sung thêm."} for row in rows[20:26]])
    service.assign()
    service.ingest(rows[N - 50 : N])


def answers(service: Service, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Everything that can be asked."""
    found: dict[str, Any] = {}
    names = set()
    for row in rows[:N]:
        try:
            article = service.article(row["id"], text=True)
        except NotFound:
            found[row["id"]] = None
            continue
        found[row["id"]] = (article, service.duplicates(row["id"]))
        names.add(article.story_id)
    changes = []
    cursor = None
    while (page := service.changes(cursor, limit=300)).items:
        changes += page.items
        cursor = page.next_cursor
    found["changes"] = changes
    names |= {change.story_id for change in changes}
    for name in sorted(filter(None, names)):
        found[name] = service.story(name)
    for sort in ("updated", "size", "first"):
        listed = []
        cursor = None
        while True:
            page = service.stories(sort=sort, cursor=cursor, limit=100)
            listed += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        found[sort] = listed
    found["match"] = [service.match({"text": row["text"]}) for row in rows[30:60]]
    found["dead"] = service.dead_letters().items
    status = service.status()
    found["counts"] = (status.articles, status.stories, status.groups, status.pending, status.dead)
    return found


def test_every_answer_is_the_same(service: Service, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    live(service, rows)
    counts = export_store(service.connection, tmp_path / "export")
    expected = answers(service, rows)
    with Service.open(f"embedded:{tmp_path / 'two'}") as other:
        assert restore(other, tmp_path / "export") == counts
        assert answers(other, rows) == expected
        # ... and what comes next is decided alike.
        for one in (service, other):
            one.assign()
            one.ingest(rows[N:])
            one.assign()
        for row in rows:
            places = []
            for one in (service, other):
                try:
                    article = one.article(row["id"])
                except NotFound:
                    places.append(None)
                else:
                    places.append(replace(article, received_at=article.received_at.min))
            assert places[0] == places[1]


def test_the_tables_can_be_read_by_anything(service: Service, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    live(service, rows)
    export_store(service.connection, tmp_path / "export")
    links = pq.read_table(tmp_path / "export" / "links.parquet").to_pylist()
    one = next(link for link in links if link["relation"] == "near_duplicate")
    assert service.article(one["article_id"]).story_id == one["story_id"]
    stories = {row["story_id"]: row for row in pq.read_table(tmp_path / "export" / "stories.parquet").to_pylist()}
    assert one["article_id"] in stories[one["story_id"]]["article_ids"]
    out = tmp_path / "rows.jsonl"
    refused: list[Any] = []
    cluster_files([tmp_path / "export" / "articles.parquet"], str(out), settings=Settings(), on_reject=refused.append)
    assert len(list(out.open())) == service.status().articles + sum(service.status().pending.values())
    assert all("text" in str(error) for error in refused)  # what was taken down has none


def test_an_export_while_articles_come_in_is_of_one_moment(
    service: Service, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    service.ingest(rows[:200])
    service.assign()
    begun, exported = threading.Event(), threading.Event()

    def ingest() -> None:
        for turn in count():
            for start in range(200, N, 10):
                service.ingest([{**row, "text": f"{row['text']} {turn}"} for row in rows[start : start + 10]])
                service.assign()
                service.delete(rows[start - 150]["id"])
                begun.set()
                if exported.is_set():
                    return

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(ingest)
        try:
            begun.wait(120)
            export_store(service.connection, tmp_path / "export")
        finally:
            exported.set()
        running.result()
    with Service.open(f"embedded:{tmp_path / 'two'}") as other:
        restore(other, tmp_path / "export")
        other.assign()
        status = other.status()
        stories = []
        cursor = None
        while True:
            page = other.stories(cursor=cursor, limit=100)
            stories += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        assert status.stories == len(stories)
        assert status.articles == sum(story.articles for story in stories)
        assert status.groups == sum(story.groups for story in stories)
        for story in stories:
            members = other.story(story.id).members
            assert len(members) == story.articles
            assert all(other.article(member.id, text=True).text for member in members)


def test_an_empty_store_survives_the_journey(service: Service, tmp_path: Path) -> None:
    export_store(service.connection, tmp_path / "export")
    with Service.open(f"embedded:{tmp_path / 'two'}") as other:
        assert sum(restore(other, tmp_path / "export").values()) == 0


def test_what_is_refused(service: Service, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    service.ingest(rows[:5])
    service.assign()
    export_store(service.connection, tmp_path / "export")
    with pytest.raises(InputError, match="not empty"):
        export_store(service.connection, tmp_path / "export")
    with pytest.raises(StoreRefused, match="not empty"):
        restore(service, tmp_path / "export")
    with pytest.raises(InputError, match="no whole export"):
        restore(service, tmp_path)
    settings = Settings(store=StoreSettings(url=f"embedded:{tmp_path / 'two'}"), sketch=SketchSettings(seed=2))
    with Service.open(settings=settings) as other, pytest.raises(StoreRefused, match="seed"):
        restore(other, tmp_path / "export")
    state = tmp_path / "export" / "state.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), "format": 99}))
    with Service.open(f"embedded:{tmp_path / 'three'}") as other, pytest.raises(InputError, match="format 99"):
        restore(other, tmp_path / "export")


def test_an_export_of_an_older_layout_is_read(service: Service, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    """Layout 4 kept no bands of copies; who is one stands for its text all the same when the first has gone."""
    text = rows[3]["text"]
    copies = [{"id": name, "text": text, "lang": "vi"} for name in ("first", "second", "third")]
    service.ingest(copies)
    service.assign()
    folder = tmp_path / "out"
    export_store(service.connection, folder)
    state = json.loads((folder / "state.json").read_bytes())
    state["schema"]["layout"] = 4
    (folder / "state.json").write_text(json.dumps(state))
    table = pq.read_table(folder / "records.parquet").to_pylist()
    for row in table[1:]:
        row["bands"] = b""
    pq.write_table(pa.Table.from_pylist(table, pq.read_schema(folder / "records.parquet")), folder / "records.parquet")
    with Service.open(f"embedded:{tmp_path / 'two'}") as other:
        restore(other, folder)
        for name in ("first", "second", "third"):
            assert other.match({"text": f"{text} Hết.", "lang": "vi"}).duplicates[0].id == name
            other.delete(name)
            other.assign()
        assert not other.match({"text": f"{text} Hết.", "lang": "vi"}).duplicates
