"""Evidence for people: the explanation of the story room in the records that answers are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dedup.article import Article
from dedup.cluster.explain import PairEvidence, explain, explain_pairs
from dedup.cluster.relation import Relation
from dedup.service.verify import Judged
from dedup.store.records import Record, moment
from dedup.vectors import Features
from dedup.views import Evidence


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
    features = Features.unpack([records[number].features for number in numbers])
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
