"""The fenced lease of a language, and the commits under it.

Whoever decides stories of a language holds its lease.  Each lease gets a fencing token
larger than all before; every commit carries it, and the store refuses a token that is not
the newest.  So a holder that was paused past its lease changes nothing when it wakes.
(Kleppmann, *How to do distributed locking*, 2016.)
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from uuid import uuid4

from dedup.errors import DedupError, FencedOut
from dedup.store import keys, scripts
from dedup.store.connection import Begun, Connection, Plan, together
from dedup.store.faults import StaleCommit
from dedup.store.records import Event, PendingEntry

#: Lives of a lease without a commit after which its holder is taken to be stuck.
STUCK = 40
#: Batches of entries that are read ahead: the one that is being decided, the next, and the one after it.
AHEAD = 3


class Lease:
    """A lease that was taken; use :func:`take`.

    Attributes
    ----------
    token:
        The fencing token.
    position:
        Entries of the language's pending list decided so far, as of the last commit seen.
    """

    def __init__(self, connection: Connection, lang: str, holder: str, life: float, token: int, position: int) -> None:
        self.lang = lang
        self.holder = holder
        self.token = token
        self.position = position
        self._connection = connection
        self._life_ms = round(life * 1000)
        self._renewed = self._progress = time.monotonic()
        self._known: list[PendingEntry] | None = None

    def renew(self) -> None:
        """Renew the lease if a third of its life has gone.

        Raises
        ------
        FencedOut
            It was lost.
        """
        if time.monotonic() - self._renewed < self._life_ms / 3000:
            return
        command = scripts.renew_lease(self.lang, self.holder, life_ms=self._life_ms, token=self.token)
        if not self._connection.one(*command):
            raise FencedOut(f"the lease of {self.lang} was lost")
        self._renewed = time.monotonic()

    @contextmanager
    def kept(self, *, stuck: float = STUCK) -> Iterator[None]:
        """Renew the lease meanwhile, from a thread: loading many live stories takes longer than a lease lives.

        A pause of the process pauses the thread too, so the lease runs out as it should.  Without a commit for
        ``stuck`` lives it is renewed no more: somebody else may have better luck.
        """
        done = threading.Event()
        self._progress = time.monotonic()

        def renew() -> None:
            while not done.wait(self._life_ms / 4000):
                if time.monotonic() - self._progress > stuck * self._life_ms / 1000:
                    return
                with suppress(DedupError):
                    self.renew()

        thread = threading.Thread(target=renew, name=f"lease-{self.lang}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def pending(self, limit: int) -> list[PendingEntry]:
        """The next entries to decide, in order; at most ``limit``."""
        if self._known is None:
            self._known = self._connection.run(self._after(0, AHEAD * limit))
        return self._known[:limit]

    def following(self, first: int, limit: int) -> list[PendingEntry]:
        """Entries after the next ``first`` ones, as far as they are known; at most ``limit``."""
        return (self._known or [])[first : first + limit]

    def _after(self, first: int, most: int) -> Plan[list[PendingEntry]]:
        (items,) = yield [("LRANGE", keys.pending(self.lang), first, most - 1)]
        return [PendingEntry.unpack(item) for item in items]

    def commit(self, decided: int, commands: Sequence[scripts.Command], events: Sequence[Event]) -> None:
        """Write decisions and their events, and take ``decided`` entries off the pending list; all or nothing.

        Raises
        ------
        FencedOut
            A newer lease was given out; nothing was written.
        """
        self.send(decided, commands, events).finish()

    def send(
        self, decided: int, commands: Sequence[scripts.Command], events: Sequence[Event], *, ahead: int = 0
    ) -> Commit:
        """Send a commit, and go on while it is done; finish it before the next one is sent.

        ``ahead``: with it read on in the pending list, for the next :meth:`pending` of so many entries and what is
        :meth:`following` them.
        """
        self._progress = time.monotonic()
        command = scripts.commit(
            self.lang,
            token=self.token,
            position=self.position,
            decided=decided,
            commands=commands,
            events=events,
        )
        known = self._known[decided:] if self._known is not None else None
        self._known = known
        plans = [_answer(command)]
        if ahead:
            plans.append(self._after(len(known or ()), AHEAD * ahead))
        return Commit(self, decided, self._connection.begin(together(*plans)))

    def finish(self, decided: int, begun: Begun[list[Any]]) -> None:
        """Wait until a commit that was sent is done."""
        try:
            position, *following = begun.result()
        except StaleCommit:
            # The answer to our own commit was lost and it was sent again: nobody else has this token.
            self.position += max(1, decided)
            self._known = None
            if int(self._connection.one("GET", keys.position(self.lang)) or 0) != self.position:
                raise
        else:
            self.position = int(position)
            if following:
                self._known = [*(self._known or ()), *following[0]]

    def release(self) -> None:
        """Give the lease up."""
        self._connection.one(*scripts.release_lease(self.lang, self.holder, token=self.token))

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or not issubclass(kind, FencedOut):
            self.release()


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that was sent (:meth:`Lease.send`)."""

    lease: Lease
    decided: int
    begun: Begun[list[Any]]

    def finish(self) -> None:
        """Wait until it is done.

        Raises
        ------
        FencedOut
            A newer lease was given out; nothing was written.
        """
        self.lease.finish(self.decided, self.begun)

    def drop(self) -> None:
        """Leave it, done or not: whoever takes the lease next sees."""
        self.begun.drop()


def _answer(command: scripts.Command) -> Plan[Any]:
    (reply,) = yield [command]
    return reply


def holder_name() -> str:
    """Return a name for a holder that is this process: machine, process, and something of its own."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


def take(connection: Connection, lang: str, holder: str, *, life: float) -> Lease | None:
    """Take the lease of ``lang`` for ``life`` seconds, or return ``None`` when somebody else holds it.

    ``holder`` names this process and this taking; the same name finds its own lease again.
    """
    token, position = connection.execute(
        [
            scripts.take_lease(lang, holder, life_ms=round(life * 1000)),
            ("GET", keys.position(lang)),
        ]
    )
    if not token:
        return None
    return Lease(connection, lang, holder, life, int(token), int(position or 0))
