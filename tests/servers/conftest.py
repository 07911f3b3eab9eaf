"""Servers of other makes, started for a test on free ports and in folders of their own, and ended after it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dedup.store import children
from tests.eventually import eventually
from tests.store import servers


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Redis server of the system, 7.0 on Debian 12."""
    try:
        with servers.debian_redis(tmp_path / "redis") as url:
            yield url
    except LookupError as error:
        pytest.skip(str(error))


@pytest.fixture
def cluster_url(tmp_path: Path) -> Iterator[str]:
    """A cluster of three nodes, each with a third of the slots and no replica."""
    with servers.cluster(tmp_path / "cluster") as url:
        yield url


@pytest.fixture(scope="session")
def rabbitmq_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A RabbitMQ server of the system, with nothing kept after the test."""
    program = shutil.which("rabbitmq-server") or "/usr/lib/rabbitmq/bin/rabbitmq-server"
    if not Path(program).exists():
        pytest.skip("no rabbitmq-server on this machine: apt-get install rabbitmq-server")
    folder = tmp_path_factory.mktemp("rabbitmq")
    port, distribution = servers.free_ports(2)
    # The wrapper of Debian changes to the user rabbitmq, whose folders are not ours: call what it wraps.
    real = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    environ = dict(os.environ) | {
        "RABBITMQ_NODENAME": f"dedup{port}@localhost",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "HOME": str(folder),
    }
    (folder / "rabbitmq.conf").write_text("loopback_users = none\ndisk_free_limit.absolute = 50MB\n")
    with (folder / "server.log").open("ab") as log:
        process = children.spawn([str(real if real.exists() else program)], log=log, cwd=folder, environ=environ)
    url = f"amqp://guest:guest@127.0.0.1:{port}//"
    eventually(lambda: _speaks(url) or process.poll() is not None, pause=0.3)
    if process.poll() is not None:
        pytest.skip(f"rabbitmq-server did not start: {(folder / 'server.log').read_text()[-300:]}")
    yield url
    children.stop(process, patience=20)


def _speaks(url: str) -> bool:
    from kombu import Connection

    try:
        with Connection(url, connect_timeout=2) as connection:
            connection.connect()
            return True
    except Exception:
        return False
