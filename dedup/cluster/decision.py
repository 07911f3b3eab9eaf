"""What the live assignment says of one article."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided for one article, and on what evidence.

    Attributes
    ----------
    number:
        The article.
    story:
        Key of its story.
    founded:
        Whether it founded the story.
    probability:
        Probability that it belongs with the story's members (mean over them); of a founder, that it would have
        belonged to the best story it was refused by (0 if there was none).
    quorum:
        Share of the members asked that did not object (1 for a founder).
    best:
        The live article most probably about the same event, ``None`` without candidates.
    best_probability:
        Probability of that pair.
    runner_up:
        Key of the next best story, and ``runner_up_probability`` that the article belongs there.
    merged:
        Keys of stories that this article showed to be one with ``story``, which survives.
    """

    number: int
    story: str
    founded: bool
    probability: float
    quorum: float
    best: int | None = None
    best_probability: float = 0.0
    runner_up: str | None = None
    runner_up_probability: float = 0.0
    merged: tuple[str, ...] = ()
