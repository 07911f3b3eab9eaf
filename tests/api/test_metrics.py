"""What /metrics says is what happened, counted by other means."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from dedup.api.metrics import MemoryMeter, shared_folder
from dedup.service import Service
from dedup.store import memory

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(http: TestClient) -> Samples:
    answer = http.get("/metrics")
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def feed(service: Service) -> Counter[str]:
    kinds: Counter[str] = Counter()
    cursor = None
    while (page := service.changes(cursor, limit=500)).items:
        kinds.update(item.kind for item in page.items)
        cursor = page.next_cursor
    return kinds


def test_changes_are_counted_as_the_feed_tells_them(http: TestClient, service: Service) -> None:
    service.ingest([{"id": f"m{n}", "text": f"Bản tin đo đếm số {n} về mực nước sông Hồng."} for n in range(7)])
    service.assign()
    service.delete("m3")
    samples = scrape(http)

    counted = {labels[0][1]: value for (name, labels), value in samples.items() if name == "dedup_changes_total"}
    assert counted == {kind: float(number) for kind, number in feed(service).items()}
    assert counted["article.removed"] >= 1


def test_what_stands_is_what_status_and_the_store_say(http: TestClient, service: Service) -> None:
    samples, status = scrape(http), service.status()

    assert samples["dedup_articles", ()] == status.articles
    assert samples["dedup_stories", ()] == status.stories
    assert samples["dedup_groups", ()] == status.groups
    kinds = feed(service)
    assert status.articles == kinds["article.added"] - kinds["article.removed"]
    letters, cursor = 0, None
    while True:
        page = service.dead_letters(cursor)
        letters += len(page.items)
        if (cursor := page.next_cursor) is None:
            break
    assert samples["dedup_dead_letters", ()] == letters


def test_memory_by_kind_is_what_the_keys_take_and_adds_up(http: TestClient, service: Service) -> None:
    client = service.connection.client
    http.app.state.memory = MemoryMeter()
    samples = scrape(http)
    truth: Counter[str] = Counter()
    for key in client.scan_iter(count=1000):
        truth[memory.kind_of(key.decode("utf-8", "replace"))] += client.memory_usage(key, samples=0)

    found = {labels[0][1]: value for (name, labels), value in samples.items() if name == "dedup_store_kind_bytes"}
    assert set(found) == {*memory.KINDS.values(), "other"}
    for kind in set(found) - {"other"}:
        assert abs(found[kind] - truth[kind]) <= 0.05 * truth[kind] + 0.1 * sum(truth.values()), kind
    assert sum(found.values()) == samples["dedup_store_memory_bytes", ()]

    client.config_resetstat()
    scrape(http)
    assert "cmdstat_memory|usage" not in client.info("commandstats"), "measured once a minute, however often scraped"


def test_ingest_and_its_time_are_counted(http: TestClient, service: Service) -> None:
    before = scrape(http)
    service.ingest([{"id": f"t{n}", "text": f"Tin giờ chót {n}: tàu đã cập cảng an toàn."} for n in range(11)])
    service.assign()
    after = scrape(http)

    def grown(name: str, **labels: str) -> float:
        key = (name, tuple(sorted(labels.items())))
        return after[key] - before.get(key, 0.0)

    assert grown("dedup_ingested_total") == 11
    assert grown("dedup_stage_seconds_count", stage="ingest") == 11
    assert grown("dedup_stage_seconds_count", stage="decide") == 11
    assert 0 < grown("dedup_stage_seconds_sum", stage="decide") < 60


def test_requests_are_counted_by_route_and_status(http: TestClient) -> None:
    def served() -> dict[tuple[str, str, str], float]:
        found = {}
        for (name, labels), value in scrape(http).items():
            if name == "dedup_http_requests_total":
                facts = dict(labels)
                found[facts["method"], facts["route"], facts["status"]] = value
        return found

    before = served()
    for _ in range(3):
        http.get("/v1/articles/none-such")
    http.get("/v1/articles/000_8f32a6d116209649")
    http.put("/v1/articles/x")
    http.get("/no/such/path")
    after = served()

    def grown(*key: str) -> float:
        return after.get(key, 0) - before.get(key, 0)

    assert grown("GET", "/v1/articles/{id}", "404") == 3
    assert grown("GET", "/v1/articles/{id}", "200") == 1
    assert grown("GET", "(none)", "404") == 1
    assert sum(after.values()) - sum(before.values()) == 7  # and the scrape before


def test_folders_of_killed_processes_are_removed_and_others_are_left(tmp_path: Path) -> None:
    holding = [sys.executable, "-c", _HOLD, str(tmp_path)]
    with subprocess.Popen(holding, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        left = Path(killed.stdout.readline().strip())
        killed.kill()
    old = time.time() - 3600
    os.utime(left, (old, old))
    with shared_folder(tmp_path) as other:
        assert not left.exists()
        os.utime(other, (old, old))
        with shared_folder(tmp_path) as mine:
            assert other.exists(), "its process lives"
        assert not mine.exists()
    assert list(tmp_path.iterdir()) == []


_HOLD = """
import sys, time, pathlib
from dedup.api.metrics import shared_folder
with shared_folder(pathlib.Path(sys.argv[1])) as folder:
    print(folder, flush=True)
    time.sleep(600)
"""


def test_the_dashboard_and_the_alarms_ask_for_metrics_that_exist(http: TestClient) -> None:
    root = Path(__file__).resolve().parents[2]
    families = list(text_string_to_metric_families(http.get("/metrics").text))
    names = {family.name for family in families} | {one.name for family in families for one in family.samples}
    for file in ("config/grafana/dedup.json", "docs/deployment.md"):
        asked = set(re.findall(r"\bdedup_[a-z_]*[a-z]\b(?!_)", (root / file).read_text(encoding="utf-8")))
        missing = {name for name in asked if name not in names and not name.endswith("_bucket")}
        assert missing == set(), file
