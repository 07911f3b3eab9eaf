"""The decisions of a batch run, stage by stage, by the rules of the cluster room.

What each stage decided lies in the work folder as Arrow files: ``groups`` and ``duplicates``
(pairs) after the first, ``outcome`` and ``links`` after the second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.batch.canonical import pick_canonicals
from dedup.batch.checkpoint import replaced
from dedup.batch.corpus import Corpus
from dedup.batch.memory import map_table
from dedup.batch.outcome import Outcome, founders, preference
from dedup.batch.parts import Parts
from dedup.batch.stories import chunk_size, cluster_corpus
from dedup.cluster.duplicates import find_duplicates
from dedup.cluster.pairs import PairModel
from dedup.cluster.relation import Relation, RelationRule
from dedup.cluster.templates import mark_templates
from dedup.settings import Settings
from dedup.vectors import Idf

_BINS = 50
_IDF = "idf"


@dataclass(frozen=True)
class Decisions:
    """The decisions on one corpus.

    Attributes
    ----------
    corpus : Corpus
        The articles.
    folder : Path
        Where results go.
    settings : Settings
        ``sketch``, ``story`` and ``outlets`` are used.
    threads : int
        Threads of the kernels; no result depends on it.
    budget : int or None
        Bytes to hold at a time; no result depends on it.
    """

    corpus: Corpus
    folder: Path
    settings: Settings
    threads: int
    budget: int | None

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Articles by preference as founder and representative."""
        return preference(self.corpus.published, self.corpus.ids)

    def find_duplicates(
        self, advance: Callable[[int], None], *, stored: NDArray[np.int64] | None = None
    ) -> dict[str, Any]:
        """Put copies, edits and cuts of one text into groups.

        ``stored`` int64 (n,): the representative of each article, where texts were not kept and groups are known.
        """
        if stored is not None:
            return self._take_groups(stored)
        sketch = self.settings.sketch
        mapped = self.folder / "sketches"
        mapped.mkdir(exist_ok=True)
        found = find_duplicates(
            self.corpus.texts(),
            threshold=sketch.threshold,
            ngram=sketch.ngram,
            num_perm=sketch.num_perm,
            seed=sketch.seed,
            order=self.order,
            rule=RelationRule(threshold=sketch.threshold, containment=sketch.containment),
            threads=self.threads,
            table=lambda name, shape: map_table(mapped / f"{name}.u32", shape),
        )
        for path in mapped.iterdir():
            path.unlink()
        pairs = found.pairs
        anchors = found.representatives[found.labels] if len(found) else found.labels
        columns = {"anchor": anchors, "relation": found.relations, "score": found.scores}
        Parts(self.folder / "groups").write(0, pa.record_batch(columns))
        Parts(self.folder / "duplicates").write(
            0,
            pa.record_batch(
                {"left": pairs.left, "right": pairs.right, "jaccard": pairs.jaccard, "relation": pairs.relation}
            ),
        )
        advance(len(found))
        return {"items": len(found), "groups": len(found.representatives), "pairs": len(pairs)}

    def _take_groups(self, anchor: NDArray[np.int64]) -> dict[str, Any]:
        own = anchor == np.arange(anchor.size)
        relation = np.where(own, Relation.ORIGINAL, Relation.NEAR_DUPLICATE).astype(np.uint8)
        groups = {"anchor": anchor, "relation": relation, "score": np.ones(anchor.size)}
        Parts(self.folder / "groups").write(0, pa.record_batch(groups))
        none = np.empty(0, np.int64)
        pairs = {"left": none, "right": none, "jaccard": np.empty(0), "relation": np.empty(0, np.uint8)}
        Parts(self.folder / "duplicates").write(0, pa.record_batch(pairs))
        return {"items": anchor.size, "groups": int(own.sum()), "pairs": 0}

    def find_stories(self, advance: Callable[[int], None]) -> dict[str, Any]:
        """Put groups that report one event into stories, and pick what stands for each."""
        n = len(self.corpus)
        story = self.settings.story
        anchor, relation, score = self._groups()
        representatives = self.order[anchor[self.order] == self.order]
        clustering = cluster_corpus(
            lambda rows: self.corpus.features(representatives[rows]),
            representatives.size,
            Parts(self.folder / "judged"),
            model=PairModel.default(),
            threshold=story.threshold,
            window=story.window_days * 86_400,
            most=story.candidates,
            threads=self.threads,
            chunk=chunk_size(self.budget, representatives.size),
            advance=advance,
            keep_idf=self._keep_idf,
        )
        rank = np.empty(n, np.int64)
        rank[self.order] = np.arange(n)
        of = np.empty(n, np.int64)
        of[representatives] = representatives[clustering.labels]
        founder = np.empty(n, np.int64)
        founder[representatives] = founders(of[representatives], rank[representatives])
        founder[representatives] = representatives[founder[representatives]]
        place = founder[anchor]
        relation, score = relation.copy(), score.copy()
        reports = representatives[founder[representatives] != representatives]
        belongs = np.ones(n)
        belongs[representatives] = clustering.score
        relation[reports], score[reports] = Relation.REPORT, belongs[reports]
        pairs = self.duplicate_pairs()
        template = pairs["relation"] == Relation.TEMPLATE
        left, right, jaccard = (pairs[name][template] for name in ("left", "right", "jaccard"))
        mark_templates(left, right, jaccard, rank=rank, relations=relation, scores=score)
        canonical = pick_canonicals(self.corpus, place, self.settings, threads=self.threads)
        outcome = {"group": anchor, "story": place, "canonical": canonical, "relation": relation, "score": score}
        Parts(self.folder / "outcome").write(0, pa.record_batch(outcome))
        left, right = representatives[clustering.left], representatives[clustering.right]
        links = {"left": left, "right": right, "probability": clustering.probability}
        Parts(self.folder / "links").write(0, pa.record_batch(links))
        stories = int(np.count_nonzero(place == np.arange(n)))
        return {"items": representatives.size, "stories": stories}

    def outcome(self) -> Outcome:
        """What was decided."""
        columns = _columns(Parts(self.folder / "outcome"))
        return Outcome(**columns)

    @property
    def idf(self) -> Idf:
        """The IDF snapshot that the stories were decided under."""
        return Idf.from_bytes((self.folder / _IDF).read_bytes())

    def _keep_idf(self, idf: Idf) -> None:
        with replaced(self.folder / _IDF) as draft:
            draft.write_bytes(idf.to_bytes())

    def duplicate_pairs(self) -> Mapping[str, NDArray[Any]]:
        """Related pairs of texts: ``left``, ``right``, ``jaccard``, ``relation``."""
        return _columns(Parts(self.folder / "duplicates"))

    def links(self) -> Mapping[str, NDArray[Any]]:
        """Strongest links inside stories: ``left``, ``right``, ``probability``."""
        return _columns(Parts(self.folder / "links"))

    def others(self) -> NDArray[np.int64]:
        """The article each is linked to, -1 for none: int64 array (n,).

        The representative of a copy, the most probable partner of a report, the older text of a template.
        """
        outcome, links = self.outcome(), self.links()
        n = outcome.group.size
        other = np.full(n, -1, np.int64)
        ends = np.concatenate([links["left"], links["right"]])
        partners = np.concatenate([links["right"], links["left"]])
        probability = np.tile(links["probability"], 2)
        by = np.lexsort((partners, -probability, ends))
        found, first = np.unique(ends[by], return_index=True)
        report = np.zeros(n, bool)
        report[found] = outcome.relation[found] == Relation.REPORT
        other[found] = np.where(report[found], partners[by][first], -1)
        copy = outcome.group != np.arange(n)
        other[copy] = outcome.group[copy]
        pairs = self.duplicate_pairs()
        template = pairs["relation"] == Relation.TEMPLATE
        for left, right in zip(pairs["left"][template].tolist(), pairs["right"][template].tolist(), strict=True):
            for one, two in ((left, right), (right, left)):
                if outcome.relation[one] == Relation.TEMPLATE and (other[one] < 0 or two < other[one]):
                    other[one] = two
        return other

    def probabilities(self) -> NDArray[np.int64]:
        """Histogram of the probabilities of all judged pairs over 0..1."""
        counts = np.zeros(_BINS, np.int64)
        for batch in Parts(self.folder / "judged").batches(["logit"]):
            values = 1 / (1 + np.exp(-batch.column(0).to_numpy()))
            counts += np.histogram(values, bins=_BINS, range=(0, 1))[0]
        return counts

    def _groups(self) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.float64]]:
        columns = _columns(Parts(self.folder / "groups"))
        return columns["anchor"], columns["relation"], columns["score"]


def _columns(parts: Parts) -> dict[str, NDArray[Any]]:
    batch = parts.read(0)
    return {name: batch.column(name).to_numpy() for name in batch.schema.names}
