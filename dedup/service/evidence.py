"""Evidence for people: the explanation of the story room in the records that answers are made of, and what is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

import msgspec

from dedup.article import Article
from dedup.cluster.explain import PairEvidence, explain, explain_pairs
from dedup.cluster.relation import Relation
from dedup.service.verify import Judged
from dedup.store.records import Membership, Record, moment
from dedup.vectors import packing
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
        documents: Mapping[int, Mapping[str, Any]],
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
class _Told:
    """Of a stored article what evidence is made of; it was looked through when it came."""

    title: str | None
    text: str
    published_at: datetime | None

    @classmethod
    def of(cls, record: Record, text: str) -> _Told:
        return cls(record.title, text, None if record.published_ms is None else moment(record.published_ms))


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
    records: Mapping[int, Record], documents: Mapping[int, Mapping[str, Any]], pairs: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], Evidence]:
    """Why pairs of stored articles, by their numbers, are in one story; of those whose text and record are at hand."""
    numbers = sorted({n for pair in pairs for n in pair if n in records and "text" in documents.get(n, {})})
    place = {number: k for k, number in enumerate(numbers)}
    told = [(one, other) for one, other in pairs if one in place and other in place]
    if not told:
        return {}
    articles = [_Told.of(records[number], documents[number]["text"]) for number in numbers]
    features = packing.unpack([records[number].features for number in numbers])
    places = [(place[one], place[other]) for one, other in told]
    explained = explain_pairs(articles, features, places, passages=False)
    return {pair: _evidence(found) for pair, found in zip(told, explained, strict=True)}


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
