"""Logs: one line an event, for people or as JSON; never a key, never a body.

An article leaves a trail: :func:`trail` writes one event for each stage and batch, with the ids it was done to.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

from dedup.settings import LogSettings


class JsonLines(logging.Formatter):
    """One JSON object a line: ``at level logger message``, the event's own facts, and the error when there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        out: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        out |= getattr(record, "facts", {})
        if record.exc_info:
            out["error"] = self.formatException(record.exc_info)
        return orjson.dumps(out, default=str).decode()


class Console(logging.Formatter):
    """A line for people: time, level, message, and the event's own facts."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = super().format(record)
        facts = " ".join(f"{name}={value}" for name, value in getattr(record, "facts", {}).items() if value is not None)
        return f"{line}  {facts}" if facts else line


_TRAIL = logging.getLogger("dedup.articles")


def trail(stage: str, ids: Iterable[str], **facts: Any) -> None:
    """Say that a stage was done to these articles: ``pushed``, ``ingested``, ``refused``, ``decided``.

    ``passed over`` are those taken down while they were on the queue.
    """
    if _TRAIL.isEnabledFor(logging.INFO):
        listed = list(ids)
        _TRAIL.info("%s %d", stage, len(listed), extra={"facts": {"stage": stage, "ids": listed, **facts}})


def configure(settings: LogSettings) -> None:
    """Send the logs of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.format == "json" else Console())
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
    _TRAIL.setLevel(logging.INFO if settings.format == "json" else logging.WARNING)  # people need no list of ids
    for noisy in ("httpx", "httpcore", "numba", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
