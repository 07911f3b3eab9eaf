"""Servers for tests: Debian's Redis where it is installed, and a cluster of three nodes of the embedded program."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import redis

from dedup.store import children
from dedup.store.embedded import server_program

SLOTS = 16384


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def launch(program: str, folder: Path, port: int, *options: str) -> Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    command = [program, "--port", str(port), "--dir", str(folder), "--appendonly", "yes", "--save", "", *options]
    with (folder / "server.log").open("ab") as log:
        return children.spawn(command, log=log, cwd=folder)


def answering(port: int, timeout: float = 10.0) -> redis.Redis:
    client = redis.Redis(port=port)
    deadline = time.monotonic() + timeout
    while True:
        try:
            client.ping()
            return client
        except redis.RedisError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextmanager
def debian_redis(folder: Path) -> Iterator[str]:
    """URL of Debian's redis-server; ``LookupError`` where it is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        raise LookupError("redis-server is not installed")
    port = free_port()
    process = launch(program, folder, port)
    try:
        answering(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """URL of a node of a cluster of three."""
    ports = [free_port() for _ in range(3)]
    running = [
        launch(
            server_program(),
            folder / str(port),
            port,
            "--cluster-enabled",
            "yes",
            "--cluster-port",
            str(free_port()),
            "--cluster-node-timeout",
            "2000",
        )
        for port in ports
    ]
    try:
        clients = [answering(port) for port in ports]
        buses = [client.config_get("cluster-port")["cluster-port"] for client in clients]
        for place, client in enumerate(clients):
            first, last = SLOTS * place // 3, SLOTS * (place + 1) // 3 - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", ports[0], buses[0])
        deadline = time.monotonic() + 20
        while not all(b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO") for client in clients):
            assert time.monotonic() < deadline, "the cluster did not form"
            time.sleep(0.1)
        yield f"redis://127.0.0.1:{ports[0]}/0"
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()
