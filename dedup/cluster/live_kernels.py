"""Compiled steps of the live assignment: postings, candidates, story means, join, merge.

The state is a tuple of arrays (:class:`State`) that only these kernels and :class:`~dedup.cluster.live.LiveStories`
touch.  Articles live in *slots*, numbered by arrival; stories in *rows*.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dedup.cluster import linkage, pair_features
from dedup.cluster.linkage import cut_at, doubt_of, joint_logit
from dedup.cluster.pair_features import K, logit_of
from dedup.text.compiled import kernel
from dedup.vectors.anchors import UNDATED

#: Entries of a posting block; postings read for one article.
BLOCK = 14
BUDGET = 4000
#: Members of one story that are asked, stories that are asked, and members a side when two stories are compared.
ASKED, STORIES, SAMPLE = 24, 8, 12
#: A member objects when its log-odds are this far below the cut.
OBJECTION = 2.0


class State(NamedTuple):
    """Postings, slots and stories.

    ``table_key uint32[t]``, ``table_list int32[t]``: open addressing from term hash to posting list (key 0 empty).
    ``list_head int32[l]``, ``list_size int32[l]``: newest block of a list, and its entries.
    ``block_slot int32[b, BLOCK]``, ``block_next int32[b]``, ``block_used int32[b]``: blocks, newest first.
    ``story int64[s]``: row of each slot's story, -1 once removed; ``next_slot int64[s]``: next member of the story.
    ``story_head, story_tail, story_size int64[r]``: members of each row, oldest first; size 0 once merged or empty.
    ``score, judged float32[s]``: scratch, 0 between articles.  ``used int64[4]``: lists, blocks, slots and rows in use.
    """

    table_key: NDArray[np.uint32]
    table_list: NDArray[np.int32]
    list_head: NDArray[np.int32]
    list_size: NDArray[np.int32]
    block_slot: NDArray[np.int32]
    block_next: NDArray[np.int32]
    block_used: NDArray[np.int32]
    story: NDArray[np.int64]
    next_slot: NDArray[np.int64]
    story_head: NDArray[np.int64]
    story_tail: NDArray[np.int64]
    story_size: NDArray[np.int64]
    score: NDArray[np.float32]
    judged: NDArray[np.float32]
    used: NDArray[np.int64]


@njit(nogil=True)
def list_of(s: Any, key: Any, create: Any) -> Any:
    """Posting list of a term, -1 if there is none and ``create`` is false."""
    mask = s.table_key.shape[0] - 1
    at = np.int64(key ^ (key >> np.uint32(16))) & mask
    while s.table_key[at] != 0:
        if s.table_key[at] == key:
            return np.int64(s.table_list[at])
        at = (at + 1) & mask
    if not create:
        return -1
    number = s.used[0]
    s.used[0] += 1
    s.table_key[at] = key
    s.table_list[at] = number
    s.list_head[number] = -1
    s.list_size[number] = 0
    return number


@njit(nogil=True)
def post(s: Any, key: Any, slot: Any) -> None:
    """Append a slot to the posting list of a term."""
    number = list_of(s, key, True)
    head = s.list_head[number]
    if head < 0 or s.block_used[head] == BLOCK:
        new = s.used[1]
        s.used[1] += 1
        s.block_next[new] = head
        s.block_used[new] = 0
        s.list_head[number] = new
        head = new
    s.block_slot[head, s.block_used[head]] = slot
    s.block_used[head] += 1
    s.list_size[number] += 1


@njit(nogil=True)
def found_story(s: Any, slot: Any) -> Any:
    """Open a story with one member; return its row."""
    row = s.used[3]
    s.used[3] += 1
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
def near(p: Any, a: Any, b: Any, window: Any) -> Any:
    """Say whether two slots were published within the window of each other; undated is near to all."""
    if p.published[a] == UNDATED or p.published[b] == UNDATED:
        return True
    return abs(p.published[a] - p.published[b]) <= window


@njit(nogil=True)
def live_candidates(s: Any, p: Any, slot: Any, keys: Any, weights: Any, window: Any, most: Any, out: Any) -> Any:
    """Write the best candidate slots of ``slot`` to ``out int64[most]``; return how many."""
    size = keys.shape[0]
    lists = np.empty(size, np.int64)
    order = np.empty(size, np.int64)
    found = 0
    for k in range(size):
        number = list_of(s, keys[k], False)
        if number >= 0:
            lists[k] = number
            order[found] = np.int64(s.list_size[number]) << 8 | k
            found += 1
    touched = np.empty(BUDGET + BLOCK, np.int64)
    read, count = 0, 0
    for entry in np.sort(order[:found]):
        if read >= BUDGET:
            break
        k = entry & 255
        block = s.list_head[lists[k]]
        while block >= 0 and read < BUDGET:
            for b in range(s.block_used[block] - 1, -1, -1):
                other = np.int64(s.block_slot[block, b])
                read += 1
                if s.story[other] < 0:
                    continue
                if s.score[other] == 0:
                    touched[count] = other
                    count += 1
                s.score[other] += weights[k]
            block = s.block_next[block]
    best = np.empty(count, np.uint64)
    kept = 0
    for c in range(count):
        other = touched[c]
        if near(p, slot, other, window):
            best[kept] = np.uint64(0xFFFFFFFF - np.int64(s.score[other] * 64)) << np.uint64(32) | np.uint64(other)
            kept += 1
        s.score[other] = 0
    if kept > 4 * most:
        best[:kept] = np.partition(best[:kept], most)
        kept = most
    chosen = np.sort(best[:kept])
    total = min(most, kept)
    for c in range(total):
        out[c] = np.int64(chosen[c] & np.uint64(0xFFFFFFFF))
    return total


@njit(nogil=True)
def ask_story(s: Any, p: Any, w: Any, slot: Any, story: Any, cut: Any, row: Any) -> Any:
    """Joint log-odds of ``slot`` with a story's members, and the share of them that do not object.

    Of a large story every k-th member is asked, the newest always; those judged as candidates are not judged again.
    """
    size = s.story_size[story]
    step = max(1, (size + ASKED - 1) // ASKED)
    total, asked, content = 0.0, 0, 0
    at, position = s.story_head[story], 0
    while at >= 0:
        if (size - 1 - position) % step == 0:
            x = s.judged[at] if s.judged[at] != 0 else logit_of(p, w, slot, at, row)
            total += doubt_of(x)
            asked += 1
            if x >= cut - OBJECTION:
                content += 1
        at = s.next_slot[at]
        position += 1
    return joint_logit(total / asked), content / asked


@njit(nogil=True)
def ask_stories(s: Any, p: Any, w: Any, one: Any, two: Any, row: Any) -> Any:
    """Joint log-odds of the members of two stories, of each every k-th."""
    step_one = max(1, (s.story_size[one] + SAMPLE - 1) // SAMPLE)
    step_two = max(1, (s.story_size[two] + SAMPLE - 1) // SAMPLE)
    total, asked = 0.0, 0
    a, i = s.story_head[one], 0
    while a >= 0:
        if (s.story_size[one] - 1 - i) % step_one == 0:
            b, j = s.story_head[two], 0
            while b >= 0:
                if (s.story_size[two] - 1 - j) % step_two == 0:
                    total += doubt_of(logit_of(p, w, a, b, row))
                    asked += 1
                b = s.next_slot[b]
                j += 1
        a = s.next_slot[a]
        i += 1
    return joint_logit(total / asked)


@kernel(linkage, pair_features)
def assign_slots(
    s: Any, p: Any, w: Any, first: Any, key_offsets: Any, keys: Any, key_weights: Any,
    cut: Any, quorum: Any, window: Any, most: Any, out_row: Any, out_number: Any, merges: Any,
) -> Any:  # fmt: skip
    """Assign the slots from ``first`` on, in order; return the number of merges.

    For slot ``first + k``: ``out_row int64[n, 4]`` receives story row, 1 if it was founded, best member (-1), and
    the row of the runner-up (-1); ``out_number float32[n, 4]`` joint log-odds, quorum, log-odds of the best member and
    joint log-odds of the runner-up.  ``merges int64[m, 3]`` receives (k, survivor, merged row).
    """
    n = key_offsets.shape[0] - 1
    row = np.empty(K, np.float32)
    candidates = np.empty(most, np.int64)
    logits = np.empty(most, np.float32)
    stories = np.empty(STORIES, np.int64)
    means = np.empty(STORIES, np.float64)
    merged = 0
    for k in range(n):
        slot = first + k
        a, b = key_offsets[k], key_offsets[k + 1]
        count = live_candidates(s, p, slot, keys[a:b], key_weights[a:b], window, most, candidates)
        best, best_logit = -1, -np.inf
        for c in range(count):
            logits[c] = logit_of(p, w, slot, candidates[c], row)
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
            mean, content = ask_story(s, p, w, slot, stories[q], cut, row)
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
                if ask_stories(s, p, w, chosen, other, row) >= cut_at(together, cut):
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
        for q in range(a, b):
            post(s, keys[q], slot)
    return merged


@kernel()
def post_slots(s: Any, first: Any, key_offsets: Any, keys: Any) -> None:
    """Enter the slots from ``first`` on into the postings."""
    for k in range(key_offsets.shape[0] - 1):
        for q in range(key_offsets[k], key_offsets[k + 1]):
            post(s, keys[q], first + k)


@kernel()
def fill(table_key: Any, table_list: Any, keys: Any, lists: Any) -> None:
    """Enter terms and their lists into an empty table."""
    mask = table_key.shape[0] - 1
    for k in range(keys.shape[0]):
        at = np.int64(keys[k] ^ (keys[k] >> np.uint32(16))) & mask
        while table_key[at] != 0:
            at = (at + 1) & mask
        table_key[at] = keys[k]
        table_list[at] = lists[k]
