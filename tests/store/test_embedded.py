"""The embedded server: found, shared, recovered, and gone with its owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from dedup.errors import StoreUnavailable
from dedup.settings import StoreSettings
from dedup.store.connection import Connection
from dedup.store.embedded import EmbeddedServer, answers
from tests.eventually import eventually

OWNER = """
import sys, time
from dedup.store.connection import Connection
from dedup.settings import StoreSettings
connection = Connection(StoreSettings(url="embedded:" + sys.argv[1]))
connection.one("INCR", "started")
print(connection.embedded.pid, flush=True)
time.sleep(600)
"""


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_data_stay_over_a_stop(tmp_path: Path) -> None:
    settings = StoreSettings(url=f"embedded:{tmp_path}")
    first = Connection(settings)
    first.one("SET", "a", "1")
    first.close()
    assert not answers(EmbeddedServer(tmp_path).socket)
    second = Connection(settings)
    assert second.one("GET", "a") == b"1"
    second.close()


def test_a_second_handle_shares_the_server_and_does_not_stop_it(tmp_path: Path) -> None:
    settings = StoreSettings(url=f"embedded:{tmp_path}")
    first, second = Connection(settings), Connection(settings)
    assert first.embedded is not None
    assert second.embedded is not None
    assert first.embedded.owned
    assert not second.embedded.owned
    second.close()
    first.one("SET", "a", "1")
    first.close()


def test_a_killed_server_comes_back_with_its_data(tmp_path: Path) -> None:
    connection = Connection(StoreSettings(url=f"embedded:{tmp_path}"))
    assert connection.embedded is not None
    for number in range(100):
        connection.one("SET", f"k{number}", number)
    os.kill(connection.embedded.pid or 0, signal.SIGKILL)
    assert connection.one("GET", "k99") == b"99"
    assert connection.client.dbsize() == 100
    connection.close()


def test_the_server_goes_when_its_owner_is_killed(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    server = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    eventually(lambda: gone(server))
    connection = Connection(StoreSettings(url=f"embedded:{tmp_path}"))
    assert connection.one("GET", "started") == b"1"
    connection.close()


def test_many_processes_start_one_server(tmp_path: Path) -> None:
    owners = [
        subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    pids = [owner.stdout.readline().strip() for owner in owners]
    connection = Connection(StoreSettings(url=f"embedded:{tmp_path}"))
    assert connection.one("GET", "started") == b"6"
    connection.client.close()
    assert sum(pid != "None" for pid in pids) == 1
    for owner in owners:
        owner.kill()
        owner.wait()


def test_a_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    connection = Connection(StoreSettings(url=f"embedded:{folder}"))
    assert connection.one("PING")
    connection.close()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="maxmemory"):
        Connection(StoreSettings(url=f"embedded:{tmp_path}", maxmemory="lots"))


def test_nobody_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="does not answer"):
        Connection(StoreSettings(url="redis://127.0.0.1:1/0"), patient=False).one("PING")
