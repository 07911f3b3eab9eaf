"""Why two articles are, or are not, one story: evidence that a person can read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from math import exp
from typing import Any

import numpy as np

from dedup.article import Article
from dedup.cluster.pair_features import NAMES, Prepared, prepare
from dedup.cluster.pair_kernels import same_anchor
from dedup.cluster.pairs import PairModel, pair_rows
from dedup.text import Texts, Tokens
from dedup.text.compiled import kernel
from dedup.text.shapes import NEWLINE, SENTENCE_START
from dedup.vectors import Idf
from dedup.vectors import anchors as a
from dedup.vectors.features import Parsed, features_of, parse
from dedup.vectors.spelling import MOST_ANCHORS, Spelling, spell
from dedup.views import Anchor

#: Most names, anchors and passages shown.
SHOWN_NAMES, SHOWN_ANCHORS, SHOWN_PASSAGES = 12, 12, 3
_COSINES = ("body", "title", "lead", "names")
_COSINE_COLUMNS = [NAMES.index(name) for name in _COSINES]
#: Kinds of anchors of which one may contradict another.
_OPPOSABLE = (a.DATE, a.ORDINAL, a.SCORE)


@dataclass(frozen=True, slots=True)
class PairEvidence:
    """Evidence on a pair of articles.

    Attributes
    ----------
    probability:
        That they report one event, by the pair model.
    cosines:
        TF-IDF cosine of each field.
    shared_names:
        Proper names in both, longest first.
    agreeing, conflicting:
        Anchors in both; and pairs of which one contradicts the other (other main day, one head with two ordinals).
    hours_apart:
        Between the publications, ``None`` if either is unknown.
    terms:
        What each pair feature added to the log-odds, the intercept as ``base``; they sum to the model's log-odds.
    passages:
        Nearest passages: from the first article, from the second, likeness 0 to 1.
    """

    probability: float
    cosines: dict[str, float]
    shared_names: tuple[str, ...] = ()
    agreeing: tuple[Anchor, ...] = ()
    conflicting: tuple[tuple[Anchor, Anchor], ...] = ()
    hours_apart: float | None = None
    terms: dict[str, float] = field(default_factory=dict)
    passages: tuple[tuple[str, str, float], ...] = ()


def explain(
    one: Article, two: Article, *, model: PairModel | None = None, idf: Idf | None = None, passages: bool = True
) -> PairEvidence:
    """Explain a pair of articles.

    Parameters
    ----------
    one, two:
        The articles; the order only decides which is named first.
    model, idf:
        The packaged ones when missing.
    passages:
        Whether to look for the nearest passages.
    """
    articles = [one, two]
    parsed = parse(articles)
    prepared = prepare(features_of(articles, parsed), idf or Idf.prior())
    spellings = [Spelling.unpack(packed) for packed in spell(parsed)]
    (found,) = explain_pairs(prepared, spellings, [one.published_at, two.published_at], [(0, 1)], model=model)
    return replace(found, passages=_nearest(parsed, prepared)) if passages else found


def explain_pairs(
    prepared: Prepared, spellings: Sequence[Spelling], published: Sequence[datetime | None],
    pairs: Sequence[tuple[int, int]], *, model: PairModel | None = None,
) -> list[PairEvidence]:  # fmt: skip
    """Explain many pairs of a few articles, without passages.

    Parameters
    ----------
    prepared, spellings, published:
        The articles: what is compared, what they spell, when they were published; one row each.
    pairs:
        Places of articles.
    model:
        The packaged one when missing.
    """
    if not pairs:
        return []
    model = model or PairModel.default()
    left, right = np.array([i for i, _ in pairs], np.int64), np.array([j for _, j in pairs], np.int64)
    rows = pair_rows(prepared, left, right).astype(np.float64)
    added, cosines = (rows * model.coef).tolist(), (rows[:, _COSINE_COLUMNS] ** 2).tolist()
    offsets = np.zeros(len(spellings) + 1, np.int64)
    np.cumsum([len(one.keys) for one in spellings], out=offsets[1:])
    keys = np.fromiter((key for one in spellings for key in one.keys), np.uint32, int(offsets[-1]))
    same = np.empty((len(pairs), MOST_ANCHORS), np.int64)
    match_anchors(offsets, keys, left, right, same)
    opposable = [_by_weight(spelling) for spelling in spellings]
    found = []
    for k, (i, j) in enumerate(pairs):
        one, two = spellings[i], spellings[j]
        terms = {name: value for name, value in zip(NAMES, added[k], strict=True) if value}
        terms["base"] = model.intercept
        hours, first, second = None, published[i], published[j]
        if first and second:
            hours = abs((first - second).total_seconds()) / 3600
        agreeing, matched = _agreeing(one, two, same[k, : len(one.keys)].tolist())
        conflicting = _conflicting(one, opposable[i], two, opposable[j], matched)
        found.append(
            PairEvidence(
                1 / (1 + exp(-sum(terms.values()))),
                dict(zip(_COSINES, cosines[k], strict=True)),
                _shared_names(one.names & two.names),
                agreeing[:SHOWN_ANCHORS], conflicting[:SHOWN_ANCHORS], hours, terms,
            )
        )  # fmt: skip
    return found


@kernel
def match_anchors(offsets: Any, keys: Any, left: Any, right: Any, out: Any) -> None:
    """Fill ``out int64[m, 96]``: of each anchor of ``left[k]`` the place of that of ``right[k]`` which names the same.

    -1 where there is none.  An equal key comes before one that names the same thing otherwise: a date without a year,
    an ordinal's other noun.
    """
    for k in range(left.shape[0]):
        ones = keys[offsets[left[k]] : offsets[left[k] + 1]]
        twos = keys[offsets[right[k]] : offsets[right[k] + 1]]
        for x in range(ones.shape[0]):
            out[k, x] = -1
            for y in range(twos.shape[0]):
                if ones[x] == twos[y] or (out[k, x] < 0 and same_anchor(ones[x], twos[y])):
                    out[k, x] = y
                    if ones[x] == twos[y]:
                        break


def _sentences(texts: Texts, tokens: Tokens, i: int) -> list[tuple[str, Counter[int]]]:
    """Sentences of text ``i`` with the counts of their words' hashes."""
    first, last = int(tokens.offsets[i]), int(tokens.offsets[i + 1])
    raw = texts.data[texts.offsets[i] : texts.offsets[i + 1]].tobytes()
    flags, separator = tokens.flags[first:last], tokens.separator[first:last]
    start, end, hashes = tokens.start[first:last], tokens.end[first:last], tokens.hash[first:last]
    starts = np.flatnonzero((flags & SENTENCE_START != 0) | (separator == NEWLINE))
    bounds = sorted({0, *starts.tolist(), last - first})
    return [
        (" ".join(raw[start[b] : end[e - 1]].decode("utf-8", "replace").split()), Counter(hashes[b:e].tolist()))
        for b, e in pairwise(bounds)
        if e - b >= 4
    ]


