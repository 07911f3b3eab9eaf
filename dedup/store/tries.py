"""How often a queue message was delivered, and which article was being processed when its worker died.

An article whose processing kills the process leaves no exception behind, only a redelivery.
So a worker notes what it is about to do before it does it.
"""

from __future__ import annotations

from dataclasses import dataclass

from dedup.store import keys, scripts
from dedup.store.connection import Plan
from dedup.store.scripts import Command

#: Seconds that the note on a message is kept.
LIFE = 24 * 3600


@dataclass(frozen=True, slots=True)
class Tries:
    """``deliveries`` counts this one; ``suspect`` was processed when the worker last died, ``deaths`` times so far."""

    deliveries: int
    suspect: int | None
    deaths: int


def begin(message: str) -> Plan[Tries]:
    """Count a delivery of a message and say what is known of earlier ones."""
    key = keys.tries(message)
    (deliveries,), at = yield [scripts.expiring(key, LIFE, ("HINCRBY", "n", 1)), ("HGET", key, "at")]
    if at is None:
        return Tries(int(deliveries), None, 0)
    (deaths,) = yield [("HGET", key, f"k:{int(at)}")]
    return Tries(int(deliveries), int(at), int(deaths or 0))


def attempt(message: str, place: int) -> Plan[None]:
    """Note that the article at ``place`` is processed next, alone."""
    key = keys.tries(message)
    yield [scripts.expiring(key, LIFE, ("HSET", "at", place), ("HINCRBY", f"k:{place}", 1))]


def end(message: str) -> Command:
    """Forget a message that is done."""
    return ("DEL", keys.tries(message))
