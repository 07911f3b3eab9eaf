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
from types import TracebackType
from uuid import uuid4

from dedup.errors import DedupError, FencedOut
from dedup.store import keys, scripts
from dedup.store.connection import Connection
from dedup.store.faults import StaleCommit
from dedup.store.records import Event, PendingEntry

#: Lives of a lease without a commit after which its holder is taken to be stuck.
STUCK = 40


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
        self._next: list[bytes] | None = None

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
        items, self._next = self._next, None
        if items is None:
            items = self._connection.one("LRANGE", keys.pending(self.lang), 0, limit - 1)
        return [PendingEntry.unpack(item) for item in items]

    def commit(
        self, decided: int, commands: Sequence[scripts.Command], events: Sequence[Event], *, ahead: int = 0
    ) -> None:
        """Write decisions and their events, and take ``decided`` entries off the pending list; all or nothing.

        ``ahead``: in the same round trip read so many entries, for the next call of :meth:`pending`.

        Raises
        ------
        FencedOut
            A newer lease was given out; nothing was written.
        """
        expected = self.position
        self._progress = time.monotonic()
        command = scripts.commit(
            self.lang,
            token=self.token,
            position=expected,
            decided=decided,
            commands=commands,
            events=events,
        )
        self._next = None
        step = [command, ("LRANGE", keys.pending(self.lang), 0, ahead - 1)] if ahead else [command]
        try:
            position, *following = self._connection.execute(step)
            self.position = int(position)
            self._next = following[0] if following else None
        except StaleCommit:
            # The answer to our own commit was lost and it was sent again: nobody else has this token.
            self.position = expected + max(1, decided)
            if int(self._connection.one("GET", keys.position(self.lang)) or 0) != self.position:
                raise

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


def take_within(connection: Connection, lang: str, holder: str, *, life: float, seconds: float) -> Lease | None:
    """Take the lease as :func:`take` does, as soon as it is free; ``None`` when it is not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while (lease := take(connection, lang, holder, life=life)) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return lease