def _shared_names(names: frozenset[str]) -> tuple[str, ...]:
    """Longest first; a name inside a longer one is left out."""
    kept: list[str] = []
    longer = ""
    for name in sorted(names, key=lambda name: (-name.count(" "), name)):
        whole = f" {name} "
        if whole not in longer:
            kept.append(name)
            if len(kept) == SHOWN_NAMES:
                break
            longer += f"{whole}\n"
    return tuple(kept)


def _agreeing(left: Spelling, right: Spelling, same: list[int]) -> tuple[tuple[Anchor, ...], set[int]]:
    """Anchors in both, the heaviest first, and their keys in either; ``same`` as :func:`match_anchors` finds it."""
    agreeing, matched = [], set()
    for place, other in enumerate(same):
        if other >= 0:
            agreeing.append((left.weights[place] + right.weights[other], left.anchor(place)))
            matched |= {left.keys[place], right.keys[other]}
    agreeing.sort(key=lambda item: (-item[0], item[1].kind, item[1].value))
    # One ordinal goes with several nouns: it is said once, in its heaviest place.
    once = {(shown.kind, shown.value): shown for _, shown in reversed(agreeing)}
    return tuple(reversed(once.values())), matched


def _conflicting(
    left: Spelling, ones: dict[int, list[int]], right: Spelling, twos: dict[int, list[int]], matched: set[int]
) -> tuple[tuple[Anchor, Anchor], ...]:
    """Pairs of anchors of which one contradicts the other; ``ones``, ``twos`` as :func:`_by_weight` gives them."""
    conflicting = []
    for kind in _OPPOSABLE:
        if not ones[kind] or not twos[kind]:
            continue
        pairs = [(ones[kind][0], twos[kind][0])]
        same_head: list[tuple[int, int]] = []
        if kind == a.ORDINAL:
            same_head = [(x, y) for x in ones[kind] for y in twos[kind] if not (left.keys[x] ^ right.keys[y]) & 0xFFFF]
        agreed = any(left.keys[x] in matched for x in ones[kind]) or any(right.keys[y] in matched for y in twos[kind])
        for x, y in same_head or ([] if agreed else pairs):
            if left.keys[x] not in matched and right.keys[y] not in matched:
                conflicting.append((left.anchor(x), right.anchor(y)))
    once = {(x.kind, x.value): (x, y) for x, y in reversed(conflicting)}
    return tuple(reversed(once.values()))


def _by_weight(spelling: Spelling) -> dict[int, list[int]]:
    """Places of the anchors of each kind that may contradict another, the heaviest first."""
    places: dict[int, list[int]] = {kind: [] for kind in _OPPOSABLE}
    for place, key in enumerate(spelling.keys):
        if key >> a.KIND_SHIFT in places:
            places[key >> a.KIND_SHIFT].append(place)
    for found in places.values():
        if len(found) > 1:
            found.sort(key=lambda place: (-spelling.weights[place], spelling.keys[place]))
    return places


def _nearest(parsed: Parsed, prepared: Prepared) -> tuple[tuple[str, str, float], ...]:
    """The nearest passages of two articles."""
    weights = dict(zip(prepared.term_hash.tolist(), prepared.weight.tolist(), strict=True))
    ones, twos = (
        [*_sentences(parsed.titles, parsed.head, i), *_sentences(parsed.bodies, parsed.body, i)] for i in (0, 1)
    )
    if not ones or not twos:
        return ()
    cosine = np.zeros((len(ones), len(twos)))
    norms = [[_norm(bag, weights) for _, bag in side] for side in (ones, twos)]
    for i, (_, x) in enumerate(ones):
        for j, (_, y) in enumerate(twos):
            shared = x.keys() & y.keys()
            dot = sum(x[h] * y[h] * weights.get(h, 1.0) ** 2 for h in shared)
            cosine[i, j] = dot / max(1e-9, norms[0][i] * norms[1][j])
    found: list[tuple[str, str, float]] = []
    while len(found) < SHOWN_PASSAGES:
        i, j = divmod(int(cosine.argmax()), cosine.shape[1])
        if cosine[i, j] < 0.15:
            break
        found.append((ones[i][0], twos[j][0], round(float(cosine[i, j]), 4)))
        cosine[i, :] = cosine[:, j] = 0
    return tuple(found)


def _norm(bag: Counter[int], weights: dict[int, float]) -> float:
    return float(np.sqrt(sum((count * weights.get(h, 1.0)) ** 2 for h, count in bag.items())))
