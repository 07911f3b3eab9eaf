"""Why two articles are, or are not, one story: evidence that a person can read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np

from dedup.article import Article
from dedup.cluster.pair_features import NAMES, prepare
from dedup.cluster.pair_kernels import same_anchor
from dedup.cluster.pairs import PairModel, pair_rows
from dedup.text import Texts, Tokens, tokenize
from dedup.text.compiled import kernel
from dedup.text.shapes import CAPITAL, DIGITS, MIXED, NEWLINE, SENTENCE_START, SPACES
from dedup.vectors import Features, Idf, featurize, lexicon
from dedup.vectors import anchors as a
from dedup.vectors.features import title_and_body
from dedup.vectors.kernels import LEAD_TOKENS
from dedup.views import Anchor

#: Most names, anchors and passages shown.
SHOWN_NAMES, SHOWN_ANCHORS, SHOWN_PASSAGES = 12, 12, 3
_COSINES = ("body", "title", "lead", "names")
_MAX_ANCHORS = 96
NEW_LINE = ord("\n")


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
    return explain_pairs([one, two], [(0, 1)], model=model, idf=idf, passages=passages)[0]


def explain_pairs(
    articles: Sequence[Article], pairs: Sequence[tuple[int, int]], *, features: Features | None = None,
    model: PairModel | None = None, idf: Idf | None = None, passages: bool = True,
) -> list[PairEvidence]:  # fmt: skip
    """Explain many pairs of a few articles: each article is read once.

    Parameters
    ----------
    articles:
        The articles.
    pairs:
        Places in ``articles``.
    features:
        One row an article, where they are at hand.
    model, idf, passages:
        As for :func:`explain`.
    """
    if not pairs:
        return []
    model, idf = model or PairModel.default(), idf or Idf.prior()
    prepared = prepare(featurize(articles) if features is None else features, idf)
    left, right = np.array(pairs, np.int64).T
    rows = pair_rows(prepared, np.ascontiguousarray(left), np.ascontiguousarray(right)).astype(np.float64)
    readings = _read(articles)
    weights = dict(zip(prepared.term_hash.tolist(), prepared.weight.tolist(), strict=True)) if passages else {}
    found = []
    columns = (rows * model.coef).tolist(), (rows[:, [NAMES.index(name) for name in _COSINES]] ** 2).tolist()
    for (i, j), added, cosines in zip(pairs, *columns, strict=True):
        one, two = articles[i], articles[j]
        terms = {name: value for name, value in zip(NAMES, added, strict=True) if value}
        terms["base"] = model.intercept
        hours = None
        if one.published_at and two.published_at:
            hours = abs((one.published_at - two.published_at).total_seconds()) / 3600
        agreeing, conflicting = _match_anchors(readings[i], readings[j])
        found.append(
            PairEvidence(
                float(1 / (1 + np.exp(-sum(terms.values())))),
                dict(zip(_COSINES, cosines, strict=True)),
                _shared_names(readings[i].names & readings[j].names),
                agreeing[:SHOWN_ANCHORS], conflicting[:SHOWN_ANCHORS], hours, terms,
                _nearest(readings[i], readings[j], weights) if passages else (),
            )
        )  # fmt: skip
    return found


def _read(articles: Sequence[Article]) -> list[_Reading]:
    """Read articles for people; tokens, capitals and anchors of all are found at once."""
    pairs = [title_and_body(article) for article in articles]
    # Title and body as one text of two lines keeps every token in one column.
    texts = Texts.of([f"{title}\n{body}" if title else body for title, body in pairs])
    tokens = tokenize(texts)
    anchors = _anchors(texts, tokens, [bool(title) for title, _ in pairs], [one.published_at for one in articles])
    capital = np.flatnonzero((tokens.flags & CAPITAL != 0) & (tokens.flags & (DIGITS | MIXED) == 0))
    capitals = capital, tokens.separator[capital] == SPACES, tokens.flags[capital] & SENTENCE_START != 0
    bounds = np.searchsorted(capital, tokens.offsets).tolist()
    return [
        _Reading(texts, tokens, i, found, *(column[a:b].tolist() for column in capitals))
        for i, (found, (a, b)) in enumerate(zip(anchors, pairwise(bounds), strict=True))
    ]


def _anchors(
    texts: Texts, tokens: Tokens, titled: Sequence[bool], published: Sequence[datetime | None]
) -> list[dict[int, tuple[int, int]]]:
    """Weight and first token of each anchor of each text, by key; the first line of a titled one is its title."""
    shape = len(texts), _MAX_ANCHORS
    keys, weights, places = np.empty(shape, np.uint32), np.empty(shape, np.int64), np.empty(shape, np.int64)
    counts = np.zeros(len(texts), np.int64)
    seconds = [a.UNDATED if one is None else int(one.timestamp()) for one in published]
    find_anchors_of_all(
        texts.data, texts.offsets, tokens.offsets, tokens.hash, tokens.start, tokens.end, tokens.flags,
        tokens.separator, tokens.value, np.array(titled, np.bool_), np.array(seconds, np.int64), *lexicon.lexicon(),
        keys, weights, places, counts,
    )  # fmt: skip
    rows = zip(counts.tolist(), keys, weights, places, strict=True)
    return [
        dict(zip(k[:n].tolist(), zip(w[:n].tolist(), p[:n].tolist(), strict=True), strict=True)) for n, k, w, p in rows
    ]


@kernel
def find_anchors_of_all(
    data: Any, offsets: Any, token_offsets: Any,
    hash_: Any, start: Any, end: Any, flags: Any, separator: Any, value: Any,
    titled: Any, published: Any, words: Any, classes: Any, keys: Any, weights: Any, places: Any, counts: Any,
) -> None:  # fmt: skip
    """Fill rows of ``keys``, ``weights`` and ``places`` (``[n, 96]``) and ``counts int64[n]``: anchors of each text."""
    for i in range(counts.shape[0]):
        base, b, e = offsets[i], token_offsets[i], token_offsets[i + 1]
        body = 0
        if titled[i]:
            line = np.int64(0)
            while data[base + line] != NEW_LINE:
                line += 1
            while body < e - b and start[b + body] < line:
                body += 1
        for title in (True, False):
            counts[i] = a.find_anchors(
                data, base, offsets[i + 1], hash_[b:e], start[b:e], end[b:e], flags[b:e], separator[b:e], value[b:e],
                0 if title else body, body if title else e - b, title, LEAD_TOKENS, published[i], words, classes,
                keys[i], weights[i], places[i], counts[i],
            )  # fmt: skip


class _Reading:
    """Text ``i`` of a column, read for people: names, anchors, sentences.

    Parameters
    ----------
    anchors:
        Weight and first token of each, by key.
    capitals, spaced, begins:
        Its tokens with a capital, counted in the column; whether a space stands before each, and a sentence begins.
    """

    def __init__(
        self, texts: Texts, tokens: Tokens, i: int, anchors: dict[int, tuple[int, int]],
        capitals: list[int], spaced: list[bool], begins: list[bool],
    ) -> None:  # fmt: skip
        self._first, self._last = int(tokens.offsets[i]), int(tokens.offsets[i + 1])
        self._tokens = tokens
        self._raw = texts.data[texts.offsets[i] : texts.offsets[i + 1]].tobytes()
        # Read one by one, and seldom: faster so than as arrays.
        self._starts = tokens.start.data[self._first : self._last]
        self._ends = tokens.end.data[self._first : self._last]
        self.anchors = anchors
        self.names = self._names([place - self._first for place in capitals], spaced, begins)

    def span(self, first: int, last: int) -> str:
        """Text of tokens ``first`` to ``last``, both included."""
        first, last = max(0, first), min(len(self._starts) - 1, last)
        return " ".join(self._raw[self._starts[first] : self._ends[last]].decode("utf-8", "replace").split())

    def _names(self, places: list[int], spaced: list[bool], begins: list[bool]) -> set[str]:
        names: set[str] = set()
        k = 0
        while k < len(places):
            first, begun = places[k], begins[k]
            while k + 1 < len(places) and places[k + 1] == places[k] + 1 and spaced[k + 1]:
                k += 1
            last = places[k]
            k += 1
            if last > first or not begun:
                names.add(self.span(first, last))
            if last - first >= 2:
                # "Ông Đặng Văn Tường", "TP Hà Nội": the name without what stands before it.
                names.add(self.span(first + 1, last))
        return names

    def shown(self, key: int) -> Anchor:
        """An anchor of this text as people read it."""
        kind, place = key >> a.KIND_SHIFT, self.anchors[key][1]
        if kind == a.DATE:
            year, month, day = key >> 9 & 127, key >> 5 & 15, key & 31
            value = f"{1970 + year}-{month:02}-{day:02}" if year else f"--{month:02}-{day:02}"
        elif kind == a.ORDINAL:
            value = str(key >> 16 & 1023)
        else:
            value = self.span(place, place + 1)
        return Anchor(a.KINDS[kind], value, self.span(place - 3, place + 2))

    def sentences(self) -> list[tuple[str, Counter[int]]]:
        """Sentences with the counts of their words' hashes."""
        mine = slice(self._first, self._last)
        flags, separator, hashes = self._tokens.flags[mine], self._tokens.separator[mine], self._tokens.hash[mine]
        starts = np.flatnonzero((flags & SENTENCE_START != 0) | (separator == NEWLINE))
        bounds = sorted({0, *starts.tolist(), len(hashes)})
        return [(self.span(b, e - 1), Counter(hashes[b:e].tolist())) for b, e in pairwise(bounds) if e - b >= 4]


