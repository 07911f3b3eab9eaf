"""Ten thousand hostile messages: each a dead letter with a reason, none loops, none reaches the index."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import redis

from dedup.service import Service
from dedup.service.broker import INGEST
from dedup.settings import LogSettings, Settings, StoreSettings, WorkerSettings
from dedup.store import keys
from dedup.supervisor import Supervisor
from tests.eventually import eventually
from tests.fuzz.fuzzed_messages import Fuzzed, fuzzed
from workers.handover import REGISTRY

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


#: KEYS 1 a queue, 2 the lists of what is on its way, 3 what is not acknowledged: messages in all of them.
LEFT = """
local left = redis.call('LLEN', KEYS[1]) + redis.call('HLEN', KEYS[3])
for _, list in ipairs(redis.call('SMEMBERS', KEYS[2])) do left = left + redis.call('LLEN', list) end
return left
"""


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
            eventually(lambda: queue.eval(LEFT, 3, INGEST, REGISTRY, "unacked") == 0, within=400, pause=0.2)
            good = [name for message in messages for name in message.valid]
            missing = set(good) - set(service.wait(good, timeout=120))
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
