"""A real server for every test of the store: the embedded Valkey, or another that the environment names.

``TEST_STORE_URL=redis://…`` (with ``TEST_STORE_CLUSTER=1`` for a cluster) runs the same tests
elsewhere; its data are flushed before each test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from dedup.settings import Settings, StoreSettings
from dedup.store.connection import Connection


@pytest.fixture(scope="session")
def store_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    url = os.environ.get("TEST_STORE_URL")
    if url:
        yield StoreSettings(url=url, cluster=bool(os.environ.get("TEST_STORE_CLUSTER")))
        return
    settings = StoreSettings(url=f"embedded:{tmp_path_factory.mktemp('store')}")
    server = Connection(settings)
    yield settings
    server.close()


@pytest.fixture
def store(store_settings: StoreSettings) -> Iterator[Connection]:
    connection = Connection(store_settings)
    connection.client.flushall()
    yield connection
    connection.client.flushall()
    connection.close()


@pytest.fixture
def settings(store_settings: StoreSettings) -> Settings:
    return Settings(store=store_settings)
