"""How good a clustering is: BCubed, pairwise and mutual-information scores, and the harness that measures them.

BCubed: Bagga and Baldwin, "Entity-based cross-document coreferencing using the vector space model" (1998).
"""

from __future__ import annotations

import json
import time
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.article import Article
from dedup.cluster.candidates import candidate_pairs
from dedup.cluster.duplicates import find_duplicates
from dedup.cluster.live import LiveStories
from dedup.cluster.pair_features import prepare
from dedup.cluster.pairs import PairModel
from dedup.cluster.relation import RelationRule
from dedup.cluster.whole import cluster_articles
from dedup.settings import Settings
from dedup.vectors import Encoder, Idf, featurize
from dedup.vectors.anchors import UNDATED


def _codes(labels: Sequence[Hashable] | NDArray[Any]) -> NDArray[np.int64]:
    seen: dict[Hashable, int] = {}
    values = labels.tolist() if isinstance(labels, np.ndarray) else labels
    return np.array([seen.setdefault(label, len(seen)) for label in values], np.int64)


def score(gold: Sequence[Hashable] | NDArray[Any], found: Sequence[Hashable] | NDArray[Any]) -> dict[str, float]:
    """Compare a clustering with the truth.

    Parameters
    ----------
    gold, found:
        True and found label of each of ``n`` articles.

    Returns
    -------
    dict
        ``bcubed_precision``, ``bcubed_recall``, ``bcubed_f1``, ``pairwise_precision``, ``pairwise_recall``,
        ``pairwise_f1``, ``ami`` (adjusted mutual information), ``stories_true``, ``stories_found``.

    Examples
    --------
    >>> score(["a", "a", "b"], [0, 0, 0])["bcubed_recall"]
    1.0
    """
    from sklearn.metrics import adjusted_mutual_info_score

    if len(gold) != len(found):
        raise ValueError(f"{len(gold)} true labels for {len(found)} found ones")
    y, p = _codes(gold), _codes(found)
    n = len(y)
    if n == 0:
        raise ValueError("no labelled article to score")
    sizes_y, sizes_p = np.bincount(y), np.bincount(p)
    cells, counts = np.unique(y * (p.max() + 1) + p, return_counts=True)
    of_y, of_p = cells // (p.max() + 1), cells % (p.max() + 1)
    precision = float((counts**2 / sizes_p[of_p]).sum() / n)
    recall = float((counts**2 / sizes_y[of_y]).sum() / n)
    both = float((counts * (counts - 1) / 2).sum())
    pairs_y, pairs_p = (float((s * (s - 1) / 2).sum()) for s in (sizes_y, sizes_p))
    pair_precision = both / pairs_p if pairs_p else 1.0
    pair_recall = both / pairs_y if pairs_y else 1.0
    return {
        "bcubed_precision": precision,
        "bcubed_recall": recall,
        "bcubed_f1": harmonic(precision, recall),
        "pairwise_precision": pair_precision,
        "pairwise_recall": pair_recall,
        "pairwise_f1": harmonic(pair_precision, pair_recall),
        "ami": float(adjusted_mutual_info_score(y, p)),
        "stories_true": len(sizes_y),
        "stories_found": len(sizes_p),
    }


def harmonic(precision: float, recall: float) -> float:
    """Return the harmonic mean of two shares, 0 if both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def calibration_error(probability: NDArray[np.floating], truth: NDArray[np.bool_], *, bins: int = 15) -> float:
    """Expected calibration error over equal-width bins (Naeini, Cooper and Hauskrecht, AAAI 2015)."""
    which = np.minimum((probability * bins).astype(np.int64), bins - 1)
    count = np.bincount(which, minlength=bins)
    gap = np.abs(np.bincount(which, probability, bins) - np.bincount(which, truth.astype(float), bins))
    return float(gap.sum() / max(1, count.sum()))


def evaluate(
    articles: Sequence[Article], gold: Sequence[str], *, mode: str = "batch", order: str = "file", orders: int = 0,
    distractors: Sequence[Article] = (), settings: Settings | None = None, corrections: str | Path | None = None,
    model: str | Path | PairModel | None = None, report: str | Path | None = None, encoder: Encoder | None = None,
    threads: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Cluster labelled articles, and compare with their labels, which the clustering does not see.

    Parameters
    ----------
    articles, gold:
        Articles, and the true story of each.
    mode:
        ``"batch"``, or ``"stream"``: one article after the other, with what the packaged prior knows.
    order:
        Stream order: ``"file"``, or ``"date"`` (undated last).
    orders:
        Stream in that many shuffled orders instead; means, and ``bcubed_f1_spread`` (standard deviation).
    distractors:
        Articles without labels, mixed in and not scored (in a stream, evenly in between).
    settings:
        All settings; the defaults when missing.
    corrections:
        JSON file with ``same``: lists of true story ids that are one event.
    model:
        Another pair model, or the JSON file of one.
    report:
        HTML file to write: the confusions worth reading.
    encoder:
        As :func:`dedup.cluster.whole.cluster_articles`; in batch only.
    threads:
        Threads of the batch; ``None`` is every core.

    Returns
    -------
    dict
        The scores of :func:`score`; ``singletons_true``, ``singletons_found``, ``candidate_recall`` (see
        :func:`candidate_recall`), ``articles``, ``articles_per_s``.
    """
    if encoder is not None and mode != "batch":
        raise ValueError("an encoder takes part in the batch only; evaluate with mode='batch'")
    settings = settings or Settings()
    if isinstance(model, str | Path):
        model = PairModel.from_json(Path(model).read_text(encoding="utf-8"))
    if corrections:
        gold = corrected(gold, json.loads(Path(corrections).read_text(encoding="utf-8"))["same"])
    everything = [*articles, *distractors]
    n = len(articles)
    # Kernels are compiled, and tables read, before the clock starts.
    cluster_articles(everything[:2], settings=settings, model=model)
    runs: list[dict[str, Any]] = []
    labels: list[Any] = []
    for row in _stream_orders(everything, n, order, orders) if mode == "stream" else [None]:
        started = time.perf_counter()
        if row is None:
            labels = cluster_articles(
                everything, settings=settings, model=model, encoder=encoder, threads=threads
            ).labels.tolist()
        else:
            labels = stream_labels(everything, row, settings=settings, model=model, threads=threads)
        seconds = time.perf_counter() - started
        runs.append(score(gold, labels[:n]) | {"articles_per_s": len(everything) / seconds})
    result: dict[str, Any] = {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}
    for name in ("stories_true", "stories_found"):
        result[name] = round(result[name])
    if len(runs) > 1:
        result["bcubed_f1_spread"] = float(np.std([run["bcubed_f1"] for run in runs]))
        result["orders"] = len(runs)
    result["singletons_true"] = int((np.bincount(_codes(gold)) == 1).sum())
    result["singletons_found"] = int((np.bincount(_codes(labels[:n])) == 1).sum())
    result["candidate_recall"] = candidate_recall(articles, gold, settings=settings, threads=threads)
    result["articles"] = len(everything)
    if report:
        from dedup.confusions import write_report

        write_report(Path(report), articles, gold, labels[:n], result)
    return result


