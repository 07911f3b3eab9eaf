"""A new article may show that others lie in the wrong one of two stories: the stories it touches are linked anew.

What the batch would make of these stories and the article alone is carried over to the stories that stand: each keeps
its name with most of its members, others move, a story that is left empty merges, the article may found one.  In this
way a stream ends near the batch, whatever its order (measured: see ``docs/tuning.md``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from dedup.cluster.linkage import clipped, link_places
from dedup.cluster.live_postings import near
from dedup.cluster.live_state import absorb_story, found_story, join_story, leave_story
from dedup.cluster.pair_kernels import logit_of, mark

#: Most articles that are linked anew together.
RELINKED = 16
#: A member objects when its log-odds are this far below the cut.
OBJECTION = 2.0


@njit(nogil=True)
def relink(
    s: Any, p: Any, w: Any, slot: Any, stories: Any, first: Any, link: Any, quorum: Any, window: Any, marks: Any,
    row: Any, out_row: Any, out_number: Any, moves: Any, links: Any, merges: Any,
) -> Any:  # fmt: skip
    """Link the stories that ``slot`` touches anew; return whether it was done, and how many moves and merges it took.

    ``stories int64[q]`` are their rows, at the place ``first`` the one that must take part (-1: none must). Where a
    story falls apart, only the part that the article founds leaves it: the others would need names, and stay until
    an article of theirs arrives. Nothing is done where the stories are too large together, where such a part would
    have to merge, or where too few of a new story's members agree (``quorum``). Writes the row of ``slot``, 1 if it
    was founded, and its nearest member to ``out_row``; its joint log-odds, quorum and log-odds of that member to
    ``out_number``; a move as (slot, new row, nearest member) with joint log-odds to ``moves int64[m, 3]``, ``links
    float32[m]``: if any member moves, all members are told of; and (survivor, merged row) to ``merges int64[m, 2]``.
    """
    members, story_of, m = gather(s, slot, stories, first)
    if m < 2:
        return False, 0, 0
    pair, strong = judge_all(p, w, members[:m], link, window, marks, row)
    part = link_places(p, w, members[:m], pair, strong, link)
    own = part[story_of[:m].argmin()]
    names, leads = carry_names(part, story_of[:m], stories.shape[0])
    # A part that nobody's name leads to, and that the article cannot found, stays where it was.
    for k in range(m):
        if names[part[k]] < 0 and part[k] != own:
            part[k] = leads[story_of[k]]
            if names[part[k]] != story_of[k]:
                return False, 0, 0
    # Who comes into other company must be accepted by it.
    for k in range(m):
        if story_of[k] < 0 or names[part[k]] != story_of[k]:
            others, content = 0, 0
            for b in range(m):
                if b != k and part[b] == part[k]:
                    others += 1
                    content += pair[k, b] >= link - OBJECTION
            if content < quorum * others:
                return False, 0, 0
            if story_of[k] < 0:
                out_number[1] = content / max(1, others)
    founded = names[own] < 0
    home = found_story(s, slot) if founded else stories[names[own]]
    moved = 0
    for k in range(m):
        old = story_of[k]
        # The part that a lost name leads to is merged, not moved.
        if old >= 0 and names[part[k]] != old and leads[old] != part[k]:
            leave_story(s, members[k])
            join_story(s, members[k], home if part[k] == own else stories[names[part[k]]])
            moved += 1
    merged = 0
    for old in range(stories.shape[0]):
        if leads[old] >= 0 and names[leads[old]] != old:
            merges[merged, 0], merges[merged, 1] = stories[names[leads[old]]], stories[old]
            absorb_story(s, merges[merged, 0], merges[merged, 1])
            merged += 1
    if not founded:
        join_story(s, slot, home)
    told = 0
    for k in range(m):
        best, total, count = -1, 0.0, 0
        for b in range(m):
            if b != k and part[b] == part[k]:
                total += pair[k, b]
                count += 1
                if best < 0 or pair[k, b] > pair[k, best]:
                    best = b
        if story_of[k] < 0:
            out_row[0], out_row[1] = home, founded
            out_number[0] = total / count if count else -np.inf
            if best >= 0:
                out_row[2], out_number[2] = members[best], pair[k, best]
        elif moved:
            moves[told, 0], moves[told, 1] = members[k], s.story[members[k]]
            moves[told, 2] = members[best] if best >= 0 else -1
            links[told] = total / count if count else 0.0
            told += 1
    return True, told, merged


@njit(nogil=True)
def gather(s: Any, slot: Any, stories: Any, first: Any) -> Any:
    """Members of the stories that fit, and ``slot``, in rising order; the place of each one's story, -1 of ``slot``."""
    members, story_of = np.empty(RELINKED, np.int64), np.empty(RELINKED, np.int64)
    count = 1
    members[0], story_of[0] = slot, -1
    for turn in range(-1, stories.shape[0]):
        place = first if turn < 0 else turn
        if place < 0 or (turn >= 0 and place == first):
            continue
        if count + s.story_size[stories[place]] > RELINKED:
            if turn < 0:
                return members, story_of, 0
            continue
        at = s.story_head[stories[place]]
        while at >= 0:
            members[count], story_of[count] = at, place
            count += 1
            at = s.next_slot[at]
    order = np.argsort(members[:count])
    members[:count], story_of[:count] = members[:count][order], story_of[:count][order]
    return members, story_of, count


@njit(nogil=True)
def judge_all(p: Any, w: Any, members: Any, link: Any, window: Any, marks: Any, row: Any) -> Any:
    """Clipped log-odds of all pairs of articles; and of those that reach the cut, minus infinity for the others."""
    m = members.shape[0]
    pair, strong = np.zeros((m, m), np.float32), np.full((m, m), np.float32(-np.inf))
    for a in range(1, m):
        mark(p, members[a], marks)
        for b in range(a):
            x = logit_of(p, w, members[a], marks, members[b], row)
            pair[a, b] = pair[b, a] = clipped(x)
            if x >= link and near(p.published[members[a]], p.published[members[b]], window):
                strong[a, b] = strong[b, a] = pair[a, b]
    return pair, strong


@njit(nogil=True)
def carry_names(part: Any, story_of: Any, stories: Any) -> Any:
    """Which story gives each part its name, -1 for none; and the part that each story's name leads to, -1 for none.

    The rule of :func:`dedup.cluster.carry.carry_ids`.
    """
    m = part.shape[0]
    shared = np.zeros((stories, m), np.int64)
    for k in range(m):
        if story_of[k] >= 0:
            shared[story_of[k], part[k]] += 1
    names, leads = np.full(m, -1, np.int64), np.full(stories, -1, np.int64)
    for old in range(stories):
        if shared[old].max() > 0:
            leads[old] = shared[old].argmax()
    for old in range(stories):
        new = leads[old]
        if new >= 0 and (names[new] < 0 or shared[old, new] > shared[names[new], new]):
            names[new] = old
    return names, leads
