"""Real workers on a real store, started for a test and gone after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dedup.service import Service
from dedup.settings import Settings
from dedup.supervisor import Supervisor


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(
        environ={},
        overrides={
            "store.url": f"embedded:{tmp_path / 'store'}",
            "workers.concurrency": 2,
            "workers.tick_seconds": 0.5,
            "queue.visibility_timeout": 5,
            "log.level": "error",
        },
    )


@pytest.fixture
def running(settings: Settings) -> Iterator[Callable[..., Service]]:
    """Start workers and open the service: ``running()``, or ``running(app="module")`` for another Celery app."""
    started: list[Supervisor] = []
    opened: list[Service] = []

    def start(settings: Settings = settings, app: str = "workers.app") -> Service:
        supervisor = Supervisor(settings, only=("store", "workers", "scheduler"), app=app)
        started.append(supervisor)
        supervisor.start()
        supervisor.wait_ready()
        service = Service.open(settings=settings)
        service.supervisor = supervisor
        opened.append(service)
        return service

    yield start
    for service in opened:
        service.close()
    for supervisor in started:
        supervisor.stop()
