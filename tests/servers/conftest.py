"""Servers of other makes, started for a test on free ports and in folders of their own, and ended after it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from dedup.store import children
from dedup.store.embedded import server_program

NODES, SLOTS = 3, 16384


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on; the bus of a cluster node takes the port 10,000 above."""
    found: list[int] = []
    probes = []
    while len(found) < count:
        probe = socket.socket()
        probe.bind(("127.0.0.1", 0))
        probes.append(probe)
        if probe.getsockname()[1] < 50_000:
            found.append(probe.getsockname()[1])
    for probe in probes:
        probe.close()
    return found


def _start(program: str, folder: Path, port: int, *options: str) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", *options]
    with (folder / "server.log").open("ab") as log:
        return children.spawn(command, log=log, cwd=folder)


def _await(port: int) -> None:
    deadline = time.monotonic() + 20
    with redis.Redis(port=port) as client:
        while True:
            try:
                client.ping()
                return
            except redis.ConnectionError:
                assert time.monotonic() < deadline, f"no server on port {port}"
                time.sleep(0.05)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server of the system, 7.0 on Debian 12."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server on this machine: apt-get install redis-server")
    (port,) = free_ports(1)
    process = _start(program, tmp_path_factory.mktemp("redis"), port, "--appendonly", "yes")
    _await(port)
    yield f"redis://127.0.0.1:{port}/0"
    children.stop(process, patience=10)


@pytest.fixture(scope="session")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster of three nodes, each with a third of the slots and no replica."""
    folder = tmp_path_factory.mktemp("cluster")
    program = shutil.which("redis-server") or server_program()
    ports = free_ports(NODES)
    options = ("--cluster-enabled", "yes", "--appendonly", "yes", "--cluster-node-timeout", "2000")
    processes = [_start(program, folder / str(port), port, *options) for port in ports]
    clients = []
    for at, port in enumerate(ports):
        _await(port)
        clients.append(redis.Redis(port=port, decode_responses=True))
        clients[-1].execute_command("CLUSTER", "ADDSLOTSRANGE", SLOTS * at // NODES, SLOTS * (at + 1) // NODES - 1)
        clients[-1].execute_command("CLUSTER", "MEET", "127.0.0.1", ports[0])
    deadline = time.monotonic() + 30
    while not all(_complete(client) for client in clients):
        assert time.monotonic() < deadline, "the cluster did not form"
        time.sleep(0.1)
    for client in clients:
        client.close()
    yield f"redis://127.0.0.1:{ports[0]}/0"
    for process in processes:
        children.stop(process, patience=10)


def _complete(client: redis.Redis) -> bool:
    facts = dict(line.split(":", 1) for line in client.execute_command("CLUSTER", "INFO").splitlines() if ":" in line)
    return facts.get("cluster_state") == "ok" and facts.get("cluster_known_nodes") == str(NODES)


@pytest.fixture(scope="session")
def rabbitmq_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A RabbitMQ server of the system, with nothing kept after the test."""
    program = shutil.which("rabbitmq-server") or "/usr/lib/rabbitmq/bin/rabbitmq-server"
    if not Path(program).exists():
        pytest.skip("no rabbitmq-server on this machine: apt-get install rabbitmq-server")
    folder = tmp_path_factory.mktemp("rabbitmq")
    port, distribution = free_ports(2)
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
    deadline = time.monotonic() + 60
    while not _speaks(url):
        if process.poll() is not None or time.monotonic() > deadline:
            children.stop(process, patience=5)
            pytest.skip(f"rabbitmq-server did not start: {(folder / 'server.log').read_text()[-300:]}")
        time.sleep(0.3)
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
