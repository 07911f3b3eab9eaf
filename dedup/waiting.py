"""When an article is visible: its newest content has a story."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dedup.identity import story_id
from dedup.store import deadletters, keys, reading
from dedup.store.connection import Plan

#: Articles looked at in one step.
_PART = 2000


def visible(ids: Sequence[str], expected: Mapping[str, bytes]) -> Plan[tuple[dict[str, str], list[str]]]:
    """Story ids of the articles that are visible, and which are still waited for.

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
        waiting += [name for name in part if name not in known]
        if not known:
            continue
        contents = yield [("GETRANGE", keys.record(number), 6, 21) for number in known.values()]
        places = yield from reading.memberships(known.values())
        ready = {}
        for (name, number), content in zip(known.items(), contents, strict=True):
            if number in places and expected.get(name, content) == content:
                ready[name] = places[number].story
            else:
                waiting.append(name)
        founders = yield from reading.records(ready.values())
        found |= {name: story_id(founders[story].id) for name, story in ready.items() if story in founders}
    if waiting and not found:
        dead = yield from _dead(waiting)
        waiting = [name for name in waiting if name not in dead]
    return found, waiting


def _dead(ids: Sequence[str]) -> Plan[set[str]]:
    page = yield from deadletters.read(limit=1000)
    return {letter.article_id for letter in page.items if letter.article_id} & set(ids)
