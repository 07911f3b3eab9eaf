"""Evidence for people: the explanation of the story room in the records that answers are made of, and what is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

import msgspec

from dedup.article import Article
from dedup.cluster.explain import PairEvidence, explain, explain_pairs
from dedup.cluster.pair_features import prepare
from dedup.cluster.relation import Relation
from dedup.service.verify import Judged
from dedup.store.records import Document, Membership, Record, moment
from dedup.vectors import Idf, packing
from dedup.vectors.features import parse
from dedup.vectors.spelling import Spelling, spell
from dedup.views import Evidence

#: Relations whose evidence is more than a score.
_TOLD = ("report", "template")
#: Links of one answer that are explained anew.
MOST_EXPLAINED = 40
#: Bytes of evidence kept for the next time it is asked for: some 20,000 links.
MOST_KEPT = 16 << 20


class Explained:
    """Evidence of links that was told, by the numbers of the two; what was told first gives way.

    What is kept of a number never changes, so neither does its evidence.  It is kept packed: in a quarter of the room,
    and nothing that the garbage collector walks through.
    """

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most, self._size = most, 0
        self._packed: dict[tuple[int, int], bytes] = {}
        self._decode = msgspec.msgpack.Decoder(Evidence).decode
        self._lock = Lock()

    def untold(self, places: Mapping[int, Membership]) -> list[tuple[int, int]]:
        """Links whose evidence is more than a score and has not been told yet, as pairs of numbers."""
        told = [(number, one.other) for number, one in places.items() if one.relation in _TOLD and one.other]
        return [pair for pair in told if pair not in self._packed]

    def tell(
        self,
        pairs: Sequence[tuple[int, int]],
        records: Mapping[int, Record],
        documents: Mapping[int, Document],
    ) -> dict[tuple[int, int], Evidence]:
        """Explain links, those of which text and record are at hand, and keep it."""
        fresh = evidence_of_links(records, documents, pairs)
        packed = {pair: msgspec.msgpack.encode(evidence) for pair, evidence in fresh.items()}
        with self._lock:
            for pair, data in packed.items():
                self._size += len(data) - len(self._packed.pop(pair, b""))
                self._packed[pair] = data
            while self._size > self._most:
                self._size -= len(self._packed.pop(next(iter(self._packed))))
        return fresh

    def evidence(self, number: int, place: Membership, fresh: Mapping[tuple[int, int], Evidence]) -> Evidence:
        """Evidence of the link of article ``number``; ``fresh`` is what was told just now."""
        if place.relation == "excerpt":
            return Evidence(containment=place.score)
        if place.relation not in _TOLD:
            return Evidence(jaccard=place.score)
        found = fresh.get((number, place.other))
        if found is None and (packed := self._packed.get((number, place.other))) is not None:
            found = self._decode(packed)
        return found or Evidence(probability=place.probability)


@dataclass(frozen=True, slots=True)
class _Unread:
    """A stored article that nobody has read the names and anchors of."""

    title: str | None
    text: str
    source: str | None
    published_at: datetime | None


def evidence_of(one: Article, two: Article, judged: Judged | None = None, *, passages: bool = True) -> Evidence:
    """Why two articles are, or are not, together.

    Parameters
    ----------
    one, two:
        The articles.
    judged:
        Their relation as texts, where it was verified.
    passages:
        Whether to look for the nearest passages.
    """
    found = explain(one, two, passages=passages)
    score = judged.score if judged is not None else None
    cut = judged is not None and judged.relation == Relation.EXCERPT
    return _evidence(found, jaccard=None if cut else score, containment=score if cut else None)


def evidence_of_links(
    records: Mapping[int, Record], documents: Mapping[int, Document], pairs: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], Evidence]:
    """Why pairs of stored articles, by their numbers, are in one story; of those whose text and record are at hand."""
    known = {n for pair in pairs for n in pair if n in records and n in documents}
    numbers = sorted(number for number in known if documents[number].has_text)
    place = {number: k for k, number in enumerate(numbers)}
    told = [(one, other) for one, other in pairs if one in place and other in place]
    if not told:
        return {}
    listed = [records[number] for number in numbers]
    prepared = prepare(packing.unpack([one.features for one in listed]), Idf.prior())
    places = [(place[one], place[other]) for one, other in told]
    published = [_published(one) for one in listed]
    explained = explain_pairs(prepared, _spellings(listed, documents), published, places)
    return {pair: _evidence(found) for pair, found in zip(told, explained, strict=True)}


def _spellings(records: Sequence[Record], documents: Mapping[int, Document]) -> list[Spelling]:
    """What articles spell: as it was read when they came, else (they came from an export) now."""
    packed = [documents[one.number].spelled for one in records]
    unread = [place for place, one in enumerate(packed) if not one]
    if unread:
        articles = [
            _Unread(one.title, documents[one.number].text, one.source, _published(one))
            for one in (records[place] for place in unread)
        ]
        for place, one in zip(unread, spell(parse(articles)), strict=True):
            packed[place] = one
    return [Spelling.unpack(one) for one in packed]


def _published(record: Record) -> datetime | None:
    return None if record.published_ms is None else moment(record.published_ms)


def _evidence(found: PairEvidence, *, jaccard: float | None = None, containment: float | None = None) -> Evidence:
    return Evidence(
        probability=found.probability,
        jaccard=jaccard,
        containment=containment,
        cosines=found.cosines,
        shared_names=found.shared_names,
        agreeing=found.agreeing,
        conflicting=found.conflicting,
        hours_apart=found.hours_apart,
        terms=found.terms,
        passages=found.passages,
    )
