"""Which new story keeps which old id.

After a re-clustering the stories are the same for the most part, but nobody told them their
names.  Names are carried by overlap: an old id leads to the new story that holds most of its articles,
and of the ids that lead to one story the one with most articles there names it; the others
redirect to it, so that every id resolves for ever.  Matching communities over time by overlap
follows Greene, Doyle and Cunningham, "Tracking the Evolution of Communities in Dynamic Social
Networks" (ASONAM 2010).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup.identity import story_id


@dataclass(frozen=True, slots=True)
class Carried:
    """How old stories map onto new ones.

    Attributes
    ----------
    carried : int64 array (new stories,)
        Old story whose id the new story takes, -1 for none.
    survivor : int64 array (old stories,)
        New story that the old id leads to: the one that carries it, else the one that holds
        most of its articles; -1 where none of its articles is left.
    split : int64 array (k, 2)
        Pairs (old story, new story): the new story took articles of the old one and is not
        the one that the old id leads to.
    """

    carried: NDArray[np.int64]
    survivor: NDArray[np.int64]
    split: NDArray[np.int64]

    @property
    def merged(self) -> NDArray[np.int64]:
        """Pairs (old story, new story), shape (k, 2): ids that another id of that new story survives."""
        old = np.flatnonzero(self.survivor >= 0)
        lost = old[self.carried[self.survivor[old]] != old]
        return np.stack([lost, self.survivor[lost]], axis=1)


def carry_ids(old: NDArray[np.int64], new: NDArray[np.int64], *, n_old: int | None = None) -> Carried:
    """Match the stories of two clusterings of the same articles.

    Parameters
    ----------
    old : int array (articles,)
        Old story of each article, -1 for an article that had none.
    new : int array (articles,)
        New story of each article, -1 for an article that is gone.
    n_old : int, optional
        Number of old stories, when some have no article left.

    Returns
    -------
    Carried
        Depends on the labels alone: ties go to the lower old, then the lower new label.

    Examples
    --------
    >>> carry_ids(np.array([0, 0, 0, 1, -1]), np.array([5, 5, 2, 2, 2]) % 3).carried.tolist()
    [-1, -1, 0]
    """
    if old.shape != new.shape:
        raise ValueError(f"labels of {old.size} and of {new.size} articles cannot be matched")
    n_new = int(new.max(initial=-1)) + 1
    n_old = max(int(old.max(initial=-1)) + 1, n_old or 0)
    carried = np.full(n_new, -1, np.int64)
    survivor = np.full(n_old, -1, np.int64)
    both = (old >= 0) & (new >= 0)
    codes, overlap = np.unique(old[both].astype(np.int64) * max(n_new, 1) + new[both], return_counts=True)
    left, right = codes // max(n_new, 1), codes % max(n_new, 1)
    order = np.lexsort((right, left, -overlap))
    left, right = left[order], right[order]
    # Largest overlap first, so the first line of an old story names where it leads ...
    olds, first = np.unique(left, return_index=True)
    survivor[olds] = right[first]
    # ... and of the old stories that lead to a new one, the first in line gives it its name.
    leads = np.sort(first)
    news, best = np.unique(right[leads], return_index=True)
    carried[news] = left[leads][best]
    moved = survivor[left] != right
    return Carried(carried, survivor, np.stack([left[moved], right[moved]], axis=1))


def fresh_ids(founders: Sequence[str], members: Iterable[Sequence[str]], taken: AbstractSet[str]) -> list[str]:
    """Name new stories that carry no old id.

    A story is named after its founder; where that name is already given out (the founder left a
    story that kept its name), after the next member whose name is free.

    Parameters
    ----------
    founders : sequence of str
        Article that founded each story.
    members : iterable of sequences of str
        Articles of each story, in the order in which they may lend their name.
    taken : set of str
        Every story id ever given out.
    """
    used = set(taken)
    names = []
    for founder, others in zip(founders, members, strict=True):
        name = next((name for name in map(story_id, (founder, *others)) if name not in used), None)
        salt = 2
        while name is None or name in used:
            # Article ids hold no white space, so this names no other article's story.
            name, salt = story_id(f"{founder} {salt}"), salt + 1
        used.add(name)
        names.append(name)
    return names
