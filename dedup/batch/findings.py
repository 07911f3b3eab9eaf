"""What a report shows of a run: counts, histograms, and the lines worth a person's eye."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.batch.decisions import Decisions
from dedup.batch.outcome import Outcome
from dedup.batch.report import BigStory, Borderline, Comparison, Copying, RunReport, Stage
from dedup.cluster.relation import Relation
from dedup.identity import story_id
from dedup.sketch.bands import thorough_bands

_SHOWN = 20
_BINS = 50
_COPIES = (Relation.IDENTICAL, Relation.NEAR_DUPLICATE, Relation.EXCERPT)


def findings(
    decisions: Decisions,
    outcome: Outcome,
    names: Mapping[int, str],
    *,
    title: str,
    started_at: datetime,
    inputs: tuple[str, ...],
    stages: Mapping[str, tuple[float, int]],
    peak_memory: int,
    rejected: tuple[str, ...] = (),
    rejected_count: int = 0,
    comparison: Comparison | None = None,
) -> RunReport:
    """Gather the report of a run.

    Parameters
    ----------
    decisions, outcome :
        What was decided.
    names :
        Ids of stories that do not go by their founder.
    title, started_at, inputs, peak_memory, rejected, rejected_count, comparison :
        As in :class:`~dedup.batch.report.RunReport`.
    stages :
        Seconds and things done, by name.
    """
    corpus, settings = decisions.corpus, decisions.settings
    bands, rows = thorough_bands(settings.sketch.threshold, settings.sketch.num_perm)
    words = Counter(Relation(int(code)).word for code in outcome.relation)
    languages = Counter(code or "unknown" for code in corpus.languages.to_pylist())
    jaccard = decisions.duplicate_pairs()["jaccard"]
    return RunReport(
        title=title,
        started_at=started_at,
        finished_at=datetime.now(UTC),
        inputs=inputs,
        articles=len(corpus),
        rejected=rejected[:_SHOWN],
        rejected_count=rejected_count,
        superseded=corpus.superseded,
        stages=tuple(Stage(name, seconds, items) for name, (seconds, items) in stages.items()),
        peak_memory=peak_memory,
        languages=dict(languages.most_common()),
        relations=dict(words.most_common()),
        group_sizes=_sizes(outcome.group),
        story_sizes=_sizes(outcome.story),
        jaccard=tuple(np.histogram(jaccard, bins=_BINS, range=(0, 1))[0].tolist()),
        jaccard_threshold=settings.sketch.threshold,
        probability=tuple(decisions.probabilities().tolist()),
        probability_threshold=settings.story.threshold,
        bands=bands,
        rows=rows,
        biggest=_biggest(decisions, outcome, names),
        borderline=_borderline(decisions),
        copying=_copying(decisions, outcome),
        comparison=comparison,
        settings={f"sketch.{k}": v for k, v in settings.sketch.model_dump().items()}
        | {f"story.{k}": v for k, v in settings.story.model_dump().items()},
    )


def _sizes(labels: NDArray[np.int64]) -> dict[int, int]:
    members = np.unique(labels, return_counts=True)[1]
    values, counts = np.unique(members, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _biggest(decisions: Decisions, outcome: Outcome, names: Mapping[int, str]) -> tuple[BigStory, ...]:
    corpus = decisions.corpus
    stories, sizes = np.unique(outcome.story, return_counts=True)
    largest = np.lexsort((stories, -sizes))[:_SHOWN]
    found = []
    for founder, size in zip(stories[largest].tolist(), sizes[largest].tolist(), strict=True):
        members = np.flatnonzero(outcome.story == founder)
        rows = pa.array(members)
        times = [moment for moment in corpus.published.take(rows).to_pylist() if moment is not None]
        title = corpus.titles(outcome.canonical[[founder]])[0]
        found.append(
            BigStory(
                id=names.get(founder) or story_id(corpus.ids[founder].as_py()),
                title=title or "",
                articles=size,
                groups=len(np.unique(outcome.group[members])),
                sources=len({s for s in corpus.sources.take(rows).to_pylist() if s}),
                first_at=min(times, default=None),
                last_at=max(times, default=None),
            )
        )
    return tuple(found)


def _borderline(decisions: Decisions) -> tuple[Borderline, ...]:
    """Links whose scores are nearest to their thresholds, half of them of each kind."""
    texts, reports = decisions.duplicate_pairs(), decisions.links()
    sketch, story = decisions.settings.sketch.threshold, decisions.settings.story.threshold
    near = texts["relation"] == Relation.NEAR_DUPLICATE
    lines = [
        *_nearest("near_duplicate", texts["left"][near], texts["right"][near], texts["jaccard"][near], sketch),
        *_nearest("report", reports["left"], reports["right"], reports["probability"], story),
    ]
    ends = np.array([end for _, left, right, _ in lines for end in (left, right)], np.int64)
    titles = decisions.corpus.titles(ends)
    ids = decisions.corpus.ids.take(pa.array(ends)).to_pylist()
    return tuple(
        Borderline(kind, score, ids[2 * i], titles[2 * i] or "", ids[2 * i + 1], titles[2 * i + 1] or "")
        for i, (kind, _, _, score) in enumerate(lines)
    )


def _nearest(
    kind: str, left: NDArray[np.int64], right: NDArray[np.int64], score: NDArray[Any], threshold: float
) -> list[tuple[str, int, int, float]]:
    by = np.lexsort((right, left, np.abs(score - threshold)))[: _SHOWN // 2]
    return [(kind, int(left[i]), int(right[i]), float(score[i])) for i in by]


def _copying(decisions: Decisions, outcome: Outcome) -> tuple[Copying, ...]:
    """Sources by how much they copy and are copied: an article copies the representative of its group."""
    sources = decisions.corpus.sources.dictionary_encode()
    names = sources.dictionary.to_pylist()
    code = sources.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    copy = np.flatnonzero(np.isin(outcome.relation, _COPIES))
    taker, giver = code[copy], code[outcome.group[copy]]
    between = (taker >= 0) & (giver >= 0) & (taker != giver)
    articles = np.bincount(code[code >= 0], minlength=len(names))
    copies = np.bincount(taker[between], minlength=len(names))
    copied = np.bincount(giver[between], minlength=len(names))
    by = [i for i in np.lexsort((np.arange(len(names)), -(copies + copied)))[:_SHOWN] if copies[i] + copied[i]]
    return tuple(Copying(names[i], int(articles[i]), int(copies[i]), int(copied[i])) for i in by)
