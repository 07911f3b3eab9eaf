"""Have we got this?  Judged as if it had been pushed, but nothing is stored."""

from __future__ import annotations

import time

from dedup.article import Article
from dedup.cluster.groups import best_representative
from dedup.cluster.relation import Relation
from dedup.errors import NotFound
from dedup.identity import story_id
from dedup.service import ingest
from dedup.service.evidence import evidence_of
from dedup.service.nearest import Nearest
from dedup.service.repeated import RepeatedLines
from dedup.service.verify import Judged, Verifier
from dedup.settings import Settings
from dedup.store import index_pages, reading
from dedup.store.connection import Plan
from dedup.store.records import RELATIONS, Membership, Record, moment, pack_head
from dedup.store.scripts import Admission
from dedup.views import DuplicateView, Evidence, Link, MatchView
from dedup.views import Relation as Word


class Matcher:
    """Answers ``match`` and ``compare``; keeps the live stories of languages it was asked about."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._verifier = Verifier(settings)
        self._nearest = Nearest(settings)
        self._lines = RepeatedLines()

    def match(self, article: Article) -> Plan[MatchView]:
        """Duplicates of the article, the story it would join, and its nearest articles."""
        now_ms = time.time_ns() // 1_000_000
        lines = yield from self._lines.current()
        ((lang, (admission,)),) = ingest.prepare([article], self._settings, now_ms=now_ms, lines=lines).items()
        record = _as_record(admission, lang)
        judged = yield from self._judged(article, admission, record, lang)
        duplicates = tuple(
            _view(other, one) for other, one in judged if one.relation not in (Relation.NONE, Relation.TEMPLATE)
        )
        position = best_representative([one.joining for _, one in judged], [one.score for _, one in judged])
        if position is not None:
            places = yield from reading.memberships([judged[position][0].number])
            place = places.get(judged[position][0].number)
            if place is not None:
                name = yield from self._story(place)
                return MatchView(duplicates, name, 1.0)
        near = yield from self._nearest.find(record, lang)
        wanted = [number for number, _ in near.articles] + ([near.story] if near.story else [])
        records = yield from reading.records(wanted)
        documents = yield from reading.documents([number for number, _ in near.articles])
        links = tuple(
            Link(
                article.id,
                records[number].id,
                "report",
                probability,
                evidence_of(article, Article.from_dict(documents[number].raw()), passages=False),
            )
            for number, probability in near.articles
            if number in records and number in documents and documents[number].has_text
        )
        story = story_id(records[near.story].id) if near.story in records else None
        return MatchView(duplicates, story, near.probability, links)

    def evidence(self, a: Record, left: Article, b: Record, right: Article) -> Evidence:
        """Why two articles are, or are not, together."""
        judge = self._verifier.among([a, b], [left.text, right.text])
        return evidence_of(left, right, judge(a.number, b.number))

    def _judged(
        self, article: Article, admission: Admission, record: Record, lang: str
    ) -> Plan[list[tuple[Record, Judged]]]:
        met = yield from index_pages.look_up(lang, digest=admission.digest, bands=admission.bands)
        places = yield from reading.memberships(met)
        wanted = list(dict.fromkeys([*met, *(place.group for place in places.values())]))
        records = yield from reading.records(wanted)
        standing = [n for n in wanted if n in records and not records[n].retired]
        if self._verifier.reads_texts:
            documents = yield from reading.documents(standing)
            kept = [n for n in standing if n in documents and documents[n].has_text]
            judge = self._verifier.among(
                [record, *(records[n] for n in kept)], [article.text, *(documents[n].text for n in kept)]
            )
        else:
            kept = standing
            judge = self._verifier.estimating([record, *(records[n] for n in kept)])
        judge.prepare((record.number, number) for number in kept)
        found = [(records[number], judge(record.number, number)) for number in kept]
        return sorted(found, key=lambda item: (-item[1].score, item[0].number))

    def _story(self, place: Membership) -> Plan[str | None]:
        founders = yield from reading.records([place.story])
        return story_id(founders[place.story].id) if place.story in founders else None


def pair(a: str, b: str) -> Plan[tuple[Record, Article, Record, Article]]:
    """Two articles as they were received.

    Raises
    ------
    NotFound
        One of them is not there, or texts are not kept.
    """
    found: list[tuple[Record, Article]] = []
    for name in (a, b):
        one = yield from reading.article(name, document=True)
        if one is None:
            raise NotFound(f"no article {name!r}")
        if one.document is None or not one.document.has_text:
            raise NotFound(f"the text of article {name!r} is not kept")
        found.append((one.record, Article.from_dict(one.document.raw())))
    (first, left), (second, right) = found
    return first, left, second, right


def _as_record(admission: Admission, lang: str) -> Record:
    head = pack_head(content=admission.content, digest=admission.digest, bands=admission.bands, lang=lang)
    return Record.unpack(0, head + admission.body)


def _view(record: Record, one: Judged) -> DuplicateView:
    relation: Word = next(word for word in RELATIONS if word == one.relation.word)
    published = None if record.published_ms is None else moment(record.published_ms)
    return DuplicateView(record.id, relation, one.score, record.title, record.source, published)
