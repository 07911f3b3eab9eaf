"""Train the pair model and the link decision; see ``docs/model_card.md``.

Usage: ``python -m dedup.cluster.train SET.jsonl.gz... [--corrections FILE] [--out FILE]``

Each set is a file of articles with a ``story_id``; pairs are the candidates of each set. So that absent fields are no
evidence, each set is seen several times: as it is, without dates, without titles, and weighed by the prior alone (the
last two also without the encoder, if one is given). In
a dated set the time apart of a negative pair is redrawn evenly from the window wherever it lies outside, so that the
model learns what time says among the articles of one week, not among those of ten years. *Editions*, copies of an
article with other dates, ordinals and amounts, and *rubrics*, two stories under one title, are added as negatives:
daily prices and yearly conferences are alike in everything else, and "Morning news" says nothing.
"""

from __future__ import annotations

import argparse
import json
import pkgutil
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dedup.article import Article
from dedup.cluster.candidates import candidate_pairs
from dedup.cluster.linkage import CLIP, average_linkage
from dedup.cluster.pair_features import NAMES, Weights, prepare
from dedup.cluster.pairs import PairModel, pair_logits, pair_rows, stack_models
from dedup.cluster.reliability import reliability, reliability_svg, reliability_table
from dedup.cluster.stories import WINDOW
from dedup.evaluation import calibration_error, corrected, score
from dedup.readers import read_articles
from dedup.vectors import Encoder, Features, Idf, encode, featurize

