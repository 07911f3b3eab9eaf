"""Messages in: what a worker does with the articles of one, whatever is wrong with them.

What is no article becomes a dead letter with its reason; so does an article that fails, or that kills its worker
``queue.tries`` times.  The others go on.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dedup.article import Article
from dedup.errors import StoreError
from dedup.log import trail
from dedup.service import ingest
from dedup.service.repeated import RepeatedLines
from dedup.settings import Settings
from dedup.store import deadletters, keys, meters, scripts, tries
from dedup.store.connection import Connection, together
from dedup.text.boilerplate import Boilerplate
from dedup.views import Receipt

#: Articles prepared at a time, and admitted by one script: it holds up everybody else, half a millisecond.
BATCH, STEP = 200, 4


class Intake:
    """Takes articles into the store, up to where they wait for their story.

    Parameters
    ----------
    connection:
        The store.
    settings:
        ``sketch``, ``store`` and ``queue.tries`` are used.
    """

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings
        self._lines = RepeatedLines()

    def ingest(
        self, records: Iterable[Article | Mapping[str, Any] | Any], *, accepted_us: int | None = None
    ) -> Receipt:
        """Validate, sketch, featurise and admit articles; what is no article becomes a dead letter.

        ``accepted_us`` is when the queue took them: those taken down since are passed over.
        """
        lines = self._connection.run(self._lines.current())
        receipt, measured = self._ingest(records, lines, accepted_us)
        self._connection.execute(measured)
        return receipt

    def take(self, message: str, records: Sequence[Any], *, accepted_us: int | None = None, idle_ms: int) -> list[str]:
        """Ingest the articles of a queue message; return the languages that somebody is to be asked to decide.

        Delivered again after its worker died, they go one by one, each noted before it is tried.  A language is not
        returned again for ``idle_ms``, unless somebody has begun to decide it.

        Beside a busy store every round trip waits for the scripts of others: what is asked or told of a message goes
        in one before its articles and one after them.
        """
        seen, lines = self._connection.run(together(tries.begin(message), self._lines.current()))
        measured: list[scripts.Command] = []
        if seen.deliveries == 1:
            measured = self._ingest_or_isolate(records, lines, accepted_us)
        else:
            start = seen.suspect or 0
            for place in range(start, len(records)):
                if place == seen.suspect and seen.deaths >= self._settings.queue.tries:
                    reason = f"processing it killed its worker {seen.deaths} times"
                    self._bury([(records[place], reason, seen.deaths)])
                    continue
                self._connection.run(tries.attempt(message, place))
                measured += self._ingest_or_isolate(records[place : place + 1], lines, accepted_us)
        *_, languages = self._connection.execute([*measured, tries.end(message), scripts.wake(life_ms=idle_ms)])
        return [lang.decode() for lang in languages]

    def bury(self, raws: Iterable[Any], reason: str, *, tries: int = 1) -> None:
        """Make dead letters of messages or articles."""
        self._bury([(raw, reason, tries) for raw in raws])

    def count(self, name: str, number: int) -> None:
        """Add to what was done in this minute, and ever."""
        self._connection.execute(_counted(name, number))

    def _ingest_or_isolate(
        self, records: Sequence[Any], lines: Boilerplate | None, accepted_us: int | None
    ) -> list[scripts.Command]:
        try:
            return self._ingest(records, lines, accepted_us)[1]
        except StoreError:
            raise
        except Exception as error:  # whatever goes wrong with one article must not stop the others
            if len(records) == 1:
                self._bury([(records[0], f"processing it failed: {type(error).__name__}: {error}"[:500], 1)])
                return []
            return [command for raw in records for command in self._ingest_or_isolate([raw], lines, accepted_us)]

    def _ingest(
        self, records: Iterable[Any], lines: Boilerplate | None, accepted_us: int | None
    ) -> tuple[Receipt, list[scripts.Command]]:
        """Take articles in; return what became of them and the commands that count them."""
        valid, refused = ingest.validate(records)
        self._bury([(one.raw, f"{one.error.field or 'article'}: {one.error.reason}", 1) for one in refused])
        started = time.perf_counter()
        for start in range(0, len(valid), BATCH):
            self._admit(valid[start : start + BATCH], lines, accepted_us)
        seconds = time.perf_counter() - started
        trail("ingested", (article.id for article in valid), seconds=round(seconds, 4))
        receipt = Receipt(tuple(article.id for article in valid), tuple(one.rejection() for one in refused))
        return receipt, [*meters.observe("ingest", [seconds] * len(valid)), *_counted("ingested", len(valid))]

    def _admit(self, articles: Sequence[Article], lines: Boilerplate | None, accepted_us: int | None) -> None:
        now_ms = time.time_ns() // 1_000_000
        prepared = ingest.prepare(articles, self._settings, now_ms=now_ms, lines=lines)
        steps = [
            (lang, listed[at : at + STEP]) for lang, listed in prepared.items() for at in range(0, len(listed), STEP)
        ]
        # One sent after the other: of what is sent together the server reads thirty kilobytes, runs all of that, and
        # only then sees to anybody else.
        replies = [
            self._connection.one(*scripts.admit(lang, s, now_ms=now_ms, accepted_us=accepted_us)) for lang, s in steps
        ]
        answers = (
            (one.id, status)
            for (_, step), reply in zip(steps, replies, strict=True)
            for one, (status, _) in zip(step, reply, strict=True)
        )
        taken = [name for name, status in answers if status == scripts.TAKEN]
        if taken:
            trail("passed over", taken, reason="taken down since they were pushed")

    def _bury(self, dead: Sequence[tuple[Any, str, int]]) -> None:
        if dead:
            trail("refused", (str(raw.get("id")) for raw, _, _ in dead if isinstance(raw, dict)), reason=dead[0][1])
            now_ms = time.time_ns() // 1_000_000
            letters = [deadletters.letter(raw, reason, tries=count, at_ms=now_ms) for raw, reason, count in dead]
            self._connection.run(deadletters.put(letters, at_ms=now_ms))
            self.count("dead", len(dead))


def _counted(name: str, number: int) -> list[scripts.Command]:
    minute = keys.rate(int(time.time()) // 60)
    return [scripts.expiring(minute, 600, ("HINCRBY", name, number)), meters.count(name, number)]
