"""What is promised of quality, measured on the labelled data (skipped where it is absent)."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from dedup.cluster.canonical import rank_canonical
from dedup.evaluation import evaluate
from dedup.readers import read_articles
from dedup.vectors import featurize
from tests.quality.planted import story_of

pytestmark = pytest.mark.labelled
#: Lowest BCubed F1 that a change may leave: batch, and stream in file order.
FLOORS = {"vims": (0.975, 0.97), "vnmds": (0.935, 0.935), "basil": (0.975, 0.975)}


@pytest.mark.parametrize("name", FLOORS)
@pytest.mark.parametrize("mode", ["batch", "stream"])
def test_story_quality_does_not_fall(shared: Path, name: str, mode: str) -> None:
    articles = list(read_articles([str(shared / "data" / f"{name}.jsonl.gz")]))
    gold = [str(article.metadata["story_id"]) for article in articles]
    bare = [replace(article, metadata={}) for article in articles]

    scores = evaluate(bare, gold, mode=mode, corrections=shared / "data" / "label_corrections.json")

    assert scores["bcubed_f1"] >= FLOORS[name][mode == "stream"]
    assert scores["candidate_recall"] >= 0.995


def test_the_original_is_picked_among_degraded_copies(shared: Path) -> None:
    rng = random.Random(7)
    originals = [
        a for a in read_articles([str(shared / "data" / "perf_vi.jsonl.gz")]) if "planted_from" not in a.metadata
    ][:2000:5]  # fmt: skip
    picked = 0
    for original in originals:
        members = story_of(replace(original, metadata={}), rng)
        best = rank_canonical(featurize(members), [m.id for m in members])[0]
        picked += members[best.index].id == "original"

    assert picked / len(originals) >= 0.97
