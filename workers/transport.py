"""kombu's Redis transport, but for list items that are no message: they reach the consumer as one with an error.

As it is, an item that cannot be read ends the worker that took it, and is gone.
"""

from __future__ import annotations

import sys
from typing import Any
from uuid import uuid4

import kombu.transport
from kombu import message as plain
from kombu.transport import redis
from kombu.transport.virtual import base

from workers import handover


class Message(base.Message):
    """A message whose constructor never fails; what is wrong is in ``errors``, what came in ``body``."""

    def __init__(self, payload: Any, channel: Any = None, **options: Any) -> None:
        try:
            super().__init__(payload, channel=channel, **options)
            # The bookkeeping of unacknowledged messages counts on these.
            _ = self.delivery_info["exchange"], self.delivery_info["routing_key"], self.delivery_tag + ""
            if not isinstance(self.headers, dict) or not isinstance(self.body, bytes):
                raise TypeError("headers must be an object and the body a string")
        except Exception:
            self._raw = payload
            nowhere = {"exchange": "", "routing_key": ""}
            plain.Message.__init__(
                self, body=payload, channel=channel, delivery_tag=str(uuid4()), delivery_info=nowhere
            )
            self.errors = [sys.exc_info()]


class Channel(handover.Channel):
    """kombu's channel, which hands on what is not JSON, too."""

    Message = Message

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except UnicodeDecodeError as error:
            return self._hand_on(error.object.decode("utf-8", "backslashreplace"))
        except ValueError as error:
            if not hasattr(error, "doc"):
                raise
            return self._hand_on(error.doc)
        except RecursionError:
            return self._hand_on("nested too deeply to be read")

    def _hand_on(self, raw: str) -> bool:
        self.connection._deliver(raw, next(iter(self.connection._callbacks)))
        return True


class Transport(redis.Transport):
    """Transport of ``redis://``, ``rediss://`` and ``redis+socket://`` URLs in our workers."""

    Channel = Channel


def install() -> None:
    """Make kombu use it in this process."""
    for scheme in ("redis", "rediss"):
        kombu.transport.TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
