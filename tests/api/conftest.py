"""The API over a real store: in this process for most tests, as ``dedup serve`` runs it for the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from dedup.api.app import create_app
from dedup.readers import read_articles
from dedup.service import Service
from dedup.settings import Settings
from dedup.supervisor import Supervisor

HOST = "http://127.0.0.1:8080"


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a store of this test session's own."""
    folder = tmp_path_factory.mktemp("api")
    return Settings.load(environ={}, overrides={"store.url": f"embedded:{folder}/store", "api.max_body": 200_000})


@pytest.fixture(scope="session")
def service(settings: Settings, seeds: Path) -> Iterator[Service]:
    """A service that holds the seeds, each in its story."""
    with Service.open(settings=settings) as opened:
        opened.ingest([article.to_dict() for article in read_articles([seeds])])
        opened.assign()
        yield opened


@pytest.fixture(scope="session")
def http(settings: Settings, service: Service) -> Iterator[TestClient]:
    """The API of that service, open as on loopback."""
    with TestClient(create_app(settings), base_url=HOST, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def keyed(settings: Settings, service: Service) -> Iterator[TestClient]:
    """The same where keys are required."""
    guarded = settings.model_copy(update={"api": settings.api.model_copy(update={"require_key": True})})
    with TestClient(create_app(guarded), base_url=HOST, raise_server_exceptions=False) as client:
        yield client


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run a whole service: store, Celery workers, scheduler and API as processes; yield its URL."""
    overrides = {"store.url": f"embedded:{folder}/store", "workers.concurrency": 2, "log.level": "warning"}
    settings = Settings.load(environ={}, overrides=overrides)
    with Supervisor(settings, port=0) as supervisor:
        yield supervisor.url


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a whole service that tests share."""
    with running(tmp_path_factory.mktemp("served")) as url:
        yield url


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[str]:
    """URL of a service of the test's own: generated articles tell of the seeds' event too."""
    with running(tmp_path) as url:
        yield url


@pytest.fixture(scope="session")
def remote(served: str) -> Iterator[httpx.Client]:
    """A plain HTTP client of the served API."""
    with httpx.Client(base_url=served, timeout=60) as client:
        yield client
