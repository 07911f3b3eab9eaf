"""When an article is visible: its newest content has a story."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dedup.identity import story_id
from dedup.store import deadletters, keys, reading
from dedup.store.connection import Plan

#: Articles looked at in one step.
_PART = 250


def visible(
    ids: Sequence[str], expected: Mapping[str, bytes], *, thorough: bool = False
) -> Plan[tuple[dict[str, str], list[str]]]:
    """Story ids of the articles that are visible, and which are still waited for.

    A queue is worked on from its beginning: a look ends where nothing new shows, so that waiting for
    a hundred thousand costs no more than waiting for a few.  ``thorough`` looks at all.

    Parameters
    ----------
    ids:
        Article ids, each once.
    expected:
        Content digests by id: an article named here is visible when it has that content.
    """
    found: dict[str, str] = {}
    waiting: list[str] = []
    for start in range(0, len(ids), _PART):
        part = ids[start : start + _PART]
        numbers = yield from reading.numbers(part)
        known = {name: number for name, number in zip(part, numbers, strict=True) if number is not None}
        places = yield from reading.memberships(known.values())
        decided = {name: number for name, number in known.items() if number in places}
        contents = yield [("GETRANGE", keys.record(number), 6, 21) for number in decided.values()]
        ready = {
            name: places[number].story
            for (name, number), content in zip(decided.items(), contents, strict=True)
            if expected.get(name, content) == content
        }
        founders = {known[name]: name for name in ready}
        others = yield from reading.records(story for story in ready.values() if story not in founders)
        founders |= {number: record.id for number, record in others.items()}
        new = {name: story_id(founders[story]) for name, story in ready.items() if story in founders}
        found |= new
        waiting += [name for name in part if name not in new]
        if not new and not thorough:
            waiting += ids[start + _PART :]
            break
    if waiting and not found:
        dead = yield from _dead(waiting)
        waiting = [name for name in waiting if name not in dead]
    return found, waiting


def _dead(ids: Sequence[str]) -> Plan[set[str]]:
    page = yield from deadletters.read(limit=1000)
    return {letter.article_id for letter in page.items if letter.article_id} & set(ids)
