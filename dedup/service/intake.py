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
from dedup.store.connection import Connection, Plan
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
        valid, refused = ingest.validate(records)
        self._bury([(one.raw, f"{one.error.field or 'article'}: {one.error.reason}", 1) for one in refused])
        started = time.perf_counter()
        for start in range(0, len(valid), BATCH):
            self._admit(valid[start : start + BATCH], accepted_us)
        seconds = time.perf_counter() - started
        self._connection.execute([*meters.observe("ingest", [seconds] * len(valid)), *_counted("ingested", len(valid))])
        trail("ingested", (article.id for article in valid), seconds=round(seconds, 4))
        return Receipt(tuple(article.id for article in valid), tuple(one.rejection() for one in refused))

    def take(self, message: str, records: Sequence[Any], *, accepted_us: int | None = None) -> None:
        """Ingest the articles of a queue message.

        Delivered again after its worker died, they go one by one, each noted before it is tried.
        """
        seen = self._connection.run(tries.begin(message))
        if seen.deliveries == 1:
            self._ingest_or_isolate(records, accepted_us)
        else:
            start = seen.suspect or 0
            for place in range(start, len(records)):
                if place == seen.suspect and seen.deaths >= self._settings.queue.tries:
                    reason = f"processing it killed its worker {seen.deaths} times"
                    self._bury([(records[place], reason, seen.deaths)])
                    continue
                self._connection.run(tries.attempt(message, place))
                self._ingest_or_isolate(records[place : place + 1], accepted_us)
        self._connection.run(tries.end(message))

    def bury(self, raws: Iterable[Any], reason: str, *, tries: int = 1) -> None:
        """Make dead letters of messages or articles."""
        self._bury([(raw, reason, tries) for raw in raws])

    def count(self, name: str, number: int) -> None:
        """Add to what was done in this minute, and ever."""
        self._connection.execute(_counted(name, number))

    def _ingest_or_isolate(self, records: Sequence[Any], accepted_us: int | None) -> None:
        try:
            self.ingest(records, accepted_us=accepted_us)
        except StoreError:
            raise
        except Exception as error:  # whatever goes wrong with one article must not stop the others
            if len(records) == 1:
                self._bury([(records[0], f"processing it failed: {type(error).__name__}: {error}"[:500], 1)])
                return
            for raw in records:
                self._ingest_or_isolate([raw], accepted_us)

    def _admit(self, articles: Sequence[Article], accepted_us: int | None) -> None:
        now_ms = time.time_ns() // 1_000_000
        span_ms = round(self._settings.store.matching_days * 86_400_000 / 3)
        lines = self._connection.run(self._lines.current())
        prepared = ingest.prepare(articles, self._settings, now_ms=now_ms, lines=lines)
        steps = [
            (lang, listed[at : at + STEP]) for lang, listed in prepared.items() for at in range(0, len(listed), STEP)
        ]
        # A script each, so that the server can see to others in between; one at a time cost more than it spared them.
        replies = self._connection.execute(
            [scripts.admit(lang, s, now_ms=now_ms, span_ms=span_ms, accepted_us=accepted_us) for lang, s in steps]
        )
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


def to_wake(life_ms: int) -> Plan[list[str]]:
    """Languages that wait for decisions and of which nobody was told in the last ``life_ms``; now somebody is."""
    (names,) = yield [("SMEMBERS", keys.LANGUAGES)]
    languages = sorted(name.decode() for name in names)
    lengths = yield [("LLEN", keys.pending(lang)) for lang in languages]
    waiting = [lang for lang, length in zip(languages, lengths, strict=True) if length]
    # The key says that somebody was asked: it is set for those alone who are, or the next arrival asks nobody.
    asked = yield [("SET", keys.wake(lang), 1, "NX", "PX", life_ms) for lang in waiting]
    return [lang for lang, first in zip(waiting, asked, strict=True) if first]
