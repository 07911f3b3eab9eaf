"""Compiled steps of the live assignment: candidates, story means, join or link anew, merge.

The state is a tuple of arrays (:class:`~dedup.cluster.live_state.State`) that only these kernels and
:class:`~dedup.cluster.live.LiveStories` touch.  Articles live in *slots*, numbered by arrival; stories in *rows*.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from dedup.cluster.linkage import CLIP, asked_of, clipped, cohesion, cut_at
from dedup.cluster.live_postings import live_candidates, post
from dedup.cluster.live_state import absorb_story, found_story, join_story, leave_story
from dedup.cluster.pair_features import K
from dedup.cluster.pair_kernels import logit_of, mark, unmarked
from dedup.cluster.prefetch import expect, expect_terms
from dedup.cluster.relink import OBJECTION, relink
from dedup.text.compiled import kernel

#: Members of one story that are asked, stories that are asked, and members a side when two stories are compared.
ASKED, STORIES, SAMPLE = 24, 8, 12
#: How many candidates ahead memory is asked for: where the terms of one lie, and these.
FAR, NEAR = 16, 4
#: What rounding may take from a sum of log-odds, or add to it.
_ROUNDING = 1e-3


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
    hopeless = most * floor - _ROUNDING
    total, asked, content = 0.0, 0, 0
    at, position = s.story_head[story], 0
    while at >= 0:
        if (size - 1 - position) % step == 0:
            x = judged[at]
            if x == 0:
                x = logit_of(p, w, slot, marks, at, row)
            total += clipped(x)
            asked += 1
            if total + (most - asked) * CLIP < hopeless:
                return -np.inf, 0.0
            if x >= cut - OBJECTION:
                content += 1
        at = after[at]
        position += 1
    return total / asked, content / asked


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
    limit = most * cut
    total, asked = 0.0, 0
    a, i = s.story_head[one], 0
    while a >= 0:
        if (size_one - 1 - i) % step_one == 0:
            mark(p, a, marks)
            b, j = s.story_head[two], 0
            while b >= 0:
                if (size_two - 1 - j) % step_two == 0:
                    total += clipped(logit_of(p, w, a, marks, b, row))
                    asked += 1
                    if total + (most - asked) * CLIP < limit - _ROUNDING:
                        return False
                b = after[b]
                j += 1
            if total - (most - asked) * CLIP > limit + _ROUNDING:
                return True
        a = after[a]
        i += 1
    return total / asked >= cut


@njit(nogil=True)
def knit_of(s: Any, p: Any, w: Any, story: Any, marks: Any, row: Any) -> Any:
    """Cohesion of a story, from every k-th member."""
    after, size = s.next_slot, s.story_size[story]
    step = max(1, (size + SAMPLE - 1) // SAMPLE)
    asked, count = np.empty(SAMPLE, np.int64), 0
    at, position = s.story_head[story], 0
    while at >= 0:
        if (size - 1 - position) % step == 0:
            asked[count] = at
            count += 1
        at = after[at]
        position += 1
    total, pairs = 0.0, 0
    for a in range(1, count):
        mark(p, asked[a], marks)
        for b in range(a):
            x = clipped(logit_of(p, w, asked[a], marks, asked[b], row))
            if x < CLIP:
                total += x
                pairs += 1
    return cohesion(total, pairs)


@kernel
def assign_slots(
    s: Any, postings: Any, p: Any, w: Any, first: Any, key_offsets: Any, keys: Any, key_weights: Any,
    link: Any, cut: Any, quorum: Any, window: Any, most: Any,
    out_row: Any, out_number: Any, moves: Any, move_links: Any, merges: Any,
) -> Any:  # fmt: skip
    """Assign the slots from ``first`` on, in order; return the number of moves and of merges.

    ``link`` is the cut of the batch, ``cut`` what is asked where stories are not linked anew. For slot ``first + k``:
    ``out_row int64[n, 4]`` receives story row, 1 if it was founded, nearest member of the story (of one alone,
    candidate; -1), and the row of the runner-up (-1); ``out_number float32[n, 4]`` joint log-odds, quorum, log-odds
    of the nearest and joint log-odds of the runner-up. ``moves int64[m, 4]`` receives (k, member, its row, nearest of
    its story), ``move_links float32[m]`` the member's joint log-odds, ``merges int64[m, 3]`` (k, survivor, merged
    row).
    """
    n = key_offsets.shape[0] - 1
    row, marks = np.empty(K, np.float32), unmarked()
    candidates = np.empty(most, np.int64)
    logits = np.empty(most, np.float32)
    stories = np.empty(STORIES, np.int64)
    means = np.empty(STORIES, np.float64)
    moved, merged = 0, 0
    for k in range(n):
        slot = first + k
        a, b = key_offsets[k], key_offsets[k + 1]
        count = live_candidates(
            postings, s.story, p.published, slot, keys[a:b], key_weights[a:b], window, most, candidates
        )
        post(postings, keys[a:b], slot)
        mark(p, slot, marks)
        best, best_logit = -1, -np.inf
        for c in range(min(FAR, count)):
            expect(p, candidates[c])
        for c in range(min(NEAR, count)):
            expect_terms(p, candidates[c])
        for c in range(count):
            if c + FAR < count:
                expect(p, candidates[c + FAR])
            if c + NEAR < count:
                expect_terms(p, candidates[c + NEAR])
            logits[c] = logit_of(p, w, slot, marks, candidates[c], row)
            s.judged[candidates[c]] = logits[c]
            if logits[c] > best_logit:
                best, best_logit = candidates[c], logits[c]
        # Stories with a member at or above the cut, most probable member first.
        known = 0
        for c in np.argsort(-logits[:count], kind="mergesort"):
            if logits[c] < link or known == STORIES:
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
            joins = mean >= asked_of(size + 1, 0.0, 0.0, cut) and content >= quorum
            if joins and (chosen < 0 or mean > chosen_mean or (mean == chosen_mean and stories[q] < stories[chosen])):
                runner, runner_mean = (stories[chosen], chosen_mean) if chosen >= 0 else (runner, runner_mean)
                chosen, chosen_mean, chosen_quorum = q, mean, content
            elif mean > runner_mean:
                runner, runner_mean = stories[q], mean
        for c in range(count):
            s.judged[candidates[c]] = 0
        out_row[k, 2], out_row[k, 3] = best, runner
        out_number[k, 0], out_number[k, 1] = chosen_mean, chosen_quorum
        out_number[k, 2], out_number[k, 3] = best_logit, runner_mean
        done, told, gone = relink(
            s, p, w, slot, stories[:known], chosen, link, quorum, window, marks, row, out_row[k], out_number[k],
            moves[moved:, 1:], move_links[moved:], merges[merged:, 1:],
        )  # fmt: skip
        if done:
            moves[moved : moved + told, 0] = k
            merges[merged : merged + gone, 0] = k
            moved, merged = moved + told, merged + gone
            if chosen >= 0 and out_row[k, 0] != stories[chosen]:
                out_row[k, 3], out_number[k, 3] = stories[chosen], chosen_mean
        elif chosen < 0:
            out_row[k, 0], out_row[k, 1] = found_story(s, slot), 1
        else:
            gone = merge_into(s, p, w, slot, stories[:known], means, chosen, cut, marks, row, merges[merged:, 1:])
            merges[merged : merged + gone, 0] = k
            merged += gone
            out_row[k, 0], out_row[k, 1] = s.story[slot], 0
        near = -np.inf
        for c in range(count):
            if s.story[candidates[c]] == out_row[k, 0] and logits[c] > near:
                near = logits[c]
                out_row[k, 2], out_number[k, 2] = candidates[c], near
        if out_row[k, 3] >= 0 and (out_row[k, 3] == out_row[k, 0] or s.story_size[out_row[k, 3]] == 0):
            out_row[k, 3] = -1
    return moved, merged


@njit(nogil=True)
def merge_into(
    s: Any, p: Any, w: Any, slot: Any, stories: Any, means: Any, chosen: Any, cut: Any, marks: Any, row: Any,
    merges: Any,
) -> Any:  # fmt: skip
    """Let ``slot`` join ``stories[chosen]``, and this the others that it shows to be one with it; return how many.

    ``merges int64[m, 2]`` receives (survivor, merged row).
    """
    home = stories[chosen]
    join_story(s, slot, home)
    merged = 0
    for q in range(stories.shape[0]):
        other = stories[q]
        if q == chosen or means[q] < cut:
            continue
        size, others = s.story_size[home], s.story_size[other]
        if not are_one(s, p, w, home, other, cut_at(size + others, cut), marks, row):
            continue
        # What their cohesion asks beyond the cut is looked up only where the cut is reached.
        knit, others_knit = knit_of(s, p, w, home, marks, row), knit_of(s, p, w, other, marks, row)
        if are_one(s, p, w, home, other, asked_of(size + others, knit, others_knit, cut), marks, row):
            keeper, gone = (other, home) if others > size or (others == size and other < home) else (home, other)
            absorb_story(s, keeper, gone)
            merges[merged, 0], merges[merged, 1] = keeper, gone
            merged, home = merged + 1, keeper
    if merged:
        # The newest stands last, as in the store.
        leave_story(s, slot)
        join_story(s, slot, home)
    return merged
