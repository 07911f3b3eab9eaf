"""Servers for tests: Debian's Redis where it is installed, and a cluster of three nodes of the embedded program."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import Popen

import redis

from dedup.store import children
from dedup.store.embedded import server_program
from dedup.supervisor import free_port
from tests.eventually import eventually

SLOTS = 16384


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return list(found)


def launch(program: str, folder: Path, port: int, *options: str) -> Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    command = [program, "--port", str(port), "--dir", str(folder), "--appendonly", "yes", "--save", "", *options]
    with (folder / "server.log").open("ab") as log:
        return children.spawn(command, log=log, cwd=folder)


def answering(port: int) -> redis.Redis:
    client = redis.Redis(port=port)

    def answers() -> bool:
        with suppress(redis.RedisError):
            return bool(client.ping())
        return False

    eventually(answers)
    return client


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
    found = free_ports(6)
    ports, buses = found[:3], found[3:]
    options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port"]
    running = [
        launch(server_program(), folder / str(port), port, *options, str(bus))
        for port, bus in zip(ports, buses, strict=True)
    ]
    try:
        clients = [answering(port) for port in ports]
        for place, client in enumerate(clients):
            first, last = SLOTS * place // 3, SLOTS * (place + 1) // 3 - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", ports[0], buses[0])
        eventually(lambda: all(b"cluster_state:ok" in c.execute_command("CLUSTER", "INFO") for c in clients))
        yield f"redis://127.0.0.1:{ports[0]}/0"
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()
