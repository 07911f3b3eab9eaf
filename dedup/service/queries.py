"""Questions and their answers: plans that read the store and build the records people see.

Written once as generators (see :mod:`dedup.store.connection`); :class:`dedup.service.Service`
and :class:`dedup.service.AsyncService` drive them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from dedup.cluster.members import rank_members
from dedup.errors import NotFound
from dedup.identity import group_id, story_id
from dedup.service.evidence import MOST_EXPLAINED, Explained
from dedup.settings import CanonicalPolicy, Settings
from dedup.store import checks, feed, keys, reading
from dedup.store.connection import Plan, together
from dedup.store.records import Document, Membership, PendingEntry, Record, StoryRecord, moment
from dedup.views import (
    ArticleView,
    CanonicalScore,
    DuplicateView,
    Evidence,
    Link,
    Member,
    Relation,
    StatusView,
    StoryView,
)

#: Members of a story that an answer shows; the newest give way.
MOST_MEMBERS = 1000
#: Parts of a story's life in which its arrivals are counted.
ARRIVAL_PARTS = 24
#: Characters of a text's beginning shown in a story's member list.
LEAD = 240
#: Members whose text's beginning is shown.
MOST_LEADS = 200
#: A worker that gave no sign of life for so many ms is not counted.
WORKER_LIFE_MS = 15_000


class Reader:
    """The questions, with the settings they depend on.

    Parameters
    ----------
    settings:
        ``story.window_days`` and ``story.canonical``.
    trust:
        Source trust, 0..1, by source.
    """

    def __init__(self, settings: Settings, trust: Mapping[str, float]) -> None:
        self.settings = settings
        self.trust = trust
        self.explained = Explained()

    def article(
        self, article_id: str, *, canonical_policy: CanonicalPolicy | None = None, text: bool = False
    ) -> Plan[ArticleView]:
        """One article and where it belongs.

        Raises
        ------
        NotFound
            There is no such article.
        """
        found = yield from reading.article(article_id, document=True)
        if found is None:
            raise NotFound(f"no article {article_id!r}")
        record, place, document = found.record, found.membership, found.document
        view: dict[str, Any] = {}
        if place is not None and found.story is not None:
            known = found.beside | {one.number: one for one in (record, found.canonical) if one is not None}
            names = {number: one.id for number, one in known.items()}
            told = self.explained.untold({record.number: place})
            beside = {record.number: document, **{n: found.linked_document() for _, n in told}}
            texts = {n: one for n, one in beside.items() if one is not None}
            fresh = self.explained.tell(told, known, texts)
            canonical = found.canonical.id if found.canonical else None
            if canonical_policy is not None and found.story.articles > 1:
                records = yield from self._member_records(place.story, found.story)
                ranked = self.rank(list(records.values()), canonical_policy)
                canonical = ranked[0].article_id if ranked else canonical
            view = {
                "relation": place.relation,
                "story_id": story_id(names[place.story]),
                "duplicate_group_id": group_id(names[place.group]),
                "is_canonical": canonical == record.id,
                "canonical_id": canonical,
                "score": place.score,
                "links": self._links({record.number: record}, {record.number: place}, names, fresh),
            }
        return ArticleView(
            id=record.id,
            state="pending" if place is None else "assigned",
            revision=record.revision,
            title=record.title,
            url=record.url,
            source=record.source,
            published_at=_moment(record.published_ms),
            lang=_lang(record.lang),
            received_at=moment(record.received_ms),
            text=document.text if text and document is not None and document.has_text else None,
            metadata=document.rest().get("metadata", {}) if document is not None else {},
            **view,
        )

    def duplicates(self, article_id: str) -> Plan[tuple[DuplicateView, ...]]:
        """The other members of an article's duplicate group, in order of joining.

        Raises
        ------
        NotFound
            There is no such article.
        """
        found = yield from reading.article(article_id)
        if found is None:
            raise NotFound(f"no article {article_id!r}")
        if found.membership is None:
            return ()
        members = yield from reading.group_members(found.membership.group)
        others = [number for number in members if number != found.record.number]
        records = yield from reading.records(others)
        places = yield from reading.memberships(others)
        mine = found.membership
        return tuple(
            _duplicate(records[number], places[number], mine)
            for number in others
            if number in records and number in places and not records[number].retired
        )

    def story(self, name: str, *, canonical_policy: CanonicalPolicy | None = None) -> Plan[StoryView]:
        """One story with its members, oldest first; a merged id answers with its survivor.

        Raises
        ------
        NotFound
            There never was such a story.
        """
        found = yield from reading.story(name, most=MOST_MEMBERS)
        if found is None:
            raise NotFound(f"no story {name!r}")
        number, place = found.number, found.record
        rest = found.untold
        records, places, texts = yield from together(
            reading.records(rest),
            reading.memberships(rest),
            reading.documents(set(rest) & set(found.members[:MOST_LEADS])),
        )
        records = {n: one for n, one in (found.records | records).items() if not one.retired}
        places = {n: one for n, one in (found.places | places).items() if n in records}
        texts = found.documents | texts
        told = self.explained.untold(places)[:MOST_EXPLAINED]
        named = {number, *(n for one in places.values() for n in (one.group, one.other) if n)}
        wanted = [n for pair in told for n in pair if n not in texts]
        others, more = yield from together(reading.records(named - records.keys()), reading.documents(wanted))
        known = records | others
        names = {n: one.id for n, one in known.items()}
        fresh = self.explained.tell(told, known, texts | more)
        policy = canonical_policy or self.settings.story.canonical
        scores = self.rank(list(records.values()), policy)
        canonical = _canonical(records, place, scores if canonical_policy else ())
        ordered = sorted(records.values(), key=lambda one: (_time(one), one.number))
        members = tuple(
            self._member(one, places[one.number], names, canonical, _lead(texts.get(one.number)))
            for one in ordered
            if one.number in places
        )
        links = self._links({one.number: one for one in ordered}, places, names, fresh)
        return _story_view(
            story_id(names[number]),
            place,
            list(records.values()),
            canonical,
            self._is_open(place),
            canonical=tuple(scores),
            members=members,
            links=links,
            history=feed.history(found.history),
            redirected_from=name if found.redirected else None,
        )

    def summaries(
        self, wanted: Sequence[int], stories: Mapping[int, StoryRecord]
    ) -> Plan[list[tuple[int, StoryView, list[Record]]]]:
        """Stories as lines of a list: without members, links and history; with their members' records."""
        members: dict[int, list[int]] = {}
        singles = [number for number in wanted if stories[number].articles == 1]
        many = [number for number in wanted if stories[number].articles > 1]
        replies = (yield [("LRANGE", keys.story_members(number), 0, 199) for number in many]) if many else []
        members |= {number: [int(item) for item in reply] for number, reply in zip(many, replies, strict=True)}
        members |= {number: [stories[number].canonical] for number in singles}
        everyone = [n for numbers in members.values() for n in numbers]
        records = yield from reading.records([*everyone, *wanted, *(stories[n].canonical for n in wanted)])
        found = []
        for number in wanted:
            mine = [records[n] for n in members.get(number, []) if n in records and not records[n].retired]
            founder, place = records.get(number), stories[number]
            if founder is None or not mine:
                continue
            canonical = records.get(place.canonical, mine[0]).id
            view = _story_view(story_id(founder.id), place, mine, canonical, self._is_open(place))
            found.append((number, view, mine))
        return found

    def status(self, *, store: str, queue: int, warnings: Sequence[str]) -> Plan[StatusView]:
        """How the service stands; ``queue`` is the number of messages waiting at the broker."""
        now_ms = time.time_ns() // 1_000_000
        minute = now_ms // 60_000
        head = yield [
            ("INFO",),
            ("HGETALL", keys.COUNTS),
            ("SMEMBERS", keys.LANGUAGES),
            ("ZCARD", keys.DEAD_ORDER),
            ("ZCOUNT", keys.WORKERS, now_ms - WORKER_LIFE_MS, "+inf"),
            ("HGETALL", keys.rate(minute)),
            ("HGETALL", keys.rate(minute - 1)),
        ]
        info, counts, languages, dead, workers, this, last = head
        names = sorted(name.decode() for name in languages)
        waiting: dict[str, int] = {}
        holders: dict[str, str] = {}
        oldest = None
        for lang in names:
            length, first, lease = yield [
                ("LLEN", keys.pending(lang)),
                ("LINDEX", keys.pending(lang), 0),
                ("GET", keys.lease(lang)),
            ]
            if length:
                waiting[lang] = length
            if first:
                age = (now_ms - PendingEntry.unpack(first).admitted_ms) / 1000
                oldest = age if oldest is None else max(oldest, age)
            if lease:
                holders[lang] = lease.decode().partition(" ")[2]
        share = (now_ms % 60_000) / 60_000
        rates = {
            name.decode(): (int(this.get(name, 0)) + (1 - share) * int(last.get(name, 0))) / 60
            for name in {*this, *last}
        }
        memory = (
            info.get("used_memory", 0) if "used_memory" in info else sum(n.get("used_memory", 0) for n in info.values())
        )
        return StatusView(
            store=store,
            server=checks.server_name(info),
            schema=keys.SCHEMA,
            articles=int(counts.get(b"articles", 0)),
            stories=int(counts.get(b"stories", 0)),
            groups=int(counts.get(b"groups", 0)),
            queue=queue,
            pending=waiting,
            oldest_pending_seconds=oldest,
            dead=dead,
            lease_holder=holders,
            rates=rates,
            workers=workers,
            memory_bytes=memory,
            warnings=tuple(warnings),
        )

    def rank(self, records: Sequence[Record], policy: CanonicalPolicy) -> list[CanonicalScore]:
        """Members by how well each can stand for their story, the best first, each with its components."""
        ranked = rank_members(records, policy, self.trust)
        return [CanonicalScore(records[one.index].id, one.total, one.components) for one in ranked]

    def _member_records(self, number: int, place: StoryRecord) -> Plan[dict[int, Record]]:
        members = yield from reading.story_members(number, place, limit=MOST_MEMBERS)
        records = yield from reading.records(members)
        return {n: record for n, record in records.items() if not record.retired}

    def _links(
        self,
        records: Mapping[int, Record],
        places: Mapping[int, Membership],
        names: Mapping[int, str],
        fresh: Mapping[tuple[int, int], Evidence],
    ) -> tuple[Link, ...]:
        """The link of each article to the one it joined by, with its evidence; ``fresh`` is what was told just now."""
        links = []
        for number in records:
            place = places.get(number)
            if place is None or place.other not in names:
                continue
            evidence = self.explained.evidence(number, place, fresh)
            links.append(Link(records[number].id, names[place.other], place.relation, place.score, evidence))
        return tuple(links)

    def _member(
        self, record: Record, place: Membership, names: Mapping[int, str], canonical: str, lead: str | None
    ) -> Member:
        return Member(
            id=record.id,
            title=record.title,
            url=record.url,
            source=record.source,
            published_at=_moment(record.published_ms),
            received_at=moment(record.received_ms),
            relation=place.relation,
            duplicate_group_id=group_id(names[place.group]) if place.group in names else "",
            is_canonical=record.id == canonical,
            score=place.score if place.other else None,
            lead=lead,
        )

    def _is_open(self, place: StoryRecord) -> bool:
        return place.articles > 0 and time.time() * 1000 - place.last_ms < self.settings.story.window_days * 86_400_000


