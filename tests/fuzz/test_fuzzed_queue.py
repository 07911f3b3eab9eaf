"""Ten thousand hostile messages: each a dead letter with a reason, none loops, none reaches the index."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest
import redis
from fuzzed_messages import Fuzzed, fuzzed

from dedup.service import Service
from dedup.service.broker import INGEST
from dedup.settings import LogSettings, Settings, StoreSettings, WorkerSettings
from dedup.store import keys
from dedup.supervisor import Supervisor

COUNT, SEED = 10_000, 20_150_821


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        store=StoreSettings(url=f"embedded:{tmp_path}/store"),
        workers=WorkerSettings(concurrency=3, tick_seconds=1),
        log=LogSettings(level="error"),
    )


def put(queue: redis.Redis, messages: list[Fuzzed]) -> None:
    pipeline = queue.pipeline(transaction=False)
    for place, message in enumerate(messages):
        pipeline.lpush(INGEST, message.data)
        if place % 100 == 99:
            pipeline.execute()
    pipeline.execute()


def settle(queue: redis.Redis, timeout: float) -> None:
    """Wait until nothing is queued and nothing in a worker's hands."""
    deadline = time.monotonic() + timeout
    quiet = 0
    while quiet < 10:
        left = queue.llen(INGEST), queue.hlen("unacked")
        quiet = quiet + 1 if left == (0, 0) else 0
        assert time.monotonic() < deadline, f"queued and unacknowledged after {timeout:g} s: {left}"
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_each_hostile_message_becomes_a_dead_letter(settings: Settings) -> None:
    messages = fuzzed(COUNT, seed=SEED)
    with Supervisor(settings, only=("store", "workers", "scheduler")) as supervisor:
        assert supervisor.server is not None
        socket = str(supervisor.server.socket)
        with redis.Redis(unix_socket_path=socket, db=1) as queue, Service.open(settings=settings) as service:
            before = supervisor.processes()
            put(queue, messages)
            settle(queue, 400)
            good = [name for message in messages for name in message.valid]
            missing = set(good) - set(service.wait(good, timeout=60))
            assert not missing, f"{len(missing)} good articles are not visible; {service.status()}"
            assert service.status().articles == len(good)
            assert supervisor.processes() == before, "no message ends a worker"
            letters = service.connection.client.hgetall(keys.DEAD)
            check(messages, {name.decode(): json.loads(data) for name, data in letters.items()})


def check(messages: list[Fuzzed], letters: dict[str, dict[str, object]]) -> None:
    found: Counter[str] = Counter()
    for letter in letters.values():
        assert letter["reason"], letter
        kept = json.dumps(letter["article"], ensure_ascii=False)
        place = kept.find("fuzz")
        assert place >= 0, kept[:300]
        found[kept[place : place + 10]] += 1
    wrong = [
        (one.kind, one.dead, found[one.marker], one.data[:300]) for one in messages if found[one.marker] != one.dead
    ]
    assert not wrong, f"{len(wrong)} of {len(messages)}: {Counter(kind for kind, *_ in wrong)}; first: {wrong[:3]}"