def corrected(gold: Sequence[str], same: Sequence[Sequence[str]]) -> list[str]:
    """Give stories that are one event one name."""
    name = {story: group[0] for group in same for story in group}
    return [name.get(story, story) for story in gold]


def stream_labels(
    articles: Sequence[Article], order: NDArray[np.int64], *, settings: Settings, model: PairModel | None = None,
    threads: int | None = 1,
) -> list[str | None]:  # fmt: skip
    """Stream the articles in the given order; return the story of each, in the order of ``articles``.

    Duplicate groups are those of the same order: the first article of a text represents it.
    """
    sketch, story = settings.sketch, settings.story
    groups = find_duplicates(
        [article.text for article in articles], threshold=sketch.threshold, ngram=sketch.ngram,
        num_perm=sketch.num_perm, seed=sketch.seed, order=order, threads=threads,
        rule=RelationRule(threshold=sketch.threshold, containment=sketch.containment),
    )  # fmt: skip
    features = featurize(articles, threads=threads)
    anchor = groups.representatives[groups.labels]
    numbers = order.tolist()
    arrived = np.empty(len(order), np.int64)
    arrived[order] = np.arange(len(order))
    # In the end a text moves to the representative nearest to it; in a stream that one may still be to come.
    leaders: list[int | None] = [int(anchor[i]) if arrived[anchor[i]] < arrived[i] else None for i in numbers]
    languages = np.array(features.lang)[order]
    place: dict[int, str | None] = {}
    for code in np.unique(languages):
        rows = np.flatnonzero(languages == code)
        live = LiveStories(
            model=model, threshold=story.threshold, quorum=story.quorum,
            window=story.window_days * 86_400, most=story.candidates,
        )  # fmt: skip
        mine = {numbers[r] for r in rows}
        live.assign(
            [numbers[r] for r in rows], features.take(order[rows]),
            representatives=[leader if (leader := leaders[r]) in mine else None for r in rows],
        )  # fmt: skip
        place |= {numbers[r]: live.story_of(numbers[r]) for r in rows}
    return [place[i] for i in range(len(articles))]


def candidate_recall(
    articles: Sequence[Article], gold: Sequence[str], *, settings: Settings, threads: int | None = None
) -> float:
    """Share of articles with another of their true story in the window that have one among their candidates."""
    features = featurize(articles, threads=threads)
    prepared = prepare(features, Idf.prior())
    window = settings.story.window_days * 86_400
    left, right = candidate_pairs(prepared, window=window, most=settings.story.candidates, threads=threads)
    y = _codes(gold)
    found = np.zeros(len(y), bool)
    hit = y[left] == y[right]
    found[left[hit]] = found[right[hit]] = True
    dated = prepared.published != UNDATED
    reachable = np.zeros(len(y), bool)
    for story in np.unique(y):
        rows = np.flatnonzero(y == story)
        gaps = np.abs(prepared.published[rows][:, None] - prepared.published[rows][None])
        near = (gaps <= window) | ~dated[rows][:, None] | ~dated[rows][None]
        np.fill_diagonal(near, False)
        reachable[rows] = near.any(1)
    return float(found[reachable].mean()) if reachable.any() else 1.0


def _stream_orders(articles: Sequence[Article], labelled: int, order: str, orders: int) -> list[NDArray[np.int64]]:
    n = len(articles)
    if orders:
        return [np.random.default_rng(seed).permutation(n) for seed in range(orders)]
    if order == "date":
        return [np.array(sorted(range(n), key=lambda i: _when(articles[i])), np.int64)]
    # Distractors fall evenly between the labelled articles.
    position = np.concatenate([np.arange(labelled) / max(1, labelled), np.arange(n - labelled) / max(1, n - labelled)])
    return [np.argsort(position, kind="stable")]


def _when(article: Article) -> tuple[bool, float]:
    moment = article.published_at
    return moment is None, moment.timestamp() if moment else 0.0