WINDOW_DAYS = 7.0
#: Share of a set's weight given to its editions.
EDITION_WEIGHT = 0.1
EDITION_COUNT = 400
FOLDS = 5
#: Candidates of one article in training.
CANDIDATES = 25
_TIME = NAMES.index("time_apart")
#: Features whose weights are set by the negatives made by rule.
_RULES = [NAMES.index("template"), NAMES.index("rubric")]
#: Joint log-odds that are tried as the link decision.
CUTS = np.arange(-3.0, 1.01, 0.25)
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Articles with the story of each, and the fold each story falls into."""

    name: str
    articles: tuple[Article, ...]
    story: NDArray[np.int64]
    fold: NDArray[np.int64]

    @classmethod
    def of(cls, name: str, articles: Sequence[Article], stories: Sequence[str], *, seed: int = 0) -> LabelledSet:
        """Number the stories and draw their folds."""
        story = np.unique(np.array(stories), return_inverse=True)[1].astype(np.int64)
        fold = np.random.default_rng(seed).integers(0, FOLDS, int(story.max()) + 1)[story]
        return cls(name, tuple(articles), story, fold)


@dataclass(frozen=True, slots=True)
class Rows:
    """Training rows: features, truth, weight, and the folds of the two articles."""

    x: NDArray[np.float32]
    y: NDArray[np.bool_]
    weight: NDArray[np.float64]
    fold_left: NDArray[np.int64]
    fold_right: NDArray[np.int64]

    @classmethod
    def concat(cls, parts: Sequence[Rows]) -> Rows:
        """Join rows."""
        return cls(*(np.concatenate([getattr(p, f) for p in parts]) for f in cls.__dataclass_fields__))

    def select(self, mask: NDArray[np.bool_]) -> Rows:
        """Keep the rows of ``mask``."""
        return Rows(*(getattr(self, f)[mask] for f in self.__dataclass_fields__))


def edition_of(article: Article, rng: np.random.Generator) -> Article:
    """Return another edition: every number changed, the publication moved by days to a year."""
    shift = int(rng.integers(1, 12))

    def renumber(match: re.Match[str]) -> str:
        text = match.group()
        value = int(text)
        if len(text) <= 2:
            new = (value + shift - 1) % (12 if value <= 12 else 28) + 1
        elif len(text) == 4 and 1900 <= value <= 2100:
            new = value + (1 if shift > 6 else 0)
        else:
            new = max(1, int(value * rng.uniform(0.7, 1.4)) + 1)
        return str(new).zfill(len(text)) if text.startswith("0") else str(new)

    moment = article.published_at + timedelta(days=shift) if article.published_at else None
    title = _NUMBER.sub(renumber, article.title) if article.title else None
    return replace(article, id="", title=title, text=_NUMBER.sub(renumber, article.text), published_at=moment)


def training_rows(data: LabelledSet, *, encoder: Encoder | None = None, seed: int = 0) -> Rows:
    """Return the rows of one set, of total weight 1."""
    rng = np.random.default_rng(seed)
    features = featurize(data.articles, threads=None)
    vectors = None if encoder is None else encode(encoder, data.articles)
    prepared = prepare(features, Idf.prior().blend(features), vectors)
    left, right = candidate_pairs(prepared, window=1e15, most=CANDIDATES, threads=None)
    y = data.story[left] == data.story[right]
    rows = pair_rows(prepared, left, right)
    copies = []
    bare = rows.copy()
    bare[:, _TIME] = 0
    copies.append((bare, np.ones(len(y), bool)))
    # A stream begins with the prior alone.
    early = pair_rows(prepare(features, Idf.prior()), left, right)
    early[:, _TIME] = 0
    copies.append((early, np.ones(len(y), bool)))
    if rows[:, _TIME].any():
        timed = rows.copy()
        far = features.published[left] - features.published[right]
        outside = np.abs(far) > WINDOW_DAYS * 86_400
        drawn = rng.uniform(0, WINDOW_DAYS, len(y))
        timed[:, _TIME] = np.where(outside, 1 - np.exp(-((drawn / 3) ** 2)), timed[:, _TIME])
        copies.append((timed, ~(outside & y)))
    untitled = featurize([replace(a, title=None) for a in data.articles], threads=None)
    plain = pair_rows(prepare(untitled, Idf.prior().blend(untitled)), left, right)
    plain[:, _TIME] = 0
    copies.append((plain, np.ones(len(y), bool)))
    parts = []
    for x, keep in copies:
        share = np.full(int(keep.sum()), 1 / len(copies) / keep.sum())
        parts.append(Rows(x[keep], y[keep], share, data.fold[left][keep], data.fold[right][keep]))
    return Rows.concat(parts)


def edition_rows(data: LabelledSet, *, seed: int = 0) -> Rows:
    """Return negatives made by rule, of total weight :data:`EDITION_WEIGHT`: editions, and stories under one title."""
    rng = np.random.default_rng(seed)
    features = featurize(data.articles, threads=None)
    anchored = np.flatnonzero(np.diff(features.anchor_offsets) >= 4)
    chosen = np.sort(rng.choice(anchored, min(EDITION_COUNT, len(anchored)), replace=False))
    other = featurize([edition_of(data.articles[i], rng) for i in chosen], threads=None)
    # Rubrics: two stories under one title.
    pairs = rng.integers(0, len(data.articles), (EDITION_COUNT, 2))
    pairs = pairs[data.story[pairs[:, 0]] != data.story[pairs[:, 1]]]
    titled = [(data.articles[i], replace(data.articles[j], title=data.articles[i].title)) for i, j in pairs]
    rubrics = featurize([article for pair in titled for article in pair], threads=None)
    x = np.concatenate(
        [
            _rows_between(features.take(chosen), other, features),
            _rows_between(
                rubrics.take(np.arange(0, len(rubrics), 2)), rubrics.take(np.arange(1, len(rubrics), 2)), features
            ),
        ]
    )
    fold = np.concatenate([data.fold[chosen], data.fold[pairs[:, 0]]])
    n = len(x)
    return Rows(x, np.zeros(n, bool), np.full(n, EDITION_WEIGHT / n), fold, fold)


def _rows_between(one: Features, two: Features, background: Features) -> NDArray[np.float32]:
    """Pair features of row k of ``one`` with row k of ``two``, times left out."""
    n = len(one)
    prepared = prepare(Features.concat([one, two]), Idf.prior().blend(background))
    x = pair_rows(prepared, np.arange(n), np.arange(n, 2 * n))
    x[:, _TIME] = 0
    return x


def fit(rows: Rows, editions: Rows, *, strength: float = 1.0) -> PairModel:
    """Fit the regression, then the weights of templates and rubrics; ``strength`` is scikit-learn's ``C``.

    Editions are alike in all but anchors, rubrics in the title alone: among the rows of the regression they would teach
    it that likeness is evidence against.  So they only set the weights that are theirs, the others held.
    """
    from scipy.optimize import minimize
    from sklearn.linear_model import LogisticRegression

    x = rows.x.copy()
    x[:, _RULES] = 0
    mean, spread = x.mean(0), x.std(0)
    spread[spread == 0] = 1
    # To convergence: where it stops a little before, the number of threads of linear algebra tells in the figures.
    regression = LogisticRegression(C=strength, max_iter=3000, tol=1e-6)
    regression.fit((x - mean) / spread, rows.y, sample_weight=rows.weight * len(rows.y) / rows.weight.sum())
    coef = (regression.coef_[0] / spread).astype(np.float64)
    intercept = float(regression.intercept_[0] - (coef * mean).sum())
    both = Rows.concat([rows, editions])
    base, ruled = both.x @ coef + intercept, both.x[:, _RULES].astype(np.float64)
    sign = np.where(both.y, 1.0, -1.0)

    def loss(weights: NDArray[np.float64]) -> float:
        return float((both.weight * np.logaddexp(0, -sign * (base - ruled @ weights))).sum())

    coef[_RULES] = -minimize(loss, np.full(len(_RULES), 5.0), bounds=[(0, 25)] * len(_RULES), method="L-BFGS-B").x
    return PairModel(tuple(map(float, coef)), intercept)


def cross_validate(sets: Sequence[LabelledSet], rows: Sequence[Rows], editions: Sequence[Rows], at: int) -> Weights:
    """Return weights under which every article of ``sets[at]`` is judged by a model that has not seen its story."""
    others = [r for k, r in enumerate(rows) if k != at]
    negatives = Rows.concat([e for k, e in enumerate(editions) if k != at] or list(editions))
    models = []
    for fold in range(FOLDS):
        seen = rows[at].select((rows[at].fold_left != fold) & (rows[at].fold_right != fold))
        models.append(fit(Rows.concat([seen, *others]), negatives))
    return stack_models(models, sets[at].fold.astype(np.uint8))


def curve(
    data: LabelledSet, weights: Weights
) -> tuple[list[dict[str, float]], tuple[NDArray, NDArray], tuple[NDArray, NDArray]]:
    """Return the batch scores at each of :data:`CUTS`, and (score, truth) of pairs and of links for calibration."""
    features = featurize(data.articles, threads=None)
    prepared = prepare(features, Idf.prior().blend(features))
    left, right = candidate_pairs(prepared, window=WINDOW, threads=None)
    logits = pair_logits(prepared, weights, left, right, threads=None)
    scores = [
        score(data.story, average_linkage(prepared, weights, left, right, logits, cut=float(cut), threads=None)[0])
        for cut in CUTS
    ]
    return scores, (logits, data.story[left] == data.story[right]), _links(data, left, right, logits)


def _links(
    data: LabelledSet, left: NDArray[np.int64], right: NDArray[np.int64], logits: NDArray[np.float32]
) -> tuple[NDArray, NDArray]:
    """Joint log-odds of each article with each true story that holds a candidate of it, and whether it is its own."""
    article, other = np.concatenate([left, right]), np.concatenate([right, left])
    key = article * (int(data.story.max()) + 1) + data.story[other]
    cells, inverse = np.unique(key, return_inverse=True)
    total = np.bincount(inverse, np.tile(np.clip(logits, -CLIP, CLIP), 2))
    story = cells % (int(data.story.max()) + 1)
    sizes = np.bincount(data.story)[story] - (data.story[cells // (int(data.story.max()) + 1)] == story)
    # Members that were no candidates count as far apart.
    asked = np.bincount(inverse)
    joint = (total - CLIP * (sizes - asked)) / sizes
    return joint, data.story[cells // (int(data.story.max()) + 1)] == story


def link_decision(
    curves: Sequence[Sequence[dict[str, float]]], sizes: Sequence[int], links: tuple[NDArray, NDArray]
) -> tuple[float, float]:
    """Return the cut of the best mean BCubed F1 over the sets (its neighbours count half), and the slope above it."""
    from sklearn.linear_model import LogisticRegression

    # The error of a set's figure falls with the root of its size.
    mean = np.average([[s["bcubed_f1"] for s in one] for one in curves], axis=0, weights=np.sqrt(sizes))
    smooth = np.convolve(np.pad(mean, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    x, y = links
    near = np.abs(x) < CLIP - 0.5
    slope = LogisticRegression().fit(x[near, None], y[near]).coef_[0, 0]
    return float(CUTS[int(smooth.argmax())]), float(slope)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the pair model.")
    parser.add_argument("sets", nargs="+", type=Path, help="labelled articles, a story_id on each")
    parser.add_argument("--corrections", type=Path, help="JSON with lists of story ids that are one event ('same')")
    parser.add_argument("--version", default="1", help="name of the trained weights")
    parser.add_argument("--out", type=Path, help="model file to write, such as dedup/data/pair_model.json")
    parser.add_argument("--encoder", help="MODULE:OBJECT, an encoder whose cosine is to be weighed")
    parser.add_argument("--plot", type=Path, help="SVG to write: said and true of pairs held out")
    parser.add_argument("--folds", type=Path, help="folder for the models of each fold and of each set left out")
    arguments = parser.parse_args()
    same = json.loads(arguments.corrections.read_text(encoding="utf-8"))["same"] if arguments.corrections else []
    sets = [read_set(path, same) for path in arguments.sets]
    encoder = pkgutil.resolve_name(arguments.encoder) if arguments.encoder else None
    rows = [training_rows(data, encoder=encoder) for data in sets]
    editions = [edition_rows(data) for data in sets]
    curves, pairs, links = [], [], []
    for k, data in enumerate(sets):
        weights = cross_validate(sets, rows, editions, k)
        scores, pair, link = curve(data, weights)
        curves.append(scores)
        pairs.append(pair)
        links.append(link)
        best = max(scores, key=lambda s: s["bcubed_f1"])
        logits, truth = pair
        ece = calibration_error(1 / (1 + np.exp(-logits)), truth)
        print(f"{data.name}: best BCubed F1 over cuts {best['bcubed_f1']:.4f}, calibration error {ece:.4f}", flush=True)
        if arguments.folds:
            _write_folds(arguments.folds, data.name, weights)
            out = [r for i, r in enumerate(rows) if i != k]
            if out:
                left_out = fit(Rows.concat(out), Rows.concat([e for i, e in enumerate(editions) if i != k]))
                (arguments.folds / f"without_{data.name}.json").write_text(left_out.to_json(), encoding="utf-8")
    said = {
        data.name: reliability(1 / (1 + np.exp(-logits)), truth)
        for data, (logits, truth) in zip(sets, pairs, strict=True)
    }
    together = [np.concatenate(columns) for columns in zip(*pairs, strict=True)]
    print(reliability_table(reliability(1 / (1 + np.exp(-together[0])), together[1])))
    if arguments.plot:
        arguments.plot.write_text(reliability_svg(said), encoding="utf-8")
    cut, slope = link_decision(
        curves,
        [len(data.story) for data in sets],
        (np.concatenate([x for x, _ in links]), np.concatenate([y for _, y in links])),
    )
    for k, tried in enumerate(CUTS):
        print(
            f"cut {tried:5.2f}: "
            + "  ".join(f"{d.name} {c[k]['bcubed_f1']:.4f}" for d, c in zip(sets, curves, strict=True))
        )
    at = int(np.argmin(np.abs(CUTS - cut)))
    for data, scores in zip(sets, curves, strict=True):
        s = scores[at]
        print(f"{data.name} at {cut}: BCubed F1 {s['bcubed_f1']:.4f}, pairwise F1 {s['pairwise_f1']:.4f}")
    model = fit(Rows.concat(rows), Rows.concat(editions))
    model = replace(model, link_at=cut, link_scale=slope, version=arguments.version)
    print(model.to_json())
    if arguments.out:
        arguments.out.write_text(model.to_json() + "\n", encoding="utf-8")


def read_set(path: Path, same: Sequence[Sequence[str]]) -> LabelledSet:
    """Read a labelled set; ``same`` lists story ids that are one event."""
    articles = list(read_articles([str(path)]))
    stories = corrected([str(article.metadata["story_id"]) for article in articles], same)
    return LabelledSet.of(path.name.split(".")[0], [replace(a, metadata={}) for a in articles], stories)


def _write_folds(folder: Path, name: str, weights: Weights) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for fold in range(FOLDS):
        model = PairModel(tuple(map(float, weights.coef[fold])), float(weights.intercept[fold]))
        (folder / f"{name}_{fold}.json").write_text(model.to_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
