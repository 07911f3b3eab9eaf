"""Every error this package raises on purpose, as one small hierarchy.

Each message names the thing, its value, and what to do about it.  The rims
translate: the command line prints the message and picks an exit code, the HTTP
API answers ``application/problem+json``, the queue writes a dead letter.
"""

from __future__ import annotations


class DedupError(Exception):
    """Base of all errors raised on purpose by :mod:`dedup`."""


class ArticleError(DedupError):
    """An article that cannot be accepted.

    Parameters
    ----------
    reason:
        What is wrong and what would be right, in one sentence.
    field:
        The field at fault (``"text"``, ``"published_at"`` …), when one is.
    origin:
        Where the article came from, such as ``"news.jsonl:3"``.
    """

    def __init__(self, reason: str, *, field: str | None = None, origin: str | None = None) -> None:
        self.reason = reason
        self.field = field
        self.origin = origin
        where = f"{origin}: " if origin else ""
        what = f"{field}: " if field else ""
        super().__init__(f"{where}{what}{reason}")

    def at(self, origin: str) -> ArticleError:
        """Return the same error, placed at ``origin`` (file and line)."""
        return ArticleError(self.reason, field=self.field, origin=origin)


class InputError(DedupError):
    """An input (file, folder, stream) that cannot be read at all."""


class SettingsError(DedupError):
    """A setting whose name or value is not valid."""


class NotFound(DedupError):
    """No article, story or dead letter of that id."""


class StoreError(DedupError):
    """The store cannot do what was asked of it."""


class StoreUnavailable(StoreError):
    """The store or the broker does not answer."""


class StoreRefused(StoreError):
    """The store answers, but must not be used as it is (version, eviction policy …)."""


class StoreFull(StoreError):
    """The store has no room left (``maxmemory`` with ``noeviction``)."""


class FencedOut(StoreError):
    """A commit carried a fencing token that is no longer the newest."""


class Backpressure(DedupError):
    """The queue is longer than its limit; push again later."""
