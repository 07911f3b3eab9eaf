"""What two texts share and where they differ, as runs of characters to mark.

The tokens are those of :func:`dedup.text.tokenize`, so a passage that is marked here is one the kernels saw as shared.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dedup.text import Texts, tokenize

Mark = Literal["plain", "shared", "differs"]

#: Tokens in a row that two texts must have in common for it to be a passage and not chance: one shingle.
PASSAGE = 5
#: Tokens of each text that are compared; more is a book.
LONGEST = 6_000
#: Share of one text's passages in the other above which the two are read as versions of one text.
_SAME_TEXT = 0.5
#: Longest stretch between two passages, in tokens, in which single common words are looked for.
_GAP = 60


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of a text in a row, how to mark them, and the number of the shared passage, counted from 1."""

    text: str
    mark: Mark
    passage: int | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two texts cut into runs.

    ``share`` is the share of the shorter text's tokens that stand in shared passages, ``same_text`` whether the two
    are versions of one text (then the words that differ are marked), ``cut`` whether only their beginnings were
    compared.
    """

    left: tuple[Run, ...]
    right: tuple[Run, ...]
    share: float
    same_text: bool
    cut: bool


def compare_texts(left: str, right: str) -> Comparison:
    """Find the passages two texts share, wherever they stand, and the words in which versions of one text differ."""
    texts = Texts.of([left, right])
    tokens = tokenize(texts)
    bounds = [(int(tokens.offsets[i]), int(tokens.offsets[i + 1])) for i in (0, 1)]
    cut = any(stop - start > LONGEST for start, stop in bounds)
    spans = [slice(start, min(stop, start + LONGEST)) for start, stop in bounds]
    hashes = [tokens.hash[span] for span in spans]
    passages = _shared(hashes[0], hashes[1])
    shortest = max(1, min(len(item) for item in hashes))
    share = min(1.0, min(int((item > 0).sum()) for item in passages) / shortest)
    same_text = share >= _SAME_TEXT
    if same_text:
        _common_words(hashes, passages)
    sides = []
    for i, span in enumerate(spans):
        raw = texts[i].encode()
        sides.append(_runs(raw, tokens.start[span], tokens.end[span], passages[i], same_text))
    return Comparison(sides[0], sides[1], share, same_text, cut)


def _shared(left: NDArray[np.uint32], right: NDArray[np.uint32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Number of the passage each token stands in, 0 for none, for both texts.

    Greedy string tiling (Wise, 1993) from left to right, with each passage found by its first n-gram: the cost grows
    with the texts' length, whatever they repeat.
    """
    a, b = left.tolist(), right.tolist()
    marks = np.zeros(len(a), np.int32), np.zeros(len(b), np.int32)
    places: dict[tuple[int, ...], list[int]] = {}
    for j in range(len(b) - PASSAGE, -1, -1):
        places.setdefault(tuple(b[j : j + PASSAGE]), []).append(j)
    number = i = 0
    while i <= len(a) - PASSAGE:
        open_places = places.get(tuple(a[i : i + PASSAGE]), [])
        while open_places and marks[1][open_places[-1] : open_places[-1] + PASSAGE].any():
            open_places.pop()
        if not open_places:
            i += 1
            continue
        j = open_places.pop()
        size = PASSAGE
        while i + size < len(a) and j + size < len(b) and a[i + size] == b[j + size] and not marks[1][j + size]:
            size += 1
        number += 1
        marks[0][i : i + size] = number
        marks[1][j : j + size] = number
        i += size
    return marks


def _common_words(hashes: list[NDArray[np.uint32]], marks: tuple[NDArray[np.int32], NDArray[np.int32]]) -> None:
    """Mark with -1 the single words that two versions of one text share between the same two passages."""
    gaps = [_gaps(item) for item in marks]
    for around, (low, high) in gaps[0].items():
        if around not in gaps[1]:
            continue
        start, stop = gaps[1][around]
        if max(high - low, stop - start) > _GAP:
            continue
        words = hashes[0][low:high].tolist(), hashes[1][start:stop].tolist()
        for i, j, size in SequenceMatcher(None, *words, autojunk=False).get_matching_blocks():
            marks[0][low + i : low + i + size] = -1
            marks[1][start + j : start + j + size] = -1


def _gaps(marks: NDArray[np.int32]) -> dict[tuple[int, int], tuple[int, int]]:
    """Runs of unmarked tokens, by the numbers of the passages before and after them (0 at either end)."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    edges = np.flatnonzero(np.diff(np.concatenate([[1], (marks != 0).astype(np.int8), [1]])))
    for low, high in edges.reshape(-1, 2).tolist():
        before = int(marks[low - 1]) if low else 0
        after = int(marks[high]) if high < len(marks) else 0
        found[before, after] = (low, high)
    return found


def _runs(
    raw: bytes, start: NDArray[np.uint32], end: NDArray[np.uint32], passages: NDArray[np.int32], same_text: bool
) -> tuple[Run, ...]:
    """Cut ``raw`` where the mark changes; what stands between two tokens of a passage belongs to it."""
    runs: list[Run] = []
    begin = 0
    while begin < len(start):
        stop = begin
        while stop + 1 < len(start) and passages[stop + 1] == passages[begin]:
            stop += 1
        low = int(start[begin])
        before = int(end[begin - 1]) if begin else 0
        if low > before:
            runs.append(Run(raw[before:low].decode("utf-8", "replace"), "plain"))
        number = int(passages[begin])
        mark: Mark = "shared" if number > 0 else "differs" if same_text and not number else "plain"
        runs.append(Run(raw[low : int(end[stop])].decode("utf-8", "replace"), mark, number if number > 0 else None))
        begin = stop + 1
    rest = int(end[-1]) if len(end) else 0
    if rest < len(raw):
        tail = raw[rest:].decode("utf-8", "replace")
        runs.append(Run(tail if len(start) < LONGEST else " …", "plain"))
    return tuple(runs)
