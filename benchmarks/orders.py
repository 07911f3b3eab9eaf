"""Whatever the order of arrival: what the stream decides, what a nightly run makes of it, and which ids survive.

    python -m benchmarks.orders --articles 20000 --orders 3
    python -m benchmarks.orders --articles 0 --gold LABELLED.jsonl.gz

Generated articles are streamed in shuffled orders, each into a store of its own, then the nightly job runs: every
article must then stand where ``dedup cluster`` puts it.  Labelled articles (``--gold``) are streamed likewise, and the
clustering is scored before and after; the labels are seen by the score alone.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks import results
from benchmarks.corpus import as_sent, generate, write_jsonl
from dedup.article import Article
from dedup.batch.local import cluster_files
from dedup.evaluation import score
from dedup.readers import read_articles
from dedup.service import Service
from dedup.settings import Settings

#: What an article is asked for, beside its story and its group: these must be those of the batch to the letter.
ALIKE = ("relation", "is_canonical", "canonical_id")
_PIECE = 500


def stream(service: Service, articles: Sequence[Any], order: int) -> None:
    """Ingest and decide the articles in a shuffled order, some at a time."""
    shuffled = list(articles)
    random.Random(order).shuffle(shuffled)
    for start in range(0, len(shuffled), _PIECE):
        service.ingest(shuffled[start : start + _PIECE])
        service.assign()


def partition(names: Mapping[str, Any]) -> set[frozenset[str]]:
    """The clusters of article ids."""
    found: dict[Any, set[str]] = {}
    for article, name in names.items():
        found.setdefault(name, set()).add(article)
    return {frozenset(members) for members in found.values()}


def surviving(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[int, int]:
    """Stories whose members are the same before and after, and how many of them kept their id."""
    same = partition(before) & partition(after)
    return len(same), sum(before[next(iter(members))] == after[next(iter(members))] for members in same)


def differing(service: Service, expected: Mapping[str, Mapping[str, Any]]) -> int:
    """Articles that do not stand where the batch puts them."""
    views = {name: service.article(name) for name in expected}
    wrong = {name for name, row in expected.items() if any(getattr(views[name], a) != row[a] for a in ALIKE)}
    for kind in ("story_id", "duplicate_group_id"):
        here = {name: getattr(view, kind) for name, view in views.items()}
        there = partition({name: row[kind] for name, row in expected.items()})
        wrong |= {name for members in partition(here) - there for name in members}
    return len(wrong)


def generated(articles: int, order: int, folder: Path, expected: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Stream in one order, run the nightly job, compare."""
    rows = list(map(as_sent, generate(articles)))
    ids = [row["id"] for row in rows]
    with Service.open(f"embedded:{folder / f'store{order}'}") as service:
        started = time.perf_counter()
        stream(service, rows, order)
        streamed = time.perf_counter() - started
        before = service.wait(ids, timeout=0)
        differ_before = differing(service, expected)
        started = time.perf_counter()
        summary = service.nightly()
        seconds = time.perf_counter() - started
        after = service.wait(ids, timeout=0)
        unchanged, kept = surviving(before, after)
        old = set(before.values())
        return {
            "order": order,
            "articles": len(after),
            "stories_before": len(old),
            "stories_after": len(set(after.values())),
            "differ_from_batch_before": differ_before,
            "differ_from_batch_after": differing(service, expected),
            "stories_unchanged": unchanged,
            "of_them_kept_their_id": kept,
            "old_ids_that_resolve": sum(service.story(name).id in set(after.values()) for name in old),
            "nightly": {k: v for k, v in summary.items() if k.startswith(("stories_", "canonical_", "articles_"))},
            "stream_seconds": round(streamed, 1),
            "nightly_seconds": round(seconds, 1),
        }


def labelled(gold: Path, order: int, folder: Path) -> dict[str, Any]:
    """Stream labelled articles in one order; score before and after the nightly job."""
    articles: list[Article] = []
    labels: dict[str, str] = {}
    for article in read_articles([gold]):
        labels[article.id] = str(article.metadata["story_id"])
        articles.append(replace(article, metadata={}))
    with Service.open(f"embedded:{folder / f'{gold.name}{order}'}") as service:
        stream(service, articles, order)
        scores = {}
        for when in ("stream", "nightly"):
            if when == "nightly":
                service.nightly()
            found = service.wait(labels, timeout=0)
            told = score(list(labels.values()), [found[name] for name in labels])
            scores[when] = {name: round(told[name], 4) for name in ("bcubed_f1", "pairwise_f1", "ami")}
    return {"set": gold.name.split(".")[0], "order": order, **scores}


def main() -> None:
    """Measure, write the results and print them; exit with 1 where an article does not stand as in the batch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=20_000)
    parser.add_argument("--orders", type=int, default=3)
    parser.add_argument("--gold", type=Path, nargs="*", default=[], help="files of articles with a story_id each")
    args = parser.parse_args()
    found: dict[str, Any] = {"generated": [], "labelled": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.articles:
            write_jsonl(folder / "in.jsonl", map(as_sent, generate(args.articles)))
            cluster_files([folder / "in.jsonl"], str(folder / "out.parquet"), settings=Settings())
            expected = {row["id"]: row for row in pq.read_table(folder / "out.parquet").to_pylist()}
            for order in range(1, args.orders + 1):
                found["generated"].append(generated(args.articles, order, folder, expected))
                print(json.dumps(found["generated"][-1]), flush=True)
        for gold in args.gold:
            for order in range(1, args.orders + 1):
                found["labelled"].append(labelled(gold, order, folder))
                print(json.dumps(found["labelled"][-1]), flush=True)
    results.write("orders", found)
    sys.exit(any(run["differ_from_batch_after"] for run in found["generated"]))


if __name__ == "__main__":
    main()
