"""The service in one process, on an embedded store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dedup.service import Service
from dedup.settings import Settings


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    settings = Settings.load(environ={}, overrides={"store.url": f"embedded:{tmp_path / 'store'}"})
    with Service.open(settings=settings) as opened:
        yield opened


@pytest.fixture
def put(service: Service):
    """Ingest and assign articles given as ``id=text``; return the service."""

    def put(*articles, **texts):
        service.ingest([*articles, *({"id": name, "text": text} for name, text in texts.items())])
        service.assign()
        return service

    return put
