"""The tasks.  Each is safe to run twice, and acknowledged after its commit."""

from __future__ import annotations

import random
import time
from typing import Any

from celery import Task
from celery.exceptions import Reject
from celery.utils.log import get_task_logger

from dedup import tracing
from dedup.errors import DedupError, StoreFull, StoreUnavailable
from dedup.service import broker
from dedup.service.broker import ASSIGN, INGEST, NIGHTLY
from workers.app import app
from workers.process import service

#: Seconds of deciding in one task: under a steady stream no language would ever be done, and the others would wait.
TURN = 0.25
#: Seconds between two looks for what came: decided together, it costs half of what it costs alone.
LINGER = 0.03

log = get_task_logger(__name__)


@app.task(name=INGEST, bind=True, Request="workers.consumer:LeanRequest")
def ingest(self: Task, articles: Any = None, *extra: Any, **named: Any) -> None:
    """Admit a list of articles, each an object as ``Article.to_dict`` gives it.

    What is no article becomes a dead letter with its reason; the others go on.
    """
    if extra or named or not isinstance(articles, list):
        raw = {"args": [articles, *extra], "kwargs": named} if extra or named else articles
        service().bury([raw], "dedup.ingest takes one argument, a list of articles")
        return
    headers = vars(self.request)
    with _PutBack(), tracing.span("ingest", carrier=tracing.carrier(headers), articles=len(articles)):
        service().ingest_message(self.request.id, articles, **broker.accepted(headers))


@app.task(name=ASSIGN, bind=True, ignore_result=True)
def assign(self: Task, *_: Any, **__: Any) -> None:
    """Decide what is pending, of all languages: while one waits for more, another may have it."""
    with _PutBack(quietly=True), tracing.span("assign", carrier=tracing.carrier(vars(self.request))):
        # In turns: between two the worker gives a sign of life and takes what else was asked of it.
        service().assign(seconds=TURN, linger=LINGER)
        service().wake()


@app.task(name=NIGHTLY, acks_late=False, ignore_result=True)
def nightly(*_: Any, **__: Any) -> None:
    """Run the nightly job; a run that died goes on where it was at the next call."""
    try:
        service().nightly()
    except DedupError as error:
        log.error("nightly: %s", error)


class _PutBack:
    """Put the message back when the store is away or full; drop it when a later one does the same work."""

    def __init__(self, *, quietly: bool = False) -> None:
        self._quietly = quietly

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> bool:
        if not isinstance(error, DedupError):
            return False
        log.warning("%s", error)
        if self._quietly:
            return True
        if isinstance(error, StoreUnavailable | StoreFull):
            # Slow down: the message comes back at once, to us or to another worker.
            time.sleep(random.uniform(0.5, 2.0))
        raise Reject(str(error), requeue=True) from error
