"""Stories of live articles as lists: the state that the kernels of the live assignment change."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dedup.text.compiled import kernel


class State(NamedTuple):
    """Slots and stories.

    ``story int64[s]``: row of each slot's story, -1 once removed; ``next_slot int64[s]``: next member of the story.
    ``story_head, story_tail, story_size int64[r]``: members of each row, oldest first; size 0 once merged or empty.
    ``judged float32[s]``: scratch, 0 between articles.  ``used int64[1]``: rows in use.
    """

    story: NDArray[np.int64]
    next_slot: NDArray[np.int64]
    story_head: NDArray[np.int64]
    story_tail: NDArray[np.int64]
    story_size: NDArray[np.int64]
    judged: NDArray[np.float32]
    used: NDArray[np.int64]

    @property
    def lists(self) -> tuple[NDArray[np.int64], ...]:
        """What says who is in which story."""
        return self.story, self.next_slot, self.story_head, self.story_tail, self.story_size


@njit(nogil=True)
def found_story(s: Any, slot: Any) -> Any:
    """Open a story with one member; return its row."""
    row = s.used[0]
    s.used[0] += 1
    s.story_head[row] = slot
    s.story_tail[row] = slot
    s.story_size[row] = 1
    s.story[slot] = row
    s.next_slot[slot] = -1
    return row


@kernel
def join_story(s: Any, slot: Any, row: Any) -> None:
    """Append a member to a story."""
    s.next_slot[slot] = -1
    if s.story_size[row] == 0:
        s.story_head[row] = slot
    else:
        s.next_slot[s.story_tail[row]] = slot
    s.story_tail[row] = slot
    s.story_size[row] += 1
    s.story[slot] = row


@kernel
def leave_story(s: Any, slot: Any) -> None:
    """Take a member out of its story; its postings stay and are passed over."""
    row = s.story[slot]
    before, at = -1, s.story_head[row]
    while at != slot:
        before = at
        at = s.next_slot[at]
    if before < 0:
        s.story_head[row] = s.next_slot[slot]
    else:
        s.next_slot[before] = s.next_slot[slot]
    if s.story_tail[row] == slot:
        s.story_tail[row] = before
    s.story_size[row] -= 1
    s.story[slot] = -1


@njit(nogil=True)
def absorb_story(s: Any, keeper: Any, other: Any) -> None:
    """Move all members of ``other`` to ``keeper``."""
    at = s.story_head[other]
    while at >= 0:
        s.story[at] = keeper
        at = s.next_slot[at]
    s.next_slot[s.story_tail[keeper]] = s.story_head[other]
    s.story_tail[keeper] = s.story_tail[other]
    s.story_size[keeper] += s.story_size[other]
    s.story_size[other] = 0
