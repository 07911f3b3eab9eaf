"""The Celery app with one change: an article that says POISON kills the process that prepares it, as a crash would."""

from __future__ import annotations

import os
import signal

from dedup.service import ingest
from workers.app import app

_prepare = ingest.prepare


def prepare(articles, *args, **kwargs):
    if any("POISON" in article.text for article in articles):
        os.kill(os.getpid(), signal.SIGKILL)
    return _prepare(articles, *args, **kwargs)


ingest.prepare = prepare

__all__ = ["app"]
