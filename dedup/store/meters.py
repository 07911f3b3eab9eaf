"""Totals since the store was made, for Prometheus: the same whichever process is asked.

One hash, ``keys.TOTALS``, with a field for each count: ``ingested``, ``dead``, ``change:KIND`` for each kind of
change, and for each stage a histogram of seconds, ``STAGE:le:BOUND`` (not cumulative) with ``STAGE:us`` as its sum.
What a commit changes is counted in that commit, so that the totals of changes are those of the change feed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dedup.store import keys
from dedup.store.connection import Plan
from dedup.store.records import Event
from dedup.store.scripts import Command

#: Upper bounds of a histogram's buckets, in seconds; one more bucket has none.
BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Histogram:
    """How long a stage took: counts up to and with each bound (the last is all), and the sum in seconds."""

    buckets: tuple[tuple[str, int], ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Totals:
    """All totals: plain counts, changes by kind, histograms by stage."""

    counts: Mapping[str, int]
    changes: Mapping[str, int]
    stages: Mapping[str, Histogram]


def count(name: str, number: int) -> Command:
    """Count what was done."""
    return ("HINCRBY", keys.TOTALS, name, number)


def changes(events: Iterable[Event]) -> list[Command]:
    """Count changes by kind; part of the commit that makes them."""
    return [count(f"change:{kind}", number) for kind, number in sorted(Counter(e.kind for e in events).items())]


def observe(stage: str, seconds: Iterable[float]) -> list[Command]:
    """Add to a stage's histogram."""
    taken = [max(0.0, item) for item in seconds]
    buckets = Counter(_label(bisect_left(BOUNDS, item)) for item in taken)
    step = [count(f"{stage}:le:{bound}", number) for bound, number in sorted(buckets.items())]
    return [*step, count(f"{stage}:us", round(sum(taken) * 1e6))] if taken else []


def read() -> Plan[Totals]:
    """Read all totals."""
    (reply,) = yield [("HGETALL", keys.TOTALS)]
    raw = {name.decode(): int(number) for name, number in reply.items()}
    counts = {name: number for name, number in raw.items() if ":" not in name}
    kinds = {name.removeprefix("change:"): number for name, number in raw.items() if name.startswith("change:")}
    stages = {}
    for name in sorted(raw):
        stage, _, rest = name.partition(":")
        if rest == "us":
            stages[stage] = _histogram(raw, stage)
    return Totals(counts, kinds, stages)


def _histogram(raw: Mapping[str, int], stage: str) -> Histogram:
    running = 0
    buckets = []
    for place in range(len(BOUNDS) + 1):
        running += raw.get(f"{stage}:le:{_label(place)}", 0)
        buckets.append((_label(place), running))
    return Histogram(tuple(buckets), raw[f"{stage}:us"] / 1e6)


def _label(place: int) -> str:
    return f"{BOUNDS[place]:g}" if place < len(BOUNDS) else "+Inf"
