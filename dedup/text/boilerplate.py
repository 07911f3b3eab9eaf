"""Lines that a source repeats: bylines, captions, "subscribe", share bars.  Learned as articles arrive, shipped empty.

A line that stands in at least ``MIN_ARTICLES`` articles of one source, and in at least ``MIN_SHARE`` of them, is the
source's, not the story's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import blake2b

from dedup.errors import DedupError
from dedup.text.hashing import ngram_hash64
from dedup.text.plain import tokens

#: A line is boilerplate from this many articles on, and from this share of the source's articles.
MIN_ARTICLES, MIN_SHARE = 5, 0.02
#: Tokens of a line that is looked at; longer ones are paragraphs of a story.
MAX_TOKENS = 40
#: Lines remembered of a source; the rarest go first.
MAX_LINES = 2000
_VERSION = 1
#: Bytes at the beginning of packed statistics that differ where the statistics do.
HEAD = 34


class Boilerplate:
    """Repeated lines per source.

    Examples
    --------
    >>> learned = Boilerplate()
    >>> for i in range(6):
    ...     learned.learn("example.org", f"Story number {i} of today.\\nSubscribe to our newsletter")
    >>> learned.strip("example.org", "Fire in Hue.\\nSubscribe to our newsletter")
    'Fire in Hue.'
    """

    def __init__(self) -> None:
        self._articles: dict[str, int] = {}
        self._lines: dict[str, dict[int, int]] = {}
        self._repeated: dict[str, frozenset[int]] = {}

    @classmethod
    def of(cls, articles: Iterable[tuple[str | None, str]]) -> Boilerplate:
        """Learn from the sources and texts of articles."""
        learned = cls()
        for source, text in articles:
            learned.learn(source, text)
        return learned

    def learn(self, source: str | None, text: str) -> None:
        """Count the lines of one article (once each); articles without a source teach nothing."""
        if not source:
            return
        self._repeated.pop(source, None)
        self._articles[source] = self._articles.get(source, 0) + 1
        lines = self._lines.setdefault(source, {})
        for key in set(_keys(text.splitlines())):
            lines[key] = lines.get(key, 0) + 1
        if len(lines) > 2 * MAX_LINES:
            kept = sorted(lines.items(), key=lambda item: (-item[1], item[0]))[:MAX_LINES]
            self._lines[source] = dict(kept)

    def repeated(self, source: str | None) -> frozenset[int]:
        """Hashes of the lines that are boilerplate of a source."""
        if not source:
            return frozenset()
        found = self._repeated.get(source)
        if found is None:
            enough = max(MIN_ARTICLES, MIN_SHARE * self._articles.get(source, 0))
            found = frozenset(key for key, count in self._lines.get(source, {}).items() if count >= enough)
            self._repeated[source] = found
        return found

    def strip(self, source: str | None, text: str) -> str:
        """Return the text without the lines its source repeats; a text of nothing else is left as it is."""
        repeated = self.repeated(source)
        if not repeated:
            return text
        lines = text.splitlines()
        kept = [line for line, key in zip(lines, _keys(lines, blank=True), strict=True) if key not in repeated]
        return "\n".join(kept) if any(line.strip() for line in kept) else text

    def pack(self) -> bytes:
        """Serialise; :meth:`unpack` reads it back."""
        sources = {
            name: [count, sorted(self._lines.get(name, {}).items())] for name, count in sorted(self._articles.items())
        }
        body = json.dumps(sources, separators=(",", ":"))
        name = blake2b(body.encode(), digest_size=6).hexdigest()
        return f'{{"version":{_VERSION},"name":"{name}","sources":{body}}}'.encode()

    @classmethod
    def unpack(cls, data: bytes) -> Boilerplate:
        """Read what :meth:`pack` wrote; raise :class:`DedupError` if another version did."""
        raw = json.loads(data)
        if raw.get("version") != _VERSION:
            raise DedupError(f"boilerplate of version {raw.get('version')}, this is version {_VERSION}; learn it anew")
        learned = cls()
        for name, (count, lines) in raw["sources"].items():
            learned._articles[name] = count
            learned._lines[name] = {int(key): int(n) for key, n in lines}
        return learned


def _keys(lines: Iterable[str], *, blank: bool = False) -> list[int]:
    """Hash of each short line; of blank and long ones -1, or nothing."""
    out = []
    for line in lines:
        words = tokens(line) if len(line) <= 400 else []
        if 0 < len(words) <= MAX_TOKENS:
            out.append(ngram_hash64(words))
        elif blank:
            out.append(-1)
    return out
