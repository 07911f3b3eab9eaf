"""Many at once: no pair is missed, and the outcome is that of one after the other."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from dedup.service import Service
from dedup.settings import Settings
from dedup.store import lease, reading, scripts

WORDS = [f"{a}{b}" for a in ("ka", "lo", "mi", "nu", "pe", "ra", "so", "tu", "va", "xe") for b in "bdghklmnprstvz"]


def pair(number: int) -> tuple[str, str]:
    """A text of its own, and the same with one word changed."""
    chance = random.Random(number)
    words = chance.choices(WORDS, k=120)
    other = list(words)
    other[chance.randrange(120)] = "changed"
    return " ".join(words), " ".join(other)


def ingest(settings: Settings, barrier, articles: list[dict]) -> None:
    with Service.open(settings=settings) as service:
        service.ingest(articles[:0])
        barrier.wait()
        for start in range(0, len(articles), 5):
            service.ingest(articles[start : start + 5])


def groups(service: Service, ids: list[str]) -> set[frozenset[str]]:
    found: dict[int, set[str]] = {}
    numbers = service.connection.run(reading.numbers(ids))
    places = service.connection.run(reading.memberships(number for number in numbers if number is not None))
    for name, number in zip(ids, numbers, strict=True):
        assert number is not None, name
        found.setdefault(places[number].group, set()).add(name)
    return {frozenset(names) for names in found.values()}


@pytest.mark.slow
def test_two_thousand_pairs_at_the_same_instant(tmp_path: Path) -> None:
    pairs = 2000
    settings = Settings.load(environ={}, overrides={"store.url": f"embedded:{tmp_path / 'store'}"})
    texts = [pair(number) for number in range(pairs)]
    left = [{"id": f"l{n}", "text": one, "lang": "en"} for n, (one, _) in enumerate(texts)]
    right = [{"id": f"r{n}", "text": two, "lang": "en"} for n, (_, two) in enumerate(texts)]
    half = pairs // 2
    context = get_context("spawn")
    with Service.open(settings=settings) as service:
        barrier = context.Barrier(4)
        # Both sides of a pair come at the same time, by two processes.
        work = [left[:half], right[:half], left[half:], right[half:]]
        running = [context.Process(target=ingest, args=(settings, barrier, part)) for part in work]
        for process in running:
            process.start()
        for process in running:
            process.join()
            assert process.exitcode == 0
        service.assign()
        ids = [article["id"] for article in left + right]
        together = groups(service, ids)
    assert together == {frozenset({f"l{n}", f"r{n}"}) for n in range(pairs)}, "a pair was missed"
    with Service.open(f"embedded:{tmp_path / 'serial'}", settings=settings) as serial:
        serial.ingest([article for both in zip(left, right, strict=True) for article in both])
        serial.assign()
        assert groups(serial, ids) == together


def test_threads_of_one_process_decide_one_after_the_other(service) -> None:
    texts = [text for number in range(60) for text in pair(number)]
    service.ingest([{"id": f"a{n}", "text": text, "lang": "en"} for n, text in enumerate(texts)])
    with ThreadPoolExecutor(8) as pool:
        decided = list(pool.map(lambda _: service.assign(), range(8)))
        assert sum(decided) == 120
        assert all(pool.map(lambda n: service.delete(f"a{n}"), range(40)))
    service.assign()
    assert service.status().articles == 80
    removed = [change.article_id for change in service.changes(limit=1000).items if change.kind == "article.removed"]
    assert sorted(removed) == sorted(f"a{n}" for n in range(40))


def test_a_drain_that_lingers_decides_what_comes_meanwhile(service: Service) -> None:
    def article(n: int) -> dict:
        return {"id": f"a{n}", "text": pair(n)[0], "lang": "en" if n % 2 else "sv"}

    service.ingest([article(0), article(1)])
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(service.assign, seconds=5.0, linger=0.3)
        for n in range(2, 6):
            service.ingest([article(n)])
            time.sleep(0.05)
        assert running.result() == 6, "it goes on while something comes, and ends when nothing does"


def test_who_finds_the_lease_taken_asks_for_nobody(service: Service) -> None:
    service.ingest([{"id": "a", "text": pair(1)[0], "lang": "en"}])
    assert service.connection.one(*scripts.wake(life_ms=60_000)) == [b"en"], "somebody is asked"
    taken = lease.take(service.connection, "en", "somebody else", life=60)
    assert taken is not None
    with taken:
        assert service.assign(seconds=1.0, linger=0.01) == 0
        # Else two workers would ask each other round and round.
        assert service.connection.one(*scripts.wake(life_ms=60_000)) == []
    assert service.assign(seconds=1.0, linger=0.01) == 1
    service.ingest([{"id": "b", "text": pair(2)[0], "lang": "en"}])
    assert service.connection.one(*scripts.wake(life_ms=60_000)) == [b"en"], "after its last look a drain is asked for"
