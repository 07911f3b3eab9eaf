"""Clients of the store's server, and the connections that they leave to the next user."""

from __future__ import annotations

import os
from typing import Any

import redis
import redis.asyncio
from redis import exceptions as faults
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from dedup.errors import StoreRefused
from dedup.store.faults import error_from

#: Seconds: to connect; for one reply (a fork for the append-only file's rewrite may take one or two).
CONNECT, REPLY = 3.0, 15.0


def options_for(url: str) -> dict[str, Any]:
    """Arguments that every client of ``url`` is made with."""
    common = {"socket_timeout": REPLY, "socket_connect_timeout": CONNECT, "health_check_interval": 30}
    return common if url.startswith("unix") else common | {"socket_keepalive": True}


def client_for(url: str, *, cluster: bool = False) -> Any:
    """A synchronous client of ``url`` that never retries by itself."""
    try:
        if cluster:
            return redis.RedisCluster.from_url(url, **options_for(url))
        return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **options_for(url))
    except ValueError as error:
        raise StoreRefused(f"store.url {url!r}: {error}") from None
    except faults.RedisError as error:
        raise error_from(error) from error


def async_client_for(url: str, *, cluster: bool = False) -> Any:
    """An asynchronous client of ``url`` that never retries by itself."""
    try:
        if cluster:
            return redis.asyncio.RedisCluster.from_url(url, **options_for(url))
        return redis.asyncio.Redis.from_url(url, retry=AsyncRetry(NoBackoff(), 0), **options_for(url))
    except ValueError as error:
        raise StoreRefused(f"store.url {url!r}: {error}") from None


class Idle:
    """Connections of a client's pool that nobody uses; for any thread, and for the process that made them alone."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._free: list[Any] = []
        self._process = os.getpid()

    def take(self) -> Any:
        """A connection: the one that was given back last, else one of the pool."""
        if self._process != os.getpid():
            # A fork shares its parent's sockets, and must not speak on them.
            self._free, self._process = [], os.getpid()
        try:
            return self._free.pop()
        except IndexError:
            return self._client.connection_pool.get_connection()

    def give_back(self, connection: Any) -> None:
        """Leave a connection, all replies of which were read, to the next user."""
        self._free.append(connection)

    def give_up(self, connection: Any) -> None:
        """Close a connection that has failed: its next user would read what is left; and the others, failed with it."""
        connection.disconnect()
        self._client.connection_pool.release(connection)
        self.clear()

    def clear(self) -> None:
        """Close all."""
        while self._free:
            connection = self._free.pop()
            connection.disconnect()
            self._client.connection_pool.release(connection)
