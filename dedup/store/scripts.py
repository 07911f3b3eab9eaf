"""The Lua scripts: each typed here, each written beside a comment that lists every key it touches.

A function returns a command; :mod:`dedup.store.connection` sends it by digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Literal

from dedup.store import keys
from dedup.store.records import Event

Word = bytes | str | int | float
Command = tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """A script's text and the digest the server knows it by."""

    text: str
    digest: str

    def __call__(self, names: Sequence[str], *arguments: Word) -> Command:
        """The command that runs it on ``names`` (KEYS); the tag is put before ``arguments`` (ARGV)."""
        return ("EVALSHA", self.digest, len(names), *names, keys.TAG, *arguments)


@cache
def script(name: str) -> Script:
    """Script ``name`` of the ``lua`` folder, with what it shares put before it."""
    folder = files("dedup.store") / "lua"
    parts = [f"{name}.lua"]
    if name in ("admit", "remove"):
        parts.insert(0, "retire.lua")
    # Without a flag the server refuses the script before its first write when memory is full.
    # What decides or removes must run then too: it finishes what was admitted, and makes room.
    reads = dict.fromkeys(("clock", "look", "story"), "#!lua flags=no-writes")
    shebang = {"admit": "#!lua", "expiring": "#!lua", **reads}.get(name, "#!lua flags=allow-oom")
    text = "\n".join([shebang, *(folder.joinpath(part).read_text(encoding="utf-8") for part in parts)])
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


@cache
def by_digest() -> dict[str, Script]:
    """All scripts, by digest."""
    names = ("admit", "clock", "remove", "commit", "expiring", "lease", "look", "story", "wake")
    return {one.digest: one for one in map(script, names)}


@dataclass(frozen=True, slots=True)
class Admission:
    """One article ready to be admitted; see ``admit.lua`` for the lengths."""

    id: str
    content: bytes
    digest: bytes
    bands: bytes
    body: bytes
    document: bytes


UNCHANGED, ADDED, REVISED, TAKEN = 0, 1, 2, 3
#: Microseconds for which a takedown is remembered: the longest that what was on its way may stay on the queue.
TAKEN_LIFE = 7 * 24 * 3600 * 1_000_000


def admit(lang: str, articles: Iterable[Admission], *, now_ms: int, accepted_us: int | None = None) -> Command:
    """Admit articles of one language; answers ``[status, number]`` for each.

    ``accepted_us``: when the queue took them, by :func:`clock`; those taken down since are passed over.
    """
    arguments: list[Word] = []
    for one in articles:
        shard, name = keys.ident(one.id)
        arguments += (shard, name, one.content, one.digest, one.bands, one.body, one.document)
    names = (keys.SEQUENCE, keys.pending(lang), keys.LANGUAGES, keys.TAKEN)
    accepted = b"" if accepted_us is None else accepted_us
    return script("admit")(names, lang, now_ms, accepted, *arguments)


def clock() -> Command:
    """Ask for the time by the store's clock, which orders takedowns among what the queue took; microseconds."""
    return script("clock")((keys.TAKEN,))


def remove(article_id: str, *, now_ms: int) -> Command:
    """Take an article down, and whatever of it is on its way; answers the language it was in, or ``None``."""
    shard, name = keys.ident(article_id)
    return script("remove")((keys.numbers(shard), keys.TAKEN), name, now_ms, TAKEN_LIFE)


def look(article_id: str, *, document: bool) -> Command:
    """Read an article and where it belongs; answers ``None`` or eight values, see ``look.lua``.

    ``document``: with its document, and who stands beside it.
    """
    shard, name = keys.ident(article_id)
    return script("look")((keys.numbers(shard),), name, keys.BLOCK, int(document))


def story(story_id: str, *, most: int, told: int) -> Command:
    """Read a story, its history, and ``most`` members, of which so many are told of.

    Answers ``None`` or eight values, see ``story.lua``.
    """
    shelf, name = keys.story_numbers(story_id)
    return script("story")((shelf,), name, keys.BLOCK, most, told)


def expiring(name: str, life: int, *fields: tuple[Literal["HSET", "HINCRBY"], str, int]) -> Command:
    """Write fields of hash ``name``, kept ``life`` seconds from now; answers what each command does."""
    return script("expiring")((name,), life, *(word for field in fields for word in field))


def commit(
    lang: str, *, token: int, position: int, decided: int, commands: Sequence[Command], events: Sequence[Event]
) -> Command:
    """Commit decisions under the fencing ``token``; answers the new position."""
    words: list[Word] = []
    for one in commands:
        words += (len(one), *one)
    for event in events:
        words += (len(event.histories), event.pack(), *map(keys.story_history, event.histories))
    names = (keys.fence(lang), keys.position(lang), keys.pending(lang), keys.FEED)
    return script("commit")(names, token, position, decided, len(commands), len(events), *words)


def wake(*, life_ms: int) -> Command:
    """Answer the languages that wait for decisions and of which nobody was told in the last ``life_ms``."""
    return script("wake")((keys.LANGUAGES,), life_ms)


def take_lease(lang: str, holder: str, *, life_ms: int) -> Command:
    """Take the lease; answers the fencing token, or 0 when somebody else holds it."""
    return script("lease")((keys.lease(lang), keys.fence(lang)), "take", holder, life_ms)


def renew_lease(lang: str, holder: str, *, life_ms: int, token: int) -> Command:
    """Renew the lease; answers the token, or 0 when it was lost."""
    return script("lease")((keys.lease(lang), keys.fence(lang)), "renew", holder, life_ms, token)


def release_lease(lang: str, holder: str, *, token: int) -> Command:
    """Give the lease up; answers the token, or 0 when it was lost."""
    return script("lease")((keys.lease(lang), keys.fence(lang)), "release", holder, 0, token)
