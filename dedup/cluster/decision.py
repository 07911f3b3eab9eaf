"""What the live assignment says of one article."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """Where an article of a story that was linked anew stands now.

    Attributes
    ----------
    number:
        The article.
    story:
        Key of its story, perhaps another one than before.
    other:
        The article of that story it is nearest to, ``None`` where it is alone.
    probability:
        Probability that it belongs with the others of its story.
    """

    number: int
    story: str
    other: int | None
    probability: float


@dataclass(frozen=True, slots=True)
class Merge:
    """Two stories that turned out to be one, by their keys: ``gone`` is now part of ``into``."""

    gone: str
    into: str


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
        The article of its story that most probably reports the same event; where it is alone, of all candidates;
        ``None`` without any.
    best_probability:
        Probability of that pair.
    runner_up:
        Key of the next best story, and ``runner_up_probability`` that the article belongs there.
    merged:
        Stories that this article showed to be one, in order.
    links:
        If members of other stories moved: the members of all stories that were linked anew.  A founder stands before
        others move to its story, who joins does so after them, and stories merge when all who leave them have moved.
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
    merged: tuple[Merge, ...] = ()
    links: tuple[Link, ...] = ()
