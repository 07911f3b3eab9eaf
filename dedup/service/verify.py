"""Relations between stored texts, decided by the same scores and the same rule as everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dedup.cluster.relation import Relation, RelationRule, relation_of
from dedup.settings import Settings
from dedup.sketch import ShingleSets, estimate_jaccard
from dedup.store.records import Document, Record


@dataclass(frozen=True, slots=True)
class Judged:
    """Relation of a text to a representative; ``inside``: it is the one that is a cut of the other."""

    relation: Relation
    score: float
    inside: bool

    @property
    def joining(self) -> Relation:
        """The relation as far as it lets the text join the representative's group."""
        if self.relation == Relation.EXCERPT and not self.inside:
            return Relation.NONE  # a longer text never joins its own excerpt
        return self.relation


UNRELATED = Judged(Relation.NONE, 0.0, inside=False)


class Verifier:
    """Makes judges; ``settings`` give shingle length and thresholds.

    Attributes
    ----------
    reads_texts:
        Whether texts are kept, so that relations can be verified exactly.
    """

    def __init__(self, settings: Settings) -> None:
        sketch = settings.sketch
        self._ngram = sketch.ngram
        self.reads_texts = settings.store.keep_text
        self._rule = RelationRule(threshold=sketch.threshold, containment=sketch.containment)

    def over(self, records: Sequence[Record], documents: Mapping[int, Document]) -> Judge:
        """A judge of ``records`` by the texts in ``documents``; by their signatures where texts are not kept."""
        if not records:
            return Judge({}, None, None, self._rule)
        if not self.reads_texts:
            return self.estimating(records)
        kept = [one for one in records if one.number in documents]
        return self.among(kept, [documents[one.number].text for one in kept])

    def estimating(self, records: Sequence[Record]) -> Judge:
        """A judge that goes by the signatures of ``records``, for a store that keeps no texts."""
        return Judge({one.number: one for one in records}, None, None, self._rule)

    def among(self, records: Sequence[Record], texts: Sequence[str]) -> Judge:
        """A judge of texts at hand."""
        sets = ShingleSets.of(texts, ngram=self._ngram)
        return Judge(
            {one.number: one for one in records}, sets, {one.number: i for i, one in enumerate(records)}, self._rule
        )


class Judge:
    """Exact relations between a few hundred texts; estimates where texts are not kept."""

    def __init__(
        self, records: dict[int, Record], sets: ShingleSets | None, rows: dict[int, int] | None, rule: RelationRule
    ) -> None:
        self._records = records
        self._sets = sets
        self._rows = rows or {}
        self._rule = rule
        self._known: dict[tuple[int, int], Judged] = {}

    def prepare(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Judge many pairs at once."""
        wanted = [pair for pair in pairs if pair not in self._known and pair[0] != pair[1]]
        wanted = [pair for pair in wanted if pair[0] in self._records and pair[1] in self._records]
        if wanted:
            judged = self._estimate(wanted) if self._sets is None else self._score(self._sets, wanted)
            self._known.update(zip(wanted, judged, strict=True))

    def __call__(self, number: int, anchor: int) -> Judged:
        """Relation of article ``number`` to the representative ``anchor``; none when a text is gone."""
        if (number, anchor) not in self._known:
            self.prepare([(number, anchor)])
        return self._known.get((number, anchor), UNRELATED)

    def _score(self, sets: ShingleSets, pairs: Sequence[tuple[int, int]]) -> list[Judged]:
        left = np.array([self._rows[a] for a, _ in pairs], np.int64)
        right = np.array([self._rows[b] for _, b in pairs], np.int64)
        scores = sets.scores(left, right)
        sizes = sets.sizes
        relations = relation_of(
            scores.jaccard,
            scores.containment,
            smaller=np.minimum(sizes[left], sizes[right]),
            numbers=scores.numbers,
            numeric_difference=scores.numeric_difference,
            identical=[self._records[a].digest == self._records[b].digest for a, b in pairs],
            rule=self._rule,
        )
        found = []
        for row, code in enumerate(relations.tolist()):
            relation = Relation(code)
            score = scores.containment[row] if relation == Relation.EXCERPT else scores.jaccard[row]
            score = 1.0 if relation == Relation.IDENTICAL else float(score)
            found.append(Judged(relation, score, bool(scores.containment_left[row] >= scores.containment_right[row])))
        return found

    def _estimate(self, pairs: Sequence[tuple[int, int]]) -> list[Judged]:
        found = []
        for a, b in pairs:
            one, two = self._records[a], self._records[b]
            if one.digest == two.digest:
                found.append(Judged(Relation.IDENTICAL, 1.0, inside=True))
                continue
            if not one.signature or not two.signature:
                found.append(UNRELATED)
                continue
            score = float(estimate_jaccard(np.frombuffer(one.signature, "<u4"), np.frombuffer(two.signature, "<u4")))
            near = score >= self._rule.threshold
            found.append(Judged(Relation.NEAR_DUPLICATE, score, inside=True) if near else UNRELATED)
        return found
