"""Story quality on labelled sets: cross-validated, left out, streamed, with distractors, and what each part is worth.

Usage: python benchmarks/story_quality.py SET.jsonl.gz... [--corrections FILE] [--distractors FILE] [--orders 10]
    [--ablate]

Every figure judges an article by a model that has not seen its story (five folds over stories), or that has not seen
its set at all ("left out").  The link decision is the packaged one.  Intervals hold 95% of what other stories of the
same kind would give: true stories are drawn anew with replacement, with all their articles, 2,000 times.

No story of the labelled sets has one article, but many of a stream have.  Whether a model bets on company is seen where
three stories of five are left with one article, drawn five times.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dedup.cluster.candidates import candidate_pairs
from dedup.cluster.linkage import average_linkage
from dedup.cluster.live import LiveStories
from dedup.cluster.pair_features import NAMES, Weights, prepare
from dedup.cluster.pairs import PairModel, pair_logits
from dedup.cluster.stories import WINDOW
from dedup.cluster.train import (
    CUTS,
    LabelledSet,
    Rows,
    cross_validate,
    edition_rows,
    fit,
    read_set,
    training_rows,
)
from dedup.evaluation import calibration_error, score
from dedup.readers import read_articles
from dedup.text.boilerplate import Boilerplate
from dedup.vectors import Features, Idf, featurize

FAMILIES = {
    "all features": (),
    "without title": ("title", "untitled", "rubric"),
    "without lead": ("lead",),
    "without names": ("names",),
    "without shared sums (words, phrases, rare)": ("words", "phrases", "rare"),
    "without lengths": ("length_gap", "length"),
    "without dates": ("dates", "date_conflict"),
    "without ordinals": ("ordinals", "ordinal_conflict"),
    "without conflicts": ("date_conflict", "ordinal_conflict", "template"),
    "without time": ("time_apart",),
    "without rules (template, rubric)": ("template", "rubric"),
    "body cosine alone": tuple(name for name in NAMES if name != "body"),
}
SHIPPED = PairModel.default()
#: Seconds between any two articles at most.
FAR = 1e15
#: Share of the stories that are left with one article, and how often they are drawn.
ALONE, DRAWS = 0.6, 5


def batch(features: Features, weights: Weights, *, idf: Idf | None = None, cut: float | None = None) -> np.ndarray:
    """Story labels of a batch."""
    prepared = prepare(features, idf or Idf.prior().blend(features))
    left, right = candidate_pairs(prepared, window=WINDOW, threads=None)
    logits = pair_logits(prepared, weights, left, right, threads=None)
    at = SHIPPED.link_at if cut is None else cut
    return average_linkage(prepared, weights, left, right, logits, cut=at, threads=None)[0]


def stream(
    features: Features, weights: Weights, order: np.ndarray, *, quorum: float = 0.5, idf: Idf | None = None
) -> list[str | None]:
    """Story labels of a stream in the given order."""
    judges = [
        replace(SHIPPED, coef=tuple(map(float, c)), intercept=float(b))
        for c, b in zip(weights.coef, weights.intercept, strict=True)
    ]
    live = LiveStories(judges=judges, model=SHIPPED, quorum=quorum, idf=idf)
    live.assign(order.tolist(), features.take(order), judge=weights.model[order])
    return [live.story_of(i) for i in range(len(order))]


def without(rows: Rows, names: Sequence[str]) -> Rows:
    """The rows with some features at zero."""
    x = rows.x.copy()
    x[:, [NAMES.index(name) for name in names]] = 0
    return replace(rows, x=x)


def thinned(story: np.ndarray, seed: int) -> np.ndarray:
    """Rows that are left, in order, when :data:`ALONE` of the stories keep one article, any of theirs."""
    rng = np.random.default_rng(seed)
    alone = rng.random(int(story.max()) + 1) < ALONE
    shuffled = rng.permutation(len(story))
    first = shuffled[np.unique(story[shuffled], return_index=True)[1]]
    kept = ~alone[story]
    kept[first] = True
    return np.flatnonzero(kept)


def mean_scores(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    """Mean of each score."""
    return {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}


def line(name: str, scores: dict[str, float]) -> str:
    """One line of a table."""
    return (
        f"{name:<46} BCubed {scores['bcubed_precision']:.4f} {scores['bcubed_recall']:.4f} "
        f"F1 {scores['bcubed_f1']:.4f}  "
        f"pairwise F1 {scores['pairwise_f1']:.4f}  AMI {scores['ami']:.4f}"
    )


def shares(gold: np.ndarray, found: Sequence[object] | np.ndarray) -> np.ndarray:
    """BCubed precision and recall of the articles of each true story: summed precision, summed recall, articles."""
    _, p = np.unique(np.array(found).astype(str), return_inverse=True)
    _, y = np.unique(gold, return_inverse=True)
    _, cell, together = np.unique(y * (p.max() + 1) + p, return_inverse=True, return_counts=True)
    columns = (together[cell] / np.bincount(p)[p], together[cell] / np.bincount(y)[y], np.ones(len(y)))
    return np.stack([np.bincount(y, column) for column in columns], axis=1)


def interval(*stories: np.ndarray, draws: int = 2000) -> tuple[float, float]:
    """Bootstrap interval (95%; Efron, 1979) over stories of BCubed F1; of two clusterings, of what the second loses."""
    rng = np.random.default_rng(0)
    n = len(stories[0])
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=draws)
    f1 = []
    for one in stories:
        precision, recall, articles = (drawn @ one).T
        f1.append(2 * precision * recall / (precision + recall) / articles)
    low, high = np.quantile(f1[0] - f1[1] if len(f1) == 2 else f1[0], [0.025, 0.975])
    return float(low), float(high)


def spread(name: str, *stories: np.ndarray) -> str:
    """A line that tells the interval."""
    return f"{name:<46} 95% of draws of stories: {{:.4f}} to {{:.4f}}".format(*interval(*stories))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--corrections", type=Path)
    parser.add_argument("--distractors", type=Path)
    parser.add_argument("--orders", type=int, default=10)
    parser.add_argument("--ablate", action="store_true")
    arguments = parser.parse_args()
    same = json.loads(arguments.corrections.read_text(encoding="utf-8"))["same"] if arguments.corrections else []
    sets = [read_set(path, same) for path in arguments.sets]
    raw = [read_set(path, []) for path in arguments.sets]
    features = [featurize(data.articles, threads=None) for data in sets]
    rows, editions = [training_rows(data) for data in sets], [edition_rows(data) for data in sets]
    noise = None
    if arguments.distractors:
        noise = featurize([replace(a, metadata={}) for a in read_articles([str(arguments.distractors)])], threads=None)
    for k, data in enumerate(sets):
        weights = cross_validate(sets, rows, editions, k)
        measure(data, raw[k], features[k], weights, noise, arguments.orders)
        others = [i for i in range(len(sets)) if i != k]
        if others:
            model = fit(Rows.concat([rows[i] for i in others]), Rows.concat([editions[i] for i in others]))
            unseen = model.weights(len(features[k]))
            print(
                line(f"{data.name} batch, set left out of training", score(data.story, batch(features[k], unseen))),
                flush=True,
            )
    if arguments.ablate:
        ablate(sets, features, rows, editions)


def measure(
    data: LabelledSet, raw: LabelledSet, features: Features, weights: Weights, noise: Features | None, orders: int
) -> None:
    """Print the cross-validated figures of one set."""
    n = len(features)
    found = batch(features, weights)
    print(line(f"{data.name} batch, cross-validated", score(data.story, found)), flush=True)
    by_story = shares(data.story, found)
    print(spread(f"{data.name} batch, cross-validated", by_story), flush=True)
    print(line(f"{data.name} batch, cross-validated, raw labels", score(raw.story, found)), flush=True)
    few = [thinned(data.story, seed) for seed in range(DRAWS)]
    left_over = [batch(features.take(rows), weights._replace(model=weights.model[rows])) for rows in few]
    runs = [score(data.story[rows], labels) for rows, labels in zip(few, left_over, strict=True)]
    print(line(f"{data.name} batch, {ALONE:.0%} of the stories of one article", mean_scores(runs)), flush=True)
    for window in (WINDOW, FAR):
        calibration(data, features, weights, window)
    streamed = [stream(features, weights, np.random.default_rng(seed).permutation(n)) for seed in range(orders)]
    runs = [score(data.story, labels) for labels in streamed]
    deviation = np.std([run["bcubed_f1"] for run in runs])
    print(line(f"{data.name} stream, {orders} orders (spread {deviation:.4f})", mean_scores(runs)), flush=True)
    every = np.mean([shares(data.story, labels) for labels in streamed], axis=0)
    print(spread(f"{data.name} stream, loss against batch", by_story, every), flush=True)
    if noise is not None:
        both = Features.concat([features, noise])
        models = np.concatenate([weights.model, np.zeros(len(noise), np.uint8)])
        mixed = batch(both, weights._replace(model=models))
        print(line(f"{data.name} batch with {len(noise):,} distractors", score(data.story, mixed[:n])), flush=True)
        lost = shares(data.story, mixed[:n])
        print(spread(f"{data.name} distractors, loss against batch", by_story, lost), flush=True)


def calibration(data: LabelledSet, features: Features, weights: Weights, window: float) -> None:
    """Print how far the probabilities of pairs are from the truth, and how far chance alone would put them."""
    prepared = prepare(features, Idf.prior().blend(features))
    left, right = candidate_pairs(prepared, window=window, threads=None)
    said = 1 / (1 + np.exp(-pair_logits(prepared, weights, left, right, threads=None).astype(np.float64)))
    true = data.story[left] == data.story[right]
    rng = np.random.default_rng(0)
    chance = np.mean([calibration_error(said, rng.random(len(said)) < said) for _ in range(100)])
    print(
        f"{data.name} calibration of {len(left):,} candidate pairs {'of any time' if window == FAR else 'of 7 days'}: "
        f"{true.sum():,} true, {said.sum():,.0f} said; error {calibration_error(said, true):.4f}, "
        f"by chance {chance:.4f}",
        flush=True,
    )


def ablate(sets: list[LabelledSet], features: list[Features], rows: list[Rows], editions: list[Rows]) -> None:
    """Print what each part is worth: mean BCubed F1 over the sets, batch and stream."""
    orders = [np.random.default_rng(0).permutation(len(one)) for one in features]

    def report(name: str, weights: list[Weights], seen: list[Features] = features, idf: Idf | None = None) -> None:
        judged = list(zip(sets, seen, weights, strict=True))
        found = [score(d.story, batch(f, w, idf=idf))["bcubed_f1"] for d, f, w in judged]
        best = [
            max(score(d.story, batch(f, w, idf=idf, cut=cut))["bcubed_f1"] for cut in CUTS[CUTS <= 0])
            for d, f, w in judged
        ]
        print(
            f"{name:<46} "
            + "  ".join(f"{d.name} {x:.4f} (best cut {b:.4f})" for d, x, b in zip(sets, found, best, strict=True))
            + f"  mean {np.mean(found):.4f}",
            flush=True,
        )

    whole: list[Weights] = []
    for name, dropped in FAMILIES.items():
        less, fewer = [without(r, dropped) for r in rows], [without(e, dropped) for e in editions]
        weights = [cross_validate(sets, less, fewer, k) for k in range(len(sets))]
        whole = whole or weights
        report(name, weights)
    report("prior IDF alone", whole, idf=Idf.prior())
    learned = [Boilerplate.of((article.source, article.text) for article in data.articles) for data in sets]
    bare = [featurize(d.articles, boilerplate=lines, threads=None) for d, lines in zip(sets, learned, strict=True)]
    report("with boilerplate stripping", whole, bare)
    for name, quorum in (("stream", 0.5), ("stream without quorum", 0.0)):
        found = [
            score(d.story, stream(f, w, o, quorum=quorum))["bcubed_f1"]
            for d, f, w, o in zip(sets, features, whole, orders, strict=True)
        ]
        print(f"{name:<46} " + "  ".join(f"{d.name} {x:.4f}" for d, x in zip(sets, found, strict=True)), flush=True)
    found = [
        score(d.story, stream(f, w, o, idf=Idf.prior()))["bcubed_f1"]
        for d, f, w, o in zip(sets, features, whole, orders, strict=True)
    ]
    print(
        f"{'stream, prior IDF alone':<46} " + "  ".join(f"{d.name} {x:.4f}" for d, x in zip(sets, found, strict=True)),
        flush=True,
    )


if __name__ == "__main__":
    main()
