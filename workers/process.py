"""What one worker process has: its settings, its service, its beginning and its end."""

from __future__ import annotations

import gc
import os
from typing import Any

from celery.signals import worker_init, worker_process_init, worker_process_shutdown

from dedup.service import Service
from dedup.settings import Settings

#: By how much those who take articles in give way when the processor is short: answers, the store they wait for, and
#: decisions go first.
GIVE_WAY = 5

settings = Settings.load()

_service: tuple[int, Service] | None = None


def service() -> Service:
    """The service of this process; a forked child opens its own."""
    global _service
    if _service is None or _service[0] != os.getpid():
        _service = (os.getpid(), Service.open(settings=settings))
    return _service[1]


@worker_init.connect
def _unhurried(**_: Any) -> None:
    """Never take the processor from who is at work: who waits for an answer, and the store, wait less for theirs.

    And look for cycles of garbage seldom: a batch makes many objects, few of them in cycles, and what is gone through
    to find these are the live stories.
    """
    gc.set_threshold(50_000, 20, 20)
    if hasattr(os, "SCHED_BATCH"):  # on Linux; children inherit it
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


@worker_process_init.connect
def _warm(**_: Any) -> None:
    """In a pool's child: end with the parent, give way, load the compiled kernels before the first message."""
    from dedup.service.ingest import warm
    from dedup.store.children import die_with_parent

    die_with_parent()
    os.nice(GIVE_WAY)
    warm(settings)


@worker_process_shutdown.connect
def _close(**_: Any) -> None:
    if _service is not None and _service[0] == os.getpid():
        _service[1].close()
