"""Compiled steps of the live assignment: candidates, story means, join, merge.

The state is a tuple of arrays (:class:`State`) that only these kernels and :class:`~dedup.cluster.live.LiveStories`
touch.  Articles live in *slots*, numbered by arrival; stories in *rows*.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dedup.cluster import linkage, live_postings, pair_kernels
from dedup.cluster.linkage import CLIP, DOUBT, cut_at, doubt_of, joint_logit
from dedup.cluster.live_postings import live_candidates, post
from dedup.cluster.pair_features import K
from dedup.cluster.pair_kernels import logit_of, mark, unmarked
from dedup.text.compiled import kernel

#: Members of one story that are asked, stories that are asked, and members a side when two stories are compared.
ASKED, STORIES, SAMPLE = 24, 8, 12
#: A member objects when its log-odds are this far below the cut.
OBJECTION = 2.0
#: Least and greatest doubt of a pair, and the share of a sum that rounding may take or add.
_LEAST, _MOST, _ROUNDING = math.exp(-DOUBT * CLIP), math.exp(DOUBT * CLIP), 1e-5


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


@kernel()
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


@kernel()
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


@njit(nogil=True)
def ask_story(s: Any, p: Any, w: Any, slot: Any, marks: Any, story: Any, cut: Any, floor: Any, row: Any) -> Any:
    """Joint log-odds of ``slot``, which is marked, with a story's members, and the share of them that do not object.

    Of a large story every k-th member is asked, the newest always; those judged as candidates are not judged again.
    Once the joint log-odds cannot reach ``floor`` nobody else is asked, and they are given as minus infinity.
    """
    after, judged = s.next_slot, s.judged
    size = s.story_size[story]
    step = max(1, (size + ASKED - 1) // ASKED)
    most = (size - 1) // step + 1
    hopeless = most * np.exp(-DOUBT * floor) * (1 + _ROUNDING)
    total, asked, content = 0.0, 0, 0
    at, position = s.story_head[story], 0
    while at >= 0:
        if (size - 1 - position) % step == 0:
            x = judged[at]
            if x == 0:
                x = logit_of(p, w, slot, marks, at, row)
            total += doubt_of(x)
            asked += 1
            if total + (most - asked) * _LEAST > hopeless:
                return -np.inf, 0.0
            if x >= cut - OBJECTION:
                content += 1
        at = after[at]
        position += 1
    return joint_logit(total / asked), content / asked


@njit(nogil=True)
def are_one(s: Any, p: Any, w: Any, one: Any, two: Any, cut: Any, marks: Any, row: Any) -> Any:
    """Whether the joint log-odds of the members of two stories, of each every k-th, reach the cut.

    Nobody else is asked once that is certain.
    """
    after = s.next_slot
    size_one, size_two = s.story_size[one], s.story_size[two]
    step_one = max(1, (size_one + SAMPLE - 1) // SAMPLE)
    step_two = max(1, (size_two + SAMPLE - 1) // SAMPLE)
    most = ((size_one - 1) // step_one + 1) * ((size_two - 1) // step_two + 1)
    limit = most * np.exp(-DOUBT * cut)
    total, asked = 0.0, 0
    a, i = s.story_head[one], 0
    while a >= 0:
        if (size_one - 1 - i) % step_one == 0:
            mark(p, a, marks)
            b, j = s.story_head[two], 0
            while b >= 0:
                if (size_two - 1 - j) % step_two == 0:
                    total += doubt_of(logit_of(p, w, a, marks, b, row))
                    asked += 1
                    if total + (most - asked) * _LEAST > limit * (1 + _ROUNDING):
                        return False
                b = after[b]
                j += 1
            if total + (most - asked) * _MOST < limit * (1 - _ROUNDING):
                return True
        a = after[a]
        i += 1
    return joint_logit(total / asked) >= cut


@kernel(linkage, live_postings, pair_kernels)
def assign_slots(
    s: Any, postings: Any, p: Any, w: Any, first: Any, key_offsets: Any, keys: Any, key_weights: Any,
    cut: Any, quorum: Any, window: Any, most: Any, out_row: Any, out_number: Any, merges: Any,
) -> Any:  # fmt: skip
    """Assign the slots from ``first`` on, in order; return the number of merges.

    For slot ``first + k``: ``out_row int64[n, 4]`` receives story row, 1 if it was founded, best member (-1), and
    the row of the runner-up (-1); ``out_number float32[n, 4]`` joint log-odds, quorum, log-odds of the best member and
    joint log-odds of the runner-up.  ``merges int64[m, 3]`` receives (k, survivor, merged row).
    """
    n = key_offsets.shape[0] - 1
    row, marks = np.empty(K, np.float32), unmarked()
    candidates = np.empty(most, np.int64)
    logits = np.empty(most, np.float32)
    stories = np.empty(STORIES, np.int64)
    means = np.empty(STORIES, np.float64)
    merged = 0
    for k in range(n):
        slot = first + k
        a, b = key_offsets[k], key_offsets[k + 1]
        count = live_candidates(
            postings, s.story, p.published, slot, keys[a:b], key_weights[a:b], window, most, candidates
        )
        mark(p, slot, marks)
        best, best_logit = -1, -np.inf
        for c in range(count):
            logits[c] = logit_of(p, w, slot, marks, candidates[c], row)
            s.judged[candidates[c]] = logits[c]
            if logits[c] > best_logit:
                best, best_logit = candidates[c], logits[c]
        # Stories with a member at or above the cut, most probable member first.
        known = 0
        for c in np.argsort(-logits[:count], kind="mergesort"):
            if logits[c] < cut or known == STORIES:
                break
            story = s.story[candidates[c]]
            seen = False
            for q in range(known):
                seen = seen or stories[q] == story
            if not seen:
                stories[known] = story
                known += 1
        chosen, runner, chosen_mean, runner_mean, chosen_quorum = -1, -1, -np.inf, -np.inf, 0.0
        for q in range(known):
            mean, content = ask_story(s, p, w, slot, marks, stories[q], cut, min(cut, runner_mean), row)
            means[q] = mean
            size = s.story_size[stories[q]]
            joins = mean >= cut_at(size + 1, cut) and content >= quorum
            if joins and (mean > chosen_mean or (mean == chosen_mean and stories[q] < chosen)):
                runner, runner_mean = (chosen, chosen_mean) if chosen >= 0 else (runner, runner_mean)
                chosen, chosen_mean, chosen_quorum = stories[q], mean, content
            elif mean > runner_mean:
                runner, runner_mean = stories[q], mean
        for c in range(count):
            s.judged[candidates[c]] = 0
        out_row[k, 0], out_row[k, 1] = chosen, 0
        if chosen < 0:
            out_row[k, 0], out_row[k, 1] = found_story(s, slot), 1
        else:
            join_story(s, slot, chosen)
            # The new member may show that two stories are one.
            for q in range(known):
                other = stories[q]
                if other == chosen or s.story_size[other] == 0 or means[q] < cut:
                    continue
                together = s.story_size[chosen] + s.story_size[other]
                if are_one(s, p, w, chosen, other, cut_at(together, cut), marks, row):
                    if s.story_size[other] > s.story_size[chosen] or (
                        s.story_size[other] == s.story_size[chosen] and other < chosen
                    ):
                        chosen, other = other, chosen
                    absorb_story(s, chosen, other)
                    merges[merged, 0], merges[merged, 1], merges[merged, 2] = k, chosen, other
                    merged += 1
                    if runner in (other, chosen):
                        runner = -1
            out_row[k, 0] = chosen
        out_row[k, 2], out_row[k, 3] = best, runner
        out_number[k, 0], out_number[k, 1] = chosen_mean, chosen_quorum
        out_number[k, 2], out_number[k, 3] = best_logit, runner_mean
        post(postings, keys[a:b], slot)
    return merged
