"""A consumer that keeps what it cannot read: no message vanishes with a line in a log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery.worker import consumer
from celery.worker.request import Request

from workers.messages import fault
from workers.process import service


class Consumer(consumer.Consumer):
    """Celery's consumer, but for messages that are no task of ours: they become dead letters."""

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Any], None]:
        """Celery's handler of messages, after ours has looked at them."""
        handle = super().create_task_handler(*args, **options)

        def on_task_received(message: Any) -> None:
            reason = fault(message, self.strategies)
            if reason is None:
                handle(message)
            else:
                self._bury(message, reason)

        return on_task_received

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
        body = message.body
        raw = body.decode("utf-8", "backslashreplace") if isinstance(body, bytes) else body
        service().bury([raw], reason[:500])
        message.ack()


class LeanRequest(Request):
    """A request that is handed to a worker process once, as it came, and not decoded a second time beside it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in ("args", "kwargs"):
            self._request_dict.pop(name, None)