def _story_view(
    name: str, place: StoryRecord, standing: Sequence[Record], canonical_id: str, is_open: bool, **more: Any
) -> StoryView:
    best = next((one for one in standing if one.id == canonical_id), standing[0] if standing else None)
    sources = dict.fromkeys(one.source for one in sorted(standing, key=lambda one: (_time(one), one.number)))
    fields: dict[str, Any] = {"canonical": ()} | more
    return StoryView(
        id=name,
        lang=_lang(best.lang) if best else None,
        title=best.title if best else None,
        arrivals=_arrivals([one.received_ms for one in standing]),
        canonical_id=canonical_id,
        articles=place.articles,
        groups=place.groups,
        sources=tuple(source for source in sources if source),
        first_at=moment(place.first_ms),
        last_at=moment(place.last_ms),
        updated_at=moment(place.updated_ms),
        open=is_open,
        **fields,
    )


def _arrivals(received_ms: Sequence[int]) -> tuple[int, ...]:
    """Articles that came in each of :data:`ARRIVAL_PARTS` parts of a story's life."""
    first, last = min(received_ms, default=0), max(received_ms, default=0)
    if last - first < 60_000:
        return ()
    counts = [0] * ARRIVAL_PARTS
    for moment_ms in received_ms:
        counts[min(ARRIVAL_PARTS - 1, (moment_ms - first) * ARRIVAL_PARTS // (last - first))] += 1
    return tuple(counts)


def _canonical(records: Mapping[int, Record], place: StoryRecord, ranked: Sequence[CanonicalScore]) -> str:
    if ranked:
        return ranked[0].article_id
    return records[place.canonical].id if place.canonical in records else ""


def _duplicate(record: Record, place: Membership, mine: Membership) -> DuplicateView:
    relation: Relation = place.relation
    score = place.score
    if record.number == place.group:  # the representative: as near as we are to it
        relation, score = mine.relation, mine.score
    return DuplicateView(record.id, relation, score, record.title, record.source, _moment(record.published_ms))


def _lead(document: Document | None) -> str | None:
    if document is None:
        return None
    # Of a beginning an eighth is seldom white space; of one worth showing never seven eighths.
    short = " ".join(document.beginning(LEAD + LEAD // 8).split())
    return (short if len(short) >= LEAD else " ".join(document.beginning(8 * LEAD).split()))[:LEAD]


def _time(record: Record) -> int:
    return record.received_ms if record.published_ms is None else record.published_ms


def _moment(ms: int | None) -> Any:
    return None if ms is None else moment(ms)


def _lang(lang: str) -> str | None:
    return None if lang == keys.UNKNOWN_LANGUAGE else lang