def _shared_names(names: set[str]) -> tuple[str, ...]:
    """Longest first; a name inside a longer one is left out."""
    kept: list[str] = []
    for name in sorted(names, key=lambda n: (-len(n.split()), n)):
        if not any(f" {name} " in f" {longer} " for longer in kept):
            kept.append(name)
    return tuple(kept[:SHOWN_NAMES])


def _match_anchors(left: _Reading, right: _Reading) -> tuple[tuple[Anchor, ...], tuple[tuple[Anchor, Anchor], ...]]:
    agreeing, matched = [], set()
    for key, (weight, _) in left.anchors.items():
        other = key if key in right.anchors else _like(key, right)
        if other is not None:
            agreeing.append((weight + right.anchors[other][0], left.shown(key)))
            matched |= {key, other}
    agreeing.sort(key=lambda item: (-item[0], item[1].kind, item[1].value))
    conflicting = []
    for kind in (a.DATE, a.ORDINAL, a.SCORE):
        ones, twos = (_heaviest(side, kind) for side in (left, right))
        if not ones or not twos:
            continue
        if kind == a.ORDINAL:
            pairs = [(x, y) for x in ones for y in twos if x & 0xFFFF == y & 0xFFFF]
            pairs = pairs or ([] if any(k in matched for k in (*ones, *twos)) else [(ones[0], twos[0])])
        else:
            pairs = [] if any(k in matched for k in (*ones, *twos)) else [(ones[0], twos[0])]
        against = [(x, y) for x, y in pairs if x not in matched and y not in matched]
        conflicting += [(left.shown(x), right.shown(y)) for x, y in against]
    # One ordinal goes with several nouns: it is said once, in its heaviest place.
    agreed = {(shown.kind, shown.value): shown for _, shown in reversed(agreeing)}
    opposed = {(x.kind, x.value): (x, y) for x, y in reversed(conflicting)}
    return tuple(reversed(agreed.values())), tuple(reversed(opposed.values()))


def _like(key: int, side: _Reading) -> int | None:
    """An anchor of the other text that names the same thing otherwise: a date without a year, an ordinal's other noun.

    Only these two can: see :func:`~dedup.cluster.pair_kernels.same_anchor`.
    """
    kind = key >> a.KIND_SHIFT
    if kind not in (a.DATE, a.ORDINAL):
        return None
    others = (other for other in side.anchors if other >> a.KIND_SHIFT == kind)
    return next((other for other in others if same_anchor(np.uint32(key), np.uint32(other))), None)


def _heaviest(side: _Reading, kind: int) -> list[int]:
    keys = [key for key in side.anchors if key >> a.KIND_SHIFT == kind]
    return sorted(keys, key=lambda key: (-side.anchors[key][0], key))


def _nearest(left: _Reading, right: _Reading, weights: dict[int, float]) -> tuple[tuple[str, str, float], ...]:
    ones, twos = left.sentences(), right.sentences()
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
