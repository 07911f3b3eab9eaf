"""What is verified before a store is used; what is wrong is said with what to do about it."""

from __future__ import annotations

import re
import time
from typing import Any

import orjson

from dedup.errors import StoreRefused
from dedup.settings import Settings
from dedup.store import keys
from dedup.store.connection import Plan

#: Seconds that the clocks of store and client may differ before a warning.
CLOCK_DRIFT = 30.0
_LEAST = {"redis": (7, 0), "valkey": (7, 2)}


def check(settings: Settings, *, feature_version: int) -> Plan[list[str]]:
    """Refuse a store that must not be used; return warnings about one that may.

    Parameters
    ----------
    settings:
        The sketch parameters must be those that the store was first used with.
    feature_version:
        Version of the packed feature rows of this program.

    Raises
    ------
    StoreRefused
        Server too old, an eviction policy that drops keys, another layout or other parameters.
    """
    info, clock = yield [("INFO",), ("TIME",)]
    facts = _flat(info)
    _check_version(facts)
    warnings = _check_memory(facts) + _check_persistence(facts) + _check_clock(clock)
    yield from _check_schema(settings, feature_version)
    return warnings


def server_name(info: dict[str, Any]) -> str:
    """Name and version of the server, such as ``valkey 9.1.2``."""
    facts = _flat(info)
    kind, version = _server(facts)
    return f"{kind} {version}"


def _flat(info: dict[str, Any]) -> dict[str, Any]:
    """INFO of a node; of a cluster, that of its first node."""
    first = next(iter(info.values()), None)
    return first if isinstance(first, dict) and "redis_version" in first else info


def _server(facts: dict[str, Any]) -> tuple[str, str]:
    if "valkey_version" in facts:
        return "valkey", str(facts["valkey_version"])
    return "redis", str(facts.get("redis_version", "0"))


def _check_version(facts: dict[str, Any]) -> None:
    kind, version = _server(facts)
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < _LEAST[kind]:
        least = ".".join(map(str, _LEAST[kind]))
        raise StoreRefused(f"the store is {kind} {version}; at least Redis 7.0 or Valkey 7.2 is needed (have {least})")


def _check_memory(facts: dict[str, Any]) -> list[str]:
    policy = str(facts.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction" and int(facts.get("maxmemory", 0) or 0) > 0:
        raise StoreRefused(
            f"the store may drop keys: maxmemory-policy is {policy}; set it to noeviction, or maxmemory to 0"
        )
    if policy != "noeviction":
        return [f"maxmemory-policy is {policy}; set it to noeviction before you ever set maxmemory"]
    return []


def _check_persistence(facts: dict[str, Any]) -> list[str]:
    if int(facts.get("aof_enabled", 0) or 0):
        return []
    return ["the store keeps no append-only file: what it accepts can be lost when it stops; set appendonly yes"]


def _check_clock(clock: tuple[int, int]) -> list[str]:
    drift = float(clock[0]) + float(clock[1]) / 1e6 - time.time()
    if abs(drift) > CLOCK_DRIFT:
        return [f"the clock of the store is {drift:+.0f} s from this machine's; arrival times will be wrong"]
    return []


def _check_schema(settings: Settings, feature_version: int) -> Plan[None]:
    sketch = settings.sketch
    ours = {
        "layout": keys.SCHEMA,
        "num_perm": sketch.num_perm,
        "ngram": sketch.ngram,
        "seed": sketch.seed,
        "bands": sketch.bands,
        "rows": sketch.rows,
        "features": feature_version,
    }
    wanted = orjson.dumps(ours, option=orjson.OPT_SORT_KEYS)
    _, found = yield [("SET", keys.SCHEMA_KEY, wanted, "NX"), ("GET", keys.SCHEMA_KEY)]
    if found == wanted:
        return
    try:
        theirs = orjson.loads(found)
    except orjson.JSONDecodeError:
        theirs = {}
    named = [
        f"{name} {theirs.get(name)!r}, here {value!r}" for name, value in ours.items() if theirs.get(name) != value
    ]
    raise StoreRefused(
        f"the store was written with {'; '.join(named)}: use the settings or the version it was written with, "
        "or export it there and restore it into an empty store here"
    )
