"""Prometheus metrics: what this process served, and how the service as a whole stands.

Counts of requests live in the process (or, with several API processes, in the directory that
``PROMETHEUS_MULTIPROC_DIR`` names, which :mod:`dedup.api.__main__` sets).  Everything else is read from the
store when scraped, so that it is the same whichever process answers.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from dedup.store.meters import Totals
from dedup.views import StatusView

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


_FOLDER = "dedup-metrics-"
#: Seconds after which a folder that nobody holds was left by somebody who was killed, not made by somebody who starts.
_LEFT = 60.0


@contextmanager
def shared_folder(within: Path | None = None) -> Iterator[Path]:
    """Make the folder in which the API processes of one server share their counts; it goes when the block ends.

    A lock on it goes with the process that made it, however that ends: folders left by killed ones are removed first.
    ``within`` is the system's folder for temporary files when missing.
    """
    place = within or Path(tempfile.gettempdir())
    for left in place.glob(f"{_FOLDER}*"):
        with suppress(OSError):  # it is somebody else's, or somebody else removes it
            if left.stat().st_mtime < time.time() - _LEFT:
                with _held(left):
                    shutil.rmtree(left)
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=place))
    try:
        with _held(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the lock on a folder; raises ``OSError`` when another process does."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


class HttpMetrics:
    """Requests served by the API, by method, route template and status."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "dedup_http_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "dedup_http_seconds", "Time to answer.", ["route"], buckets=_BUCKETS, registry=self.registry
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        method = method if method in _METHODS else "(other)"
        self._requests.labels(method, route, str(status)).inc()
        if not route.endswith("/changes"):  # an event stream lasts as long as its reader
            self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """Return the exposition format; of all API processes when there are several."""
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)
            return generate_latest(registry)
        return generate_latest(self.registry)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


class MemoryMeter:
    """Memory of the store by kind, measured at most once in :data:`LIFE` seconds however often it is asked for."""

    #: Seconds for which a measurement holds.
    LIFE = 60.0

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._due = 0.0
        self._found: Mapping[str, int] = {}

    async def read(self, measure: Callable[[], Awaitable[Mapping[str, int]]]) -> Mapping[str, int]:
        """Return the last measurement, or that of ``measure`` when the last is too old."""
        async with self._lock:
            if time.monotonic() >= self._due:
                self._found = await measure()
                self._due = time.monotonic() + self.LIFE
            return self._found


def service_text(status: StatusView, totals: Totals, memory: Mapping[str, int]) -> bytes:
    """Return the exposition format of how the service stands, what it has done, and its memory by kind of key."""
    registry = CollectorRegistry()
    registry.register(_Service(status, totals, memory))
    return generate_latest(registry)


class _Service(Collector):
    """A collector over one reading of the store."""

    def __init__(self, status: StatusView, totals: Totals, memory: Mapping[str, int]) -> None:
        self._status, self._totals, self._memory = status, totals, memory

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families."""
        yield from self._standing()
        yield from self._done()

    def _standing(self) -> Iterator[Metric]:
        status = self._status
        oldest = status.oldest_pending_seconds or 0
        plain = (
            ("dedup_articles", "Articles in the store.", status.articles),
            ("dedup_stories", "Stories.", status.stories),
            ("dedup_groups", "Duplicate groups.", status.groups),
            ("dedup_queue_length", "Messages that wait for a worker.", status.queue),
            ("dedup_oldest_pending_seconds", "Age of the oldest article without a story.", oldest),
            ("dedup_dead_letters", "Messages that could not be processed.", status.dead),
            ("dedup_workers", "Worker processes seen alive.", status.workers),
            ("dedup_store_memory_bytes", "Memory the store uses.", status.memory_bytes),
        )
        for name, text, value in plain:
            yield GaugeMetricFamily(name, text, value=float(value))
        # The queue, when it is on the same server; its connections; the server itself.
        other = max(0, status.memory_bytes - sum(self._memory.values()))
        kinds = {**self._memory, "other": other}
        yield _labelled("dedup_store_kind_bytes", "Memory of the store by kind of key, from a sample.", "kind", kinds)
        yield _labelled("dedup_pending", "Articles admitted, story not decided yet.", "lang", status.pending)
        held = dict.fromkeys(status.lease_holder, 1.0)
        yield _labelled("dedup_lease_held", "1 where a worker holds the assignment lease.", "lang", held)
        yield _labelled("dedup_rate", "Articles a second over the last minute.", "stage", status.rates)

    def _done(self) -> Iterator[Metric]:
        for name, text in (("ingested", "Articles taken in, again for each revision."), ("dead", "Dead letters made.")):
            yield CounterMetricFamily(f"dedup_{name}", text, value=float(self._totals.counts.get(name, 0)))
        changes = CounterMetricFamily("dedup_changes", "Events of the change feed, by kind.", labels=["kind"])
        for kind, number in sorted(self._totals.changes.items()):
            changes.add_metric([kind], float(number))
        yield changes
        stages = HistogramMetricFamily(
            "dedup_stage_seconds",
            "Time an article took: ingest, of the batch it was sketched and admitted in; decide, until its story was.",
            labels=["stage"],
        )
        for stage, histogram in self._totals.stages.items():
            buckets = [(bound, float(number)) for bound, number in histogram.buckets]
            stages.add_metric([stage], buckets, histogram.seconds)
        yield stages


def _labelled(name: str, text: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], float(value))
    return family
