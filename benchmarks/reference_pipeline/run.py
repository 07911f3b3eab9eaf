"""Run the reference pipeline on an embedded server of its own."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import redis
from celery import Celery

from dedup.settings import StoreSettings
from dedup.store import children
from dedup.store.embedded import EmbeddedServer

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Reference:
    """A running reference pipeline."""

    store: redis.Redis
    app: Celery
    processes: dict[str, int]

    def push(self, rows: Sequence[dict[str, Any]], *, batch: int = 100, timeout: float = 3600.0) -> float:
        """Push ``rows`` and wait until all are visible; return the seconds it took."""
        begun = time.perf_counter()
        target = self.visible() + len(rows)
        for start in range(0, len(rows), batch):
            self.app.send_task("reference.ingest", args=[rows[start : start + batch]], queue="reference")
        while self.visible() < target:
            if time.perf_counter() - begun > timeout:
                raise TimeoutError(f"{self.visible():,} of {target:,} articles visible after {timeout:g} s")
            time.sleep(0.02)
        return time.perf_counter() - begun

    def processor_seconds(self) -> float:
        """Processor seconds spent so far by the server and the workers; the client's are not counted."""
        family = [psutil.Process(pid) for pid in self.processes.values()]
        family += [child for process in list(family) for child in process.children(recursive=True)]
        return float(sum(sum(process.cpu_times()[:2]) for process in family))

    def visible(self) -> int:
        """Articles whose task has written them."""
        return int(self.store.get("visible") or 0)


@contextmanager
def running(folder: Path, *, workers: int, params: tuple[int, int] | None = None) -> Iterator[Reference]:
    """Start a server in ``folder`` and a Celery worker of ``workers`` processes; stop both at the end.

    Parameters
    ----------
    folder:
        Data and log.
    workers:
        Worker processes.
    params:
        Bands and rows; datasketch's own choice for its threshold when missing (14 and 9 at 0.7).
    """
    server = EmbeddedServer(folder, StoreSettings())
    server.ensure()
    environ = dict(os.environ) | {"REFERENCE_SOCKET": str(server.socket), "REFERENCE_PARAMS": json.dumps(params)}
    environ["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-m", "celery", "-A", "benchmarks.reference_pipeline.app", "worker", "-Q", "reference"]
    command += ["-c", str(workers), "-l", "warning", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    store = redis.Redis(unix_socket_path=str(server.socket))
    app = Celery("reference", broker=server.broker_url, set_as_current=False)
    with (folder / "worker.log").open("ab") as log:
        worker = children.spawn(command, log=log, cwd=folder, environ=environ)
        try:
            reference = Reference(store, app, {"workers": worker.pid, "server": server.pid or worker.pid})
            # The first task of each process is not the measured one.
            reference.push(
                [{"id": f"warm{n}", "text": f"warm up {n}"} for n in range(8 * workers)], batch=1, timeout=60
            )
            yield reference
        finally:
            children.stop(worker, patience=20)
            app.close()
            store.close()
            server.close()
