"""Run the service: store, workers, scheduler and HTTP as child processes of one that watches them.

A child that dies is started again, after a pause that grows while it keeps dying.  A stop is
orderly: HTTP first, the store last.  Should this process be killed outright, the kernel ends
its children (on Linux; see :mod:`dedup.store.children`).
"""

from __future__ import annotations

import errno
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import IO, Any
from urllib.error import URLError
from urllib.request import urlopen

from dedup.errors import StoreUnavailable
from dedup.service.broker import ASSIGN, INGEST, NIGHTLY, broker_url
from dedup.settings import Settings
from dedup.store import children
from dedup.store.embedded import EmbeddedServer

PARTS = ("store", "workers", "scheduler", "api")
#: Seconds given to a child to finish what it does; a worker finishes its batch.
PATIENCE = 20.0
#: Pauses in seconds before a child is started again; a life of :data:`HEALTHY` seconds starts over.
PAUSES = (0.1, 0.5, 1, 2, 5, 10, 30)
HEALTHY = 30.0

log = logging.getLogger(__name__)


@dataclass
class _Child:
    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    due: float = 0.0


class Supervisor:
    """Everything ``dedup serve`` runs.

    Parameters
    ----------
    settings:
        The settings; children get them whole.
    only:
        Parts to run: ``store``, ``workers``, ``scheduler``, ``api``; all when missing.  What is left
        out is found by its URL.  An embedded store is kept running whatever the parts.
    port:
        Port of the HTTP API; that of the settings when missing, 0 picks a free one.
    app:
        Module of the Celery app.
    log:
        Where the children write; the standard error of this process when missing, for its standard
        output belongs to the answers.

    Examples
    --------
    >>> with Supervisor(Settings(), only=("store", "workers")) as running:  # doctest: +SKIP
    ...     running.wait_ready()
    """

    def __init__(
        self,
        settings: Settings,
        *,
        only: Sequence[str] | None = None,
        port: int | None = None,
        app: str = "workers.app",
        log: IO[bytes] | None = None,
    ) -> None:
        self.settings = settings
        self.parts = tuple(only) if only else PARTS
        self.port = settings.api.port if port is None else port
        self.app = app
        self._log = log or os.fdopen(2, "wb", closefd=False)
        self.server: EmbeddedServer | None = None
        self._children: list[_Child] = []
        self._stopping = threading.Event()
        self._watcher: threading.Thread | None = None
        self._started_ms = 0

    @property
    def url(self) -> str:
        """Address of the HTTP API."""
        host = self.settings.api.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def processes(self) -> dict[str, int]:
        """Process ids of the children that run, by name."""
        running = {one.name: one.process.pid for one in self._children if one.process and one.process.poll() is None}
        if self.server is not None and self.server.pid is not None:
            running["store"] = self.server.pid
        return running

    def start(self) -> None:
        """Start the parts, the store first.

        Raises
        ------
        DedupError
            The store cannot be started or must not be used.
        """
        self._stopping.clear()
        self._started_ms = time.time_ns() // 1_000_000
        url = self.settings.store.url
        self.server = EmbeddedServer.of(self.settings.store)
        if self.server is not None:
            self.server.ensure()
            url = self.server.url
        self._check_store()
        self._children = list(self._plan(broker_url(self.settings, url)))
        for child in self._children:
            self._launch(child, url)
        self._watcher = threading.Thread(target=self._watch, args=(url,), name="dedup-supervisor", daemon=True)
        self._watcher.start()

    def wait_ready(self, timeout: float = 180.0) -> None:
        """Wait until workers have signed in and the API is ready to serve.

        Raises
        ------
        StoreUnavailable
            They have not within ``timeout`` seconds.
        """
        from dedup.service import Service

        deadline = time.monotonic() + timeout
        wanted = {child.name for child in self._children if child.name in ("ingest", "assign")}
        with Service.open(settings=self.settings) as service:
            while True:
                signed = {name.split("@")[0] for name in service.worker_names(since_ms=self._started_ms)}
                if wanted <= signed and ("api" not in self.parts or self._answers()):
                    return
                if time.monotonic() > deadline or self._stopping.is_set():
                    missing = sorted(wanted - signed) or ["api"]
                    raise StoreUnavailable(f"not ready after {timeout:g} s: {', '.join(missing)}; see the log")
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop everything in order; returns when no child is left."""
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None
        # Nobody new comes in, then the queue is worked on no more, then the store closes its file.
        for child in reversed(self._children):
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()
        for child in self._children:
            if child.process is not None:
                children.stop(child.process, patience=PATIENCE)
        self._children = []
        if self.server is not None:
            self.server.close()

    def run(self) -> None:
        """Start, say where, and stop at Ctrl-C or SIGTERM."""
        stop = threading.Event()

        def on_signal(_number: int, _frame: FrameType | None) -> None:
            stop.set()

        before: dict[int, Any] = {
            number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            self.start()
            print(f"store    {self.server.url if self.server else self.settings.store.url}", flush=True)
            if "api" in self.parts:
                print(f"http     {self.url}", flush=True)
            self._wait_ready_or(stop)
            if not stop.is_set():
                print("ready    stop with Ctrl-C", flush=True)
            stop.wait()
            print("stopping", flush=True)
        finally:
            self.stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def __enter__(self) -> Supervisor:
        try:
            self.start()
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_ready_or(self, stop: threading.Event) -> None:
        waiter = threading.Thread(target=_quietly, args=(self.wait_ready,), daemon=True)
        waiter.start()
        while waiter.is_alive() and not stop.is_set():
            waiter.join(0.1)

    def _check_store(self) -> None:
        from dedup.service import Service

        with Service.open(settings=self.settings) as service:
            for warning in service.warnings:
                log.warning("%s", warning)

    def _plan(self, broker: str) -> Sequence[_Child]:
        level = self.settings.log.level
        celery = [sys.executable, "-m", "celery", "--quiet", "-A", self.app]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", level]
        # The kernels use one thread in a worker; the processes are the parallelism.
        count = self.settings.workers.concurrency or max(1, (os.cpu_count() or 2) - 1)
        planned: list[_Child] = []
        if "workers" in self.parts:
            # One queue a worker: see workers/handover.py. A message more a process is at hand: to acknowledge one
            # and take the next is four round trips to a busy store.
            ingest = ["-Q", INGEST, "-c", str(count), "-n", "ingest@%h", "-P", "prefork", "--prefetch-multiplier", "2"]
            planned.append(_Child("ingest", [*celery, "worker", *ingest, *quiet]))
            planned.append(_Child("assign", [*celery, "worker", "-Q", ASSIGN, "-n", "assign@%h", "-P", "solo", *quiet]))
        if "scheduler" in self.parts:
            if self.settings.nightly.enabled:
                # Where the scheduler runs, and the workers perhaps do not: somebody must do what it asks for.
                alone = ["-Q", NIGHTLY, "-n", "nightly@%h", "-P", "solo"]
                planned.append(_Child("nightly", [*celery, "worker", *alone, *quiet]))
            planned.append(_Child("beat", [*celery, "beat", "-S", "celery.beat:Scheduler", "--pidfile=", "-l", level]))
        if "api" in self.parts:
            self.port = self.port or free_port(self.settings.api.host)
            where = ["--host", self.settings.api.host, "--port", str(self.port)]
            planned.append(_Child("api", [sys.executable, "-m", "dedup.api", *where]))
        return planned

    def _launch(self, child: _Child, store_url: str) -> None:
        environ = dict(os.environ) | environment(self.settings, store_url)
        # Celery warns every user root of pickle, which no worker of ours accepts.
        environ.setdefault("PYTHONWARNINGS", "ignore:You're running the worker with superuser")
        child.process = children.spawn(child.command, log=self._log, environ=environ)
        child.started = time.monotonic()

    def _watch(self, store_url: str) -> None:
        while not self._stopping.wait(0.1):
            if self.server is not None:
                _quietly(self.server.ensure)
            for child in self._children:
                if child.process is None or child.process.poll() is None:
                    continue
                now = time.monotonic()
                if child.due <= child.started:
                    child.deaths = 0 if now - child.started > HEALTHY else child.deaths
                    child.due = now + PAUSES[min(child.deaths, len(PAUSES) - 1)]
                    child.deaths += 1
                    log.warning("%s ended with %s; started again", child.name, child.process.returncode)
                elif now >= child.due and not self._stopping.is_set():
                    self._launch(child, store_url)

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/readyz", timeout=2):
                return True
        except (URLError, OSError):
            return False


def environment(settings: Settings, store_url: str) -> dict[str, str]:
    """Variables that give ``settings`` to a child process, the store at ``store_url``."""
    import orjson

    found: dict[str, str] = {}
    for section, values in settings.model_dump(exclude_defaults=True).items():
        if isinstance(values, dict):
            for name, value in values.items():
                found[f"DEDUP_{section}__{name}".upper()] = (
                    value if isinstance(value, str) else orjson.dumps(value).decode()
                )
        elif values is not None:
            found[f"DEDUP_{section}".upper()] = str(values)
    found["DEDUP_STORE__URL"] = store_url
    return found


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on, below those that the kernel gives to connections made meanwhile.

    Raises
    ------
    OSError
        If ``host`` is no address of this machine.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return port


def _quietly(action: Callable[[], None]) -> None:
    try:
        action()
    except Exception as error:
        log.error("%s", error)
