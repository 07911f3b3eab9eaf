"""Waiting for what must come true, however slow the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(ask: Callable[[], T], *, within: float = 120.0, pause: float = 0.05) -> T:
    """Ask until the answer is true, and return it; after ``within`` seconds the test has failed."""
    deadline = time.monotonic() + within
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"not within {within:g} s; the last answer was {answer!r}"
        time.sleep(pause)
    return answer
