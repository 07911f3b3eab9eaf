"""What beat sends, and when."""

from __future__ import annotations

from typing import Any

from celery.schedules import crontab

from dedup.service.broker import ASSIGN, NIGHTLY
from dedup.settings import Settings


def schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    """The beat schedule: a safety tick of the drain, and the nightly job.

    Ticks expire, so that they do not pile up while nobody listens.  Beat may fire twice: a
    drain that finds nothing costs nothing, and a nightly run claims its period.
    """
    tick = settings.workers.tick_seconds
    plan: dict[str, dict[str, Any]] = {
        "safety tick of the drain": {"task": ASSIGN, "schedule": tick, "options": {"expires": tick}}
    }
    if settings.nightly.enabled:
        hour, minute = settings.nightly.at.split(":")
        plan["nightly"] = {"task": NIGHTLY, "schedule": crontab(hour=int(hour), minute=int(minute))}
    return plan
