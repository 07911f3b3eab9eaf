"""Signs of life: each worker says every few seconds that it is there."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from celery import bootsteps

from dedup.errors import DedupError
from workers.process import service

#: Seconds between two signs of life.
PERIOD = 3.0


class Heartbeat(bootsteps.StartStopStep):
    """A step of the consumer that signs while the consumer's connection stands."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        self._timer: Any = None
        super().__init__(parent, **options)

    def start(self, parent: Any) -> None:
        """Sign now, and every :data:`PERIOD` seconds."""
        name = f"{parent.hostname}:{os.getpid()}"
        self._sign(name)
        self._timer = parent.timer.call_repeatedly(PERIOD, self._sign, (name,), priority=10)

    def stop(self, parent: Any) -> None:
        """Sign no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @staticmethod
    def _sign(name: str) -> None:
        with suppress(DedupError):  # the store is away: the worker says so elsewhere, and signs again soon
            service().sign_of_life(name)
