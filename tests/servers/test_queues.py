"""The queue on Redis and on RabbitMQ: from ``push`` to visible, and nothing lost when a worker is killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from dedup.article import Article
from dedup.service import Service
from dedup.settings import LogSettings, QueueSettings, Settings, StoreSettings, WorkerSettings
from dedup.supervisor import Supervisor
from tests.eventually import eventually

PARTS = ("store", "workers", "scheduler")


def articles(prefix: str, count: int) -> list[Article]:
    """Articles of words of their own, each a second time with another id."""
    texts = [" ".join(f"{prefix}{n}word{w}" for w in range(40)) for n in range(count // 2)]
    return [Article(id=f"{prefix}{n}", text=text, lang="vi") for n, text in enumerate([*texts, *texts])]


def settings_for(folder: Path, queue: str | None, store: str | None = None) -> Settings:
    return Settings(
        store=StoreSettings(url=store or f"embedded:{folder}/store"),
        queue=QueueSettings(url=queue, batch=10),
        workers=WorkerSettings(concurrency=2, tick_seconds=1),
        log=LogSettings(level="warning"),
    )


def check_flow(settings: Settings) -> None:
    with Supervisor(settings, only=PARTS) as supervisor, Service.open(settings=settings) as service:
        first = articles("a", 40)
        assert len(service.push(first, wait=60).accepted) == 40
        for n in range(20):
            assert service.article(f"a{n}").duplicate_group_id == service.article(f"a{n + 20}").duplicate_group_id
        # Now a worker process dies with messages in its hands.
        receipt = service.push(articles("b", 400))
        for child in psutil.Process(supervisor.processes()["ingest"]).children():
            os.kill(child.pid, signal.SIGKILL)
        assert set(service.wait(receipt.accepted, timeout=120)) == set(receipt.accepted)
        # A message whose articles were decided before its worker died is delivered once more.
        eventually(lambda: service.status().queue == 0)
        status = service.status()
        assert (status.articles, status.dead) == (440, 0)


@pytest.mark.slow
def test_the_queue_on_rabbitmq(rabbitmq_url: str, tmp_path: Path) -> None:
    check_flow(settings_for(tmp_path, rabbitmq_url))


@pytest.mark.slow
def test_store_and_queue_on_the_redis_server_of_the_system(redis_url: str, tmp_path: Path) -> None:
    check_flow(settings_for(tmp_path, None, redis_url))


@pytest.mark.slow
def test_the_store_on_a_cluster_and_the_queue_beside_it(cluster_url: str, redis_url: str, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, redis_url.replace("/0", "/5"), cluster_url)
    check_flow(settings.model_copy(update={"store": settings.store.model_copy(update={"cluster": True})}))
