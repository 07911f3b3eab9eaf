"""A store without room: push refuses, nothing is half-written, and work goes on when room is made."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dedup.article import Article
from dedup.errors import StoreFull
from dedup.service import Service
from dedup.settings import LogSettings, QueueSettings, Settings, StoreSettings, WorkerSettings
from dedup.store import keys
from dedup.store.connection import Connection
from dedup.supervisor import Supervisor

PARTS = ("store", "workers", "scheduler")
BATCH = 20


def articles(first: int, count: int) -> list[Article]:
    """Articles of 400 words of their own."""
    return [
        Article(id=f"a{n}", text=" ".join(f"w{n * 400 + w}" for w in range(400)), lang="vi")
        for n in range(first, first + count)
    ]


def fill(service: Service, first: int = 0) -> list[str]:
    """Push until the store refuses; return the ids that were accepted."""
    accepted: list[str] = []
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            accepted += service.push(articles(first + len(accepted), BATCH)).accepted
        except StoreFull:
            return accepted
    raise AssertionError("the store never refused")


def half_written(store: Connection) -> list[str]:
    """Articles of which one key is there and another is not, seen in one step: the workers go on meanwhile."""
    prefix = keys.TAG.encode()
    numbers, names = store.client.eval(_KEPT, 0, keys.TAG)
    articles = {int.from_bytes(value, "little") for value in numbers}
    records = {int(name.removeprefix(prefix + b":r:")) for name in names if name.startswith(prefix + b":r:")}
    texts = {int(name.removeprefix(prefix + b":t:")) for name in names if name.startswith(prefix + b":t:")}
    return [f"article {number}" for number in (articles ^ records) | (records ^ texts)]


#: The numbers that ids stand for, and the names of all keys.
_KEPT = """
local numbers = {}
for _, id_page in ipairs(redis.call('KEYS', ARGV[1] .. ':i:*')) do
  for _, number in ipairs(redis.call('HVALS', id_page)) do numbers[#numbers + 1] = number end
end
return {numbers, redis.call('KEYS', ARGV[1] .. ':[rt]:*')}
"""


@pytest.mark.slow
def test_a_full_store_refuses_and_goes_on_when_room_is_made(tmp_path: Path) -> None:
    settings = Settings(
        store=StoreSettings(url=f"embedded:{tmp_path}/store"),
        queue=QueueSettings(batch=BATCH),
        workers=WorkerSettings(concurrency=2, tick_seconds=1),
        log=LogSettings(level="error"),
    )
    with Supervisor(settings, only=PARTS) as supervisor, Service.open(settings=settings) as service:
        processes = supervisor.processes()
        client = service.connection.client
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 3_000_000)
        accepted = fill(service)
        assert accepted
        time.sleep(3)  # what works on a full store must not give up, nor break anything
        accepted += fill(service, 900_000)  # the workers may have made room meanwhile: soon it refuses again
        assert half_written(service.connection) == []
        assert supervisor.processes() == processes  # none died of it

        client.config_set("maxmemory", 0)
        found = service.wait(accepted, timeout=200)
        assert set(accepted) - set(found) == set(), service.status()
        assert half_written(service.connection) == []
        status = service.status()
        assert (status.articles, status.dead, status.queue) == (len(accepted), 0, 0)
