"""The pool of ingest processes: one that was killed is noticed within half a second, and its message put back."""

from __future__ import annotations

from collections.abc import Callable

from celery.concurrency import prefork
from celery.concurrency.asynpool import AsynPool

#: Seconds between two looks at who has ended.
LOOK = 0.5


class Pool(AsynPool):
    """Celery's pool, but for how often it looks whether processes have ended.

    It is told by a pipe that closes with the process, asks the kernel at once, and is often answered that the process
    still lives: pipes close a moment earlier.  Then it would ask again after five seconds.
    """

    @property
    def timers(self) -> dict[Callable[[], None], float]:
        """What the event loop calls, and how often."""
        return {self.maintain_pool: LOOK}


class TaskPool(prefork.TaskPool):
    """Celery's prefork pool over :class:`Pool`."""

    Pool = Pool
