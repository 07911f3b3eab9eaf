"""An article can be followed through all stages by its id, in lines that are JSON."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson

from dedup.service import Service
from tests.eventually import eventually


def test_the_trail_of_an_article(tmp_path: Path) -> None:
    environ = dict(os.environ) | {"DEDUP_STORE__URL": f"embedded:{tmp_path}/store", "DEDUP_LOG__FORMAT": "json"}
    command = [sys.executable, "-c", "from dedup.cli import main; main()", "serve", "--port", "0", "--workers", "1"]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, env=environ, stderr=log) as process:
        try:
            with Service.open(f"embedded:{tmp_path}/store") as service:
                service.push([{"id": "followed", "text": "Cầu mới thông xe sáng nay."}], wait=120)
            eventually(lambda: b'"decided"' in (tmp_path / "log").read_bytes())
        finally:
            process.terminate()
            process.wait(60)
    stages = []
    for line in (tmp_path / "log").read_bytes().splitlines():
        if b'"followed"' in line:
            event = orjson.loads(line)
            stages.append(event["stage"])
            assert event["level"] == "info"
            assert event["at"].endswith("+00:00")
    assert stages == ["ingested", "decided"]
