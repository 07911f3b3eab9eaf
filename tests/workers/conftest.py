"""Real workers on a real store, started for a test and gone after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dedup.service import Service
from dedup.settings import Settings
from dedup.supervisor import Supervisor


def settings_in(folder: Path) -> Settings:
    """Settings of a service in ``folder`` that is quick to wake and to put messages back."""
    return Settings.load(
        environ={},
        overrides={
            "store.url": f"embedded:{folder / 'store'}",
            "workers.concurrency": 2,
            "workers.tick_seconds": 0.5,
            "queue.visibility_timeout": 5,
            "log.level": "error",
        },
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture(scope="module")
def at_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with workers that the tests of a module share, for those that do not mind what was there before."""
    settings = settings_in(tmp_path_factory.mktemp("at-work"))
    with Supervisor(settings, only=("store", "workers", "scheduler")), Service.open(settings=settings) as service:
        yield service


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
