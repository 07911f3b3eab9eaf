"""A real server for every test of the store: the embedded Valkey, Debian's Redis, and a cluster of three nodes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dedup.settings import Settings, StoreSettings
from dedup.store.connection import Connection
from tests.store.servers import cluster, debian_redis


@pytest.fixture(scope="session", params=["embedded", "redis", "cluster"])
def store_settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "embedded":
        settings = StoreSettings(url=f"embedded:{folder}")
        server = Connection(settings)
        yield settings
        server.close()
    elif request.param == "redis":
        try:
            with debian_redis(folder) as url:
                yield StoreSettings(url=url)
        except LookupError as error:
            pytest.skip(str(error))
    else:
        with cluster(folder) as url:
            yield StoreSettings(url=url, cluster=True)


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
