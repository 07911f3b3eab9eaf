"""The one façade: what the command line, the HTTP API, the workers and your program call.

:class:`Service` is synchronous, :class:`dedup.service.AsyncService` the same for asyncio; both drive the
plans of :mod:`dedup.service.queries` and :mod:`dedup.service.listing`, so that they share every answer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Unpack

from dedup.article import Article
from dedup.errors import DedupError, StoreUnavailable
from dedup.log import trail
from dedup.outlets import load_outlets
from dedup.service import broker, ingest, listing
from dedup.service.drain import Drain
from dedup.service.intake import Intake
from dedup.service.listing import Filters, Which
from dedup.service.match import Matcher, pair
from dedup.service.queries import Reader
from dedup.service.waiting import Version, Wait, check, pause
from dedup.settings import CanonicalPolicy, Settings
from dedup.store import checks, deadletters, expiry, feed, keys, scripts
from dedup.store.connection import Connection
from dedup.views import (
    ArticleView,
    Change,
    DeadLetter,
    DuplicateView,
    Evidence,
    MatchView,
    Page,
    Receipt,
    Sort,
    StatusView,
    StoryView,
    Waited,
)

Progress = Callable[[int], None]

#: Messages between two looks at the store's clock.
_LOOK_EVERY = 8


class Service:
    """Articles in, stories out.

    Use :meth:`open`.  One instance may be used by several threads.

    Examples
    --------
    >>> with Service.open("embedded:news") as service:  # doctest: +SKIP
    ...     service.ingest([{"id": "a", "text": "Fire in Hue."}])
    ...     service.assign()
    ...     service.article("a").story_id
    """

    def __init__(self, settings: Settings, connection: Connection) -> None:
        from dedup.vectors.packing import VERSION

        self.settings = settings
        self.connection = connection
        self.reader = Reader(settings, load_outlets(settings.outlets))
        self.warnings = tuple(connection.run(checks.check(settings, feature_version=VERSION)))
        self.pushed: dict[str, Version] = {}

    @classmethod
    def open(cls, url: str | None = None, *, settings: Settings | None = None) -> Service:
        """Open the service on a store.

        Parameters
        ----------
        url:
            ``embedded:PATH``, ``redis://…``, ``rediss://…`` or ``unix://…``; that of the settings when missing.
        settings:
            All settings; read from the environment when missing.

        Raises
        ------
        StoreUnavailable
            The store does not answer.
        StoreRefused
            It must not be used as it is; the message says why and what to do.
        """
        settings = settings or Settings.load()
        if url is not None:
            settings = settings.model_copy(update={"store": settings.store.model_copy(update={"url": url})})
        connection = Connection(settings.store)
        try:
            return cls(settings, connection)
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Close the connections; stop the embedded store if this service started it."""
        if "app" in self.__dict__:
            self.app.close()
        self.connection.close()

    def __enter__(self) -> Service:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def app(self) -> Any:
        """The Celery app that reaches the queue."""
        return broker.celery_app(self.settings, broker.broker_url(self.settings, self.connection.url))

    @cached_property
    def _room(self) -> broker.Room:
        return broker.Room(self.app, self.settings.queue.limit)

    @cached_property
    def _intake(self) -> Intake:
        return Intake(self.connection, self.settings)

    @cached_property
    def _drain(self) -> Drain:
        return Drain(self.connection, self.settings, self.reader.trust)

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher(self.settings)

    # Articles in -------------------------------------------------------------------------------

    def push(
        self,
        articles: Iterable[Article | Mapping[str, Any]],
        *,
        wait: bool | float = False,
        progress: Progress | None = None,
        batch: int | None = None,
    ) -> Receipt:
        """Put articles on the queue; when this returns, the broker has them.

        Parameters
        ----------
        articles:
            Articles, or objects as JSON has them; what is no article is refused and the others go on.
        wait:
            Seconds to wait until all are visible (``True``: ten minutes), or something else became of them, which
            the receipt says.
        progress:
            Called with the number of articles newly visible (newly queued, without ``wait``).
        batch:
            Articles in one message; ``queue.batch`` when missing.

        Raises
        ------
        Backpressure
            The queue stayed longer than its limit; what the receipt would have named so far is on the queue.
        StoreUnavailable, StoreFull
            The broker does not answer, or has no room.
        DedupError
            Not all were visible in time, or some became dead letters.
        """
        # All are read before any is sent, and each is validated when it is sent: workers need not wait for the last.
        refused: list[ingest.Refused] = []
        sound = ingest.sift(list(articles), refused)
        size = batch or self.settings.queue.batch
        clock: int | None = None
        accepted: list[str] = []
        for count, part in enumerate(broker.messages(sound, size)):
            self._room.take(len(part), size=size)
            if count % _LOOK_EVERY == 0:
                clock = self._clock()
            # Of two versions in one push the later one counts; sending takes longer than the microsecond between them.
            accepted_us = None if clock is None else clock + count % _LOOK_EVERY
            broker.send(self.app, broker.INGEST, [[one.to_dict() for one in part]], accepted_us=accepted_us)
            self._remember(part, accepted_us)
            names = [one.id for one in part]
            trail("pushed", names)
            accepted += names
            if progress is not None and not wait:
                progress(len(part))
        receipt = Receipt(tuple(accepted), tuple(one.rejection() for one in refused))
        if wait and receipt.accepted:
            seconds = 600.0 if wait is True else float(wait)
            waited = self.wait(receipt.accepted, timeout=seconds, progress=progress)
            check(waited, seconds)
            receipt = replace(receipt, waited=waited)
        return receipt

    def wait(self, ids: Iterable[str], timeout: float = 600.0, progress: Progress | None = None) -> Waited:
        """Wait until articles have their story, or it is known why they will not; say which, and how.

        An article this service pushed counts when that version is visible, or one that the queue took later.
        One that was taken down since, or became a dead letter, is not waited for.
        """
        deadline = time.monotonic() + timeout
        wait = Wait.of(ids, self.pushed)
        seen = time.monotonic()
        while True:
            late = time.monotonic() > deadline
            new = self.connection.run(wait.look(thorough=late))
            if progress is not None and new:
                progress(new)
            if not wait.pending or late:
                return wait.result()
            now = time.monotonic()
            seen = now if new else seen
            time.sleep(min(pause(now - seen), max(0.0, deadline - now)))

    def ingest(self, records: Iterable[Article | Mapping[str, Any] | Any]) -> Receipt:
        """Validate, sketch, featurise and admit articles in this process: what a worker does with a message.

        What is no article becomes a dead letter.  Stories are decided by :meth:`assign`.
        """
        return self._intake.ingest(records)

    def ingest_message(self, message: str, records: Sequence[Any], *, accepted_us: int | None = None) -> None:
        """Ingest one queue message, and wake the drain.

        Delivered again after its worker died, its articles go one by one, each noted before it is
        tried: the one that kills its worker ``queue.tries`` times becomes a dead letter.  What was taken
        down after the queue took the message (``accepted_us``, by the store's clock) is passed over.
        """
        waiting = self._intake.take(message, records, accepted_us=accepted_us, idle_ms=self._idle_ms)
        self._ask_for_drain(waiting)

    def bury(self, raws: Iterable[Any], reason: str, *, tries: int = 1) -> None:
        """Make dead letters of messages or articles."""
        self._intake.bury(raws, reason, tries=tries)

    def wake(self) -> None:
        """Ask for a drain of every language that waits and has not been asked for lately."""
        waiting = self.connection.one(*scripts.wake(life_ms=self._idle_ms))
        self._ask_for_drain(lang.decode() for lang in waiting)

    def assign(self, lang: str | None = None, *, seconds: float = math.inf, linger: float = 0.0) -> int:
        """Decide groups and stories of what is pending, in this process; return the number of entries decided.

        Languages whose lease somebody else holds are left to them.  ``seconds``: stop after about so long;
        ``linger``: as long as articles come, decide every so many seconds what came meanwhile.
        """
        done = self._drain.run([lang] if lang else None, seconds=seconds, linger=linger)
        if done:
            self._intake.count("assigned", done)
        return done

    def delete(self, article_id: str) -> bool:
        """Take an article down: its text and index entries now, its membership with the next drain.

        Versions of it that :meth:`push` took before this, and that no worker has admitted yet, never
        appear; what is pushed after this does.  Returns whether an article of that id was there.
        """
        lang = self.connection.one(*scripts.remove(article_id, now_ms=time.time_ns() // 1_000_000))
        if lang is None:
            return False
        self.assign(lang.decode())
        return True

    @property
    def _idle_ms(self) -> int:
        """For how long nobody else is asked to drain a language of which somebody was asked."""
        return round(self.settings.workers.tick_seconds * 1000)

    def _ask_for_drain(self, languages: Iterable[str]) -> None:
        for lang in languages:
            broker.send(self.app, broker.ASSIGN, [lang])

    def _clock(self) -> int | None:
        """Now by the store's clock; not known while the store is away, for which the queue need not wait."""
        try:
            now_us: int = self.connection.one(*scripts.clock())
        except StoreUnavailable:
            return None
        return now_us

    def _remember(self, articles: Iterable[Article], accepted_us: int | None) -> None:
        self.pushed.update((article.id, Version(article.content_hash, accepted_us)) for article in articles)
        while len(self.pushed) > 1_000_000:
            self.pushed.pop(next(iter(self.pushed)))

    # Questions ---------------------------------------------------------------------------------

    def article(
        self, article_id: str, *, canonical_policy: CanonicalPolicy | None = None, text: bool = False
    ) -> ArticleView:
        """One article and where it belongs; raises :class:`~dedup.errors.NotFound`."""
        return self.connection.run(self.reader.article(article_id, canonical_policy=canonical_policy, text=text))

    def duplicates(self, article_id: str) -> tuple[DuplicateView, ...]:
        """The other articles of the same text; raises :class:`~dedup.errors.NotFound`."""
        return self.connection.run(self.reader.duplicates(article_id))

    def story(self, story_id: str, *, canonical_policy: CanonicalPolicy | None = None) -> StoryView:
        """One story; an id that was merged answers with the survivor.  Raises :class:`~dedup.errors.NotFound`."""
        return self.connection.run(self.reader.story(story_id, canonical_policy=canonical_policy))

    def stories(
        self, *, sort: Sort = "updated", cursor: str | None = None, limit: int = 50, **which: Unpack[Which]
    ) -> Page[StoryView]:
        """A page of stories; ``which`` are the filters of :class:`~dedup.service.listing.Filters`, all optional."""
        return self.connection.run(
            listing.stories(self.reader, Filters(**which), sort=sort, cursor=cursor, limit=limit)
        )

    def compare(self, a: str, b: str) -> Evidence:
        """Why two articles are, or are not, together; raises :class:`~dedup.errors.NotFound`."""
        return self._matcher.evidence(*self.connection.run(pair(a, b)))

    def match(self, article: Article | Mapping[str, Any]) -> MatchView:
        """Have we got this?  Nothing is stored."""
        article = article if isinstance(article, Article) else Article.from_dict(article)
        return self.connection.run(self._matcher.match(article))

    def changes(self, cursor: str | None = None, limit: int = 100, block: float | None = None) -> Page[Change]:
        """Events after ``cursor``, oldest first; wait up to ``block`` seconds for the first."""
        deadline = time.monotonic() + (block or 0.0)
        while True:
            page = self.connection.run(feed.read(cursor, limit=limit))
            if page.items or time.monotonic() >= deadline:
                return page
            time.sleep(0.05)

    # Operations --------------------------------------------------------------------------------

    def dead_letters(self, cursor: str | None = None, limit: int = 50) -> Page[DeadLetter]:
        """Dead letters, the newest first."""
        return self.connection.run(deadletters.read(cursor, limit=limit))

    def dead_letter(self, letter_id: str) -> DeadLetter:
        """One dead letter; raises :class:`~dedup.errors.NotFound`."""
        return self.connection.run(deadletters.get(letter_id))

    def retry_dead(self, ids: Iterable[str] | None = None) -> int:
        """Put dead letters (all of them without ``ids``) back onto the queue; return how many."""
        count = 0
        for name in list(ids) if ids is not None else self.connection.run(deadletters.names()):
            found = self.connection.run(deadletters.get(name))
            # Who takes an article down means its dead letter too.
            accepted_us = round(found.at.timestamp() * 1e6)
            broker.send(self.app, broker.INGEST, [[found.article]], accepted_us=accepted_us)
            count += self.connection.run(deadletters.purge([name]))
        return count

    def purge_dead(self, ids: Iterable[str] | None = None) -> int:
        """Forget dead letters (all of them without ``ids``); return how many."""
        names = list(ids) if ids is not None else self.connection.run(deadletters.names())
        return self.connection.run(deadletters.purge(names))

    def status(self) -> StatusView:
        """How the service stands."""
        queue, warnings = 0, list(self.warnings)
        try:
            queue = broker.waiting(self.app, broker.INGEST)
        except DedupError as error:
            warnings.append(str(error))
        return self.connection.run(self.reader.status(store=self.connection.url, queue=queue, warnings=warnings))

    def nightly(
        self, *, dry_run: bool = False, force: bool = False, report: str | Path | None = None
    ) -> dict[str, Any]:
        """Run the nightly job; see :func:`dedup.batch.nightly.run_nightly`."""
        from dedup.batch.nightly import run_nightly

        return run_nightly(
            self.connection, self.settings, expire=self.expire, dry_run=dry_run, force=force, report=report
        )

    def expire(self, *, now_ms: int | None = None) -> dict[str, int]:
        """Let go of what is old: from matching after ``store.matching_days``, from growing stories after the window.

        Memberships, stories and texts stay.  Returns how many index segments and live representatives went.
        """
        now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        matching = now_ms - round(self.settings.store.matching_days * 86_400_000)
        growing = now_ms - round(self.settings.story.window_days * 86_400_000)
        gone = {"segments": 0, "representatives": 0}
        for lang in sorted(name.decode() for name in self.connection.one("SMEMBERS", keys.LANGUAGES)):
            gone["representatives"] += self._drain.expire(lang, matching_ms=matching, growing_ms=growing)
            gone["segments"] += self.connection.run(expiry.drop_pages(lang))
        return gone

    def sign_of_life(self, worker: str) -> None:
        """Say that a worker lives; those silent for long are forgotten."""
        now_ms = time.time_ns() // 1_000_000
        self.connection.execute(
            [("ZADD", keys.WORKERS, now_ms, worker), ("ZREMRANGEBYSCORE", keys.WORKERS, "-inf", now_ms - 600_000)]
        )

    def worker_names(self, *, since_ms: int) -> list[str]:
        """Workers that gave a sign of life since."""
        return [name.decode() for name in self.connection.one("ZRANGEBYSCORE", keys.WORKERS, since_ms, "+inf")]
