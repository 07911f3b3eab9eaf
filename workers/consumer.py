"""A consumer that keeps what it cannot read: no message vanishes with a line in a log."""

from __future__ import annotations

from typing import Any

from celery.worker import consumer


class Consumer(consumer.Consumer):
    """Celery's consumer, but for messages that are no task of ours: they become dead letters."""

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Not JSON, or not JSON that can be read."""
        self._bury(message, f"not a message that can be read: {exc}")

    def on_unknown_message(self, body: Any, message: Any) -> None:
        """Not a Celery message."""
        self._bury(message, "not a Celery message")

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        """A task of somebody else."""
        self._bury(message, f"no task of that name: {exc}")

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        """A Celery message with wrong fields."""
        self._bury(message, f"not a task message: {exc}")

    def _bury(self, message: Any, reason: str) -> None:
        from workers.tasks import service

        body = message.body
        raw = body.decode("utf-8", "backslashreplace") if isinstance(body, bytes) else body
        service().bury([raw], reason[:500])
        message.ack()
