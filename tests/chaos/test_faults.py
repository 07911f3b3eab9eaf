"""Everything that can be killed is killed while articles flow; afterwards nothing is lost and nothing doubled.

``CHAOS_ARTICLES``, ``CHAOS_FAULTS`` and ``CHAOS_SEED`` set the size; the defaults are small.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.corpus import as_sent, generate
from dedup.errors import DedupError
from dedup.service import Service
from dedup.settings import Settings
from dedup.supervisor import Supervisor
from tests.chaos.audit import Snapshot, audit
from tests.chaos.faults import Faults
from tests.eventually import eventually

ARTICLES = int(os.environ.get("CHAOS_ARTICLES", "1500"))
FAULTS = int(os.environ.get("CHAOS_FAULTS", "20"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
LEASE = 1.0


def corpus() -> list[dict]:
    """Articles with planted copies, in an order that has nothing to do with their stories."""
    rows = list(map(as_sent, generate(ARTICLES, seed=SEED, days=10)))
    random.Random(SEED).shuffle(rows)
    return rows


class Producer(threading.Thread):
    """Pushes the articles in batches, and each batch again until the broker has taken it.

    Now and then it takes back what it has just pushed, on the queue or in the store by then: a text of its own.
    """

    def __init__(self, settings: Settings, rows: list[dict], faults: Faults, *, batch: int = 50) -> None:
        super().__init__(daemon=True)
        self.settings, self.rows, self.faults, self.batch = settings, rows, faults, batch
        self.accepted: set[str] = set()
        self.refusals = self.taken_back = 0

    def run(self) -> None:
        service = Service.open(settings=self.settings)
        for start in range(0, len(self.rows), self.batch):
            part = self.rows[start : start + self.batch]
            self._insist(lambda part=part: service.push(part, batch=self.batch))
            self.accepted |= {row["id"] for row in part}
            self.faults.sent.append(part)
            if start % (4 * self.batch) == 0:
                slip = {"id": f"slip{start}", "text": " ".join(f"slip{start}w{n}" for n in range(50)), "lang": "en"}
                self._insist(lambda slip=slip: service.push([slip]))
                self._insist(lambda slip=slip: service.delete(slip["id"]))
                self.taken_back += 1
        service.close()

    def _insist(self, action: Callable[[], object]) -> None:
        while True:
            try:
                action()
                return
            except DedupError:
                self.refusals += 1
                time.sleep(0.2)


class Observer(threading.Thread):
    """Asks all the while, as a reader would, and remembers every story id it was told."""

    def __init__(self, settings: Settings, rows: list[dict]) -> None:
        super().__init__(daemon=True)
        self.settings, self.names = settings, [row["id"] for row in rows]
        self.seen: set[str] = set()
        self.stop = threading.Event()

    def run(self) -> None:
        service = Service.open(settings=self.settings)
        chance = random.Random(SEED)
        while not self.stop.wait(0.02):
            try:
                self.seen |= {view.id for view in service.stories(limit=20).items}
                story = service.article(chance.choice(self.names)).story_id
                self.seen |= {story} if story else set()
            except DedupError:
                continue
        service.close()


def partition(snap: Snapshot, kind: str) -> set[frozenset[str]]:
    parts: dict[int, set[str]] = {}
    for number, place in snap.places.items():
        parts.setdefault(getattr(place, kind), set()).add(snap.records[number].id)
    return {frozenset(part) for part in parts.values()}


def serial_run(folder: Path, rows: list[dict], settings: Settings) -> Snapshot:
    """The same articles, in the order in which they were admitted, one process, nothing killed."""
    store = settings.store.model_copy(update={"url": f"embedded:{folder}"})
    # There is nobody else to go on when a busy machine, or a kernel that is compiled, outlasts the lease.
    workers = settings.workers.model_copy(update={"lease_seconds": 120.0})
    with Service.open(settings=settings.model_copy(update={"store": store, "workers": workers})) as service:
        service.ingest(rows)
        service.assign()
        snap = Snapshot(service)
    assert snap.pending == 0
    return snap


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("fsync", ["always", "everysec"])
def test_nothing_is_lost_and_nothing_doubled(tmp_path: Path, fsync: str) -> None:
    settings = Settings.load(
        environ={},
        overrides={
            "store.url": f"embedded:{tmp_path / 'store'}",
            "store.fsync": fsync,
            "workers.concurrency": 2,
            "workers.tick_seconds": 0.5,
            "workers.lease_seconds": LEASE,
            "workers.drain_batch": 64,
            "queue.visibility_timeout": 5,
            "queue.tries": 8,
            "log.level": "error",
        },
    )
    rows = corpus()
    main = Supervisor(settings, only=("store", "workers", "scheduler"))
    spare = Supervisor(settings, only=("workers",))
    main.start()
    spare.start()
    observer = Observer(settings, rows)
    try:
        main.wait_ready(120)
        faults = Faults([main, spare], seed=SEED, lease=LEASE)
        producer = Producer(settings, rows, faults)
        producer.start()
        observer.start()
        while sum(faults.done.values()) < FAULTS:
            time.sleep(faults.random.uniform(0.1, 0.9))
            faults.inject()
        producer.join(900)
        assert not producer.is_alive()
        assert producer.accepted == {row["id"] for row in rows}, "the producer gave up"
        lost = _settle(settings, rows, retry=fsync == "everysec")
        observer.stop.set()
        observer.join(30)
        print(f"{fsync}: {dict(faults.done)}, refused {producer.refusals}, taken back {producer.taken_back},")
        print(f"sent again after the faults {lost}")
        with Service.open(settings=settings) as service:
            snap = audit(service, expected=producer.accepted)
            assert service.dead_letters().items == ()
            for name in observer.seen:
                assert service.story(name).articles > 0
    finally:
        observer.stop.set()
        spare.stop()
        main.stop()
    order = {record.id: number for number, record in snap.records.items()}
    serial = serial_run(tmp_path / "serial", sorted(rows, key=lambda row: order[row["id"]]), settings)
    assert partition(snap, "group") == partition(serial, "group")
    assert partition(snap, "story") == partition(serial, "story")


def _settle(settings: Settings, rows: list[dict], *, retry: bool) -> int:
    """Wait until all is visible; with ``retry`` send again, as a producer does, what does not turn up."""
    again = 0
    with Service.open(settings=settings) as service:
        for _ in range(5):
            found = service.wait([row["id"] for row in rows], timeout=120)
            missing = [row for row in rows if row["id"] not in found]
            if not missing:
                break
            reasons = {letter.reason for letter in service.dead_letters(limit=1000).items}
            assert not reasons, reasons
            assert retry, f"{len(missing)} accepted articles were lost, such as {missing[0]['id']}"
            again += len(missing)
            service.push(missing)
        eventually(lambda: not service.status().pending)
    return again
