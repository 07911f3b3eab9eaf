"""How two texts are related: the one decision that batch, stream, ``match`` and the web page share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Relation(IntEnum):
    """Relation of a pair of texts, or of an article to its group's representative.

    ``name.lower()`` is the word used in outputs; :attr:`word` gives it.
    """

    NONE = 0  #: unrelated as texts
    IDENTICAL = 1  #: the same tokens in the same order
    NEAR_DUPLICATE = 2  #: verified Jaccard at or above the threshold
    EXCERPT = 3  #: one is a cut of the other: verified containment
    TEMPLATE = 4  #: the same form with other numbers: never merged
    REPORT = 5  #: another report of the same story
    ORIGINAL = 6  #: the representative itself

    @property
    def word(self) -> str:
        """The word used in outputs, such as ``"near_duplicate"``."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class RelationRule:
    """Thresholds of :func:`relation_of`.

    Parameters
    ----------
    threshold:
        Jaccard of word shingles from which two texts are near-duplicates.
    containment:
        Share of the smaller text's shingles found in the other from which it is an excerpt.
    min_excerpt:
        Distinct shingles a text must have to be called an excerpt: a sentence quoted is no cut.
    min_numbers:
        Numbers each of the two must hold for the numeric guard to speak.
    numeric_difference:
        Share of numbers not in common from which a near-identical pair is a template of another day.
    template_wording:
        Jaccard of the shingles *with numbers masked* from which two texts are one form.
    """

    threshold: float = 0.5
    containment: float = 0.8
    min_excerpt: int = 8
    min_numbers: int = 3
    numeric_difference: float = 0.5
    template_wording: float = 0.5


DEFAULT_RULE = RelationRule()


def relation_of(
    jaccard: ArrayLike,
    containment: ArrayLike,
    *,
    smaller: ArrayLike,
    numbers: ArrayLike,
    numeric_difference: ArrayLike,
    wording: ArrayLike | None = None,
    identical: ArrayLike | None = None,
    rule: RelationRule = DEFAULT_RULE,
) -> NDArray[np.uint8]:
    """Decide the relation of each of ``p`` pairs from their exact scores.

    Parameters
    ----------
    jaccard, containment:
        ``[p]``: exact scores of the shingle sets; ``containment`` is the larger of the two directions.
    smaller:
        ``[p]``: distinct shingles of the smaller text.
    numbers:
        ``[p]``: numbers in the text that has fewer.
    numeric_difference:
        ``[p]``: share of those numbers that the other text lacks, 0 to 1.
    wording:
        ``[p]``: Jaccard with numbers masked, where known; finds templates that are mostly numbers.
    identical:
        ``bool[p]``: same tokens in the same order, where known.
    rule:
        Thresholds.

    Returns
    -------
    uint8[p]
        Values of :class:`Relation`: ``NONE``, ``IDENTICAL``, ``NEAR_DUPLICATE``, ``EXCERPT`` or ``TEMPLATE``.
        Identity stands above the numeric guard, the guard above the other two.
    """
    score = np.atleast_1d(np.asarray(jaccard, np.float64))
    inside = np.atleast_1d(np.asarray(containment, np.float64))
    near = score >= rule.threshold
    cut = (inside >= rule.containment) & (np.asarray(smaller) >= rule.min_excerpt)
    same_form = near | cut
    if wording is not None:
        same_form = same_form | (np.asarray(wording) >= rule.template_wording)
    other_numbers = (np.asarray(numbers) >= rule.min_numbers) & (
        np.asarray(numeric_difference) >= rule.numeric_difference
    )
    relation = np.full(score.shape, Relation.NONE, np.uint8)
    relation[cut] = Relation.EXCERPT
    relation[near] = Relation.NEAR_DUPLICATE
    relation[same_form & other_numbers] = Relation.TEMPLATE
    if identical is not None:
        relation[np.asarray(identical, bool)] = Relation.IDENTICAL
    return relation
