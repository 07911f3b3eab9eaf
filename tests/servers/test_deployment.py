"""The files of ``config/`` that start a service: their commands are run, as far as this machine can."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from dedup.supervisor import free_port
from tests.eventually import eventually

CONFIG = Path(__file__).resolve().parents[2] / "config"
DEDUP = [sys.executable, "-c", "from dedup.cli import main; main()"]


def test_the_units_are_units(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze on this machine: apt-get install systemd")
    units = []
    for unit in (CONFIG / "systemd").glob("*.service"):
        text = unit.read_text(encoding="utf-8")
        assert "ExecStart=/opt/dedup/bin/dedup " in text
        # What is not installed here is replaced by something that is.
        units.append(tmp_path / unit.name)
        units[-1].write_text(text.replace("/opt/dedup/bin/dedup ", f"{sys.executable} "), encoding="utf-8")
    done = subprocess.run([program, "verify", *map(str, units)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_what_the_compose_file_starts_works_together(redis_url: str, tmp_path: Path) -> None:
    services = yaml.safe_load((CONFIG / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert set(services) == {"store", "workers", "scheduler", "api"}
    place = redis_url.removesuffix("/0").removeprefix("redis://")
    environ = dict(os.environ) | {"DEDUP_WORKERS__CONCURRENCY": "1"}
    environ |= {name: value.replace("store:6379", place) for name, value in services["api"]["environment"].items()}
    port = str(free_port())
    url = f"http://127.0.0.1:{port}"
    running = []
    with (tmp_path / "log").open("wb") as log:
        for name in ("workers", "scheduler", "api"):
            (dedup, *command) = [word if word != "8080" else port for word in services[name]["command"]]
            assert dedup == "dedup"
            assert services[name]["environment"] == services["api"]["environment"]
            running.append(subprocess.Popen([*DEDUP, *command], env=environ, stdout=log, stderr=log, cwd=tmp_path))
        try:
            eventually(lambda: _is_ready(url))
            answer = _dedup(environ, "keys", "create", "desk", "--scope", "admin", "--json")
            headers = {"Authorization": f"Bearer {answer['key']}"}
            with httpx.Client(base_url=url, headers=headers, timeout=90) as client:
                assert httpx.get(f"{url}/v1/status").status_code == 401, "others than this machine reach the port"
                body = {"id": "composed", "text": "Bản tin đi qua bốn thùng chứa."}
                assert client.post("/v1/articles?wait=60", json=body).json()["accepted"][0]["state"] == "assigned"
            _await_worker(environ, "nightly@")
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(60)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def _await_worker(environ: dict[str, str], prefix: str) -> None:
    """Wait until a worker of this name has signed in: what the scheduler asks for, somebody does."""
    from dedup.service import Service
    from dedup.settings import Settings

    with Service.open(settings=Settings.load(environ=environ)) as service:
        eventually(lambda: any(name.startswith(prefix) for name in service.worker_names(since_ms=0)))


def _dedup(environ: dict[str, str], *words: str) -> dict[str, Any]:
    done = subprocess.run([*DEDUP, *words], env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
