"""The nearest live articles of one that is only asked about."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from dedup.service.live import LiveLanguage
from dedup.settings import Settings
from dedup.store import keys
from dedup.store.connection import Plan
from dedup.store.records import Record

#: Seconds for which live stories once loaded are asked, though the store has moved on.
FRESH = 5.0


@dataclass(frozen=True, slots=True)
class Near:
    """Near articles with the probability that they report the same event, and the story it would join (0: none)."""

    articles: tuple[tuple[int, float], ...]
    story: int
    probability: float | None


class Nearest:
    """Keeps the live stories of languages it was asked about, and asks them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._live: dict[str, tuple[float, LiveLanguage]] = {}

    def find(self, record: Record, lang: str) -> Plan[Near]:
        """Ask which story the article would join; nothing is kept of it."""
        live = yield from self._state(lang)
        with self._lock:
            decided = live.ask(record)
        if not decided.other:
            return Near((), 0, decided.probability)
        return Near(((decided.other, decided.probability),), decided.story, decided.probability)

    def _state(self, lang: str) -> Plan[LiveLanguage]:
        kept = self._live.get(lang)
        if kept is not None:
            if time.monotonic() - kept[0] < FRESH:
                return kept[1]
            (position,) = yield [("GET", keys.position(lang))]
            if int(position or 0) == kept[1].position:
                self._live[lang] = (time.monotonic(), kept[1])
                return kept[1]
        live = yield from LiveLanguage.load(lang, self._settings)
        self._live[lang] = (time.monotonic(), live)
        return live
