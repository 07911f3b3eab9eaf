"""Stories as articles arrive: join, found or merge, one article after the other.

A pure state machine: the same articles in the same order give the same decisions, however they are cut into batches.
The lease holder keeps one for each language and rebuilds it from the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from dedup.cluster.decision import Decision, Link, Merge
from dedup.cluster.live_buffers import grow, make_room, new_postings, new_state
from dedup.cluster.live_columns import LiveColumns
from dedup.cluster.live_kernels import assign_slots
from dedup.cluster.live_postings import post_slots
from dedup.cluster.live_state import join_story, leave_story
from dedup.cluster.pair_features import Weights
from dedup.cluster.pairs import PairModel, stack_models
from dedup.cluster.relink import RELINKED
from dedup.cluster.stories import THRESHOLD, WINDOW
from dedup.errors import DedupError
from dedup.vectors import Features, Idf

#: Log-odds above the cut of the batch that a stream asks: a wrong join stays until the nightly job, a missed one is
#: mended by a merge (measured: see ``docs/tuning.md``).
STREAM_MARGIN = 0.25


class LiveStories:
    """Stories that can still grow.

    Parameters
    ----------
    new_key:
        Gives the key of the story that an article (its number) founds.
    model:
        The packaged one when missing.
    idf:
        Snapshot under which all articles are weighed.  When missing, the prior blended with the articles that have
        arrived, weighed anew at fixed numbers of articles, so that the same articles in the same order always meet the
        same weights.
    threshold:
        Probability needed to join a story.
    quorum:
        Share of a story's members that must not object.
    window:
        Seconds; only articles published within it of each other are candidates.
    most:
        Candidates compared with one article.
    judges:
        Several models in place of ``model``, for cross-validation: see ``judge`` of :meth:`assign`.
    """

    def __init__(
        self, *, new_key: Callable[[int], str] = str, model: PairModel | None = None, idf: Idf | None = None,
        threshold: float = THRESHOLD, quorum: float = 0.5, window: float = WINDOW, most: int = 50,
        judges: Sequence[PairModel] | None = None,
    ) -> None:  # fmt: skip
        self._new_key = new_key
        self._model = model or PairModel.default()
        self._judges = tuple(judges) if judges else (self._model,)
        self._fixed = idf
        self._link, self._quorum = self._model.link_logit(threshold), quorum
        self._cut = self._link + STREAM_MARGIN
        self._window, self._most = int(window), most
        self._reset()

    def _reset(self) -> None:
        self._columns = LiveColumns(self._fixed)
        self._weights: Weights = stack_models(self._judges, np.empty(0, np.uint8))
        self._state, self._postings = new_state(), new_postings()
        self._numbers: list[int] = []
        self._slot: dict[int, int] = {}
        self._key: list[str] = []
        self._row: dict[str, int] = {}
        #: Duplicates: article to its representative, and back.
        self._follows: dict[int, int] = {}
        self._followers: dict[int, set[int]] = {}
        self._homeless: dict[int, str] = {}
        self._dead = 0

    def __len__(self) -> int:
        """Return the number of live articles, duplicates included."""
        return len(self._slot) + len(self._follows) + len(self._homeless)

    def __contains__(self, number: object) -> bool:
        return number in self._slot or number in self._follows or number in self._homeless

    @property
    def stories(self) -> Mapping[str, list[int]]:
        """Members of each story, by key; representatives in order of arrival, then duplicates by number."""
        out: dict[str, list[int]] = {}
        for number, slot in self._slot.items():
            out.setdefault(self._key[self._state.story[slot]], []).append(number)
        for number in sorted({*self._follows, *self._homeless}):
            key = self.story_of(number)
            out.setdefault(cast(str, key), []).append(number)
        return out

    def story_of(self, number: int) -> str | None:
        """Return the key of an article's story, ``None`` if it is not live."""
        number = self._follows.get(number, number)
        slot = self._slot.get(number)
        return self._homeless.get(number) if slot is None else self._key[self._state.story[slot]]

    def load(
        self, numbers: Sequence[int], features: Features, story_keys: Sequence[str], *,
        rows: Sequence[str] = (), joined: Sequence[int] | None = None,
    ) -> None:  # fmt: skip
        """Enter representatives whose stories are known, in order of arrival.

        Parameters
        ----------
        numbers, features, story_keys:
            The articles, one row each, and the keys of their stories.
        rows:
            Keys of stories in order of founding, where that is not the order of their first members here.
        joined:
            Positions in ``numbers`` in the order in which they joined their stories (a merge puts members behind those
            of the survivor); the order of arrival when missing.  With both, a loaded state decides exactly as the one
            that grew article by article.

        Raises
        ------
        DedupError
            If a number is live already.
        """
        self._check_new(numbers, features)
        for a, b in self._columns.steps(len(numbers)):
            first = self._enter(numbers[a:b], features.take(np.arange(a, b)), None)
            key_offsets, keys, _ = self._columns.heaviest(first)
            post_slots(self._postings, first, key_offsets, keys)
        for key in rows:
            if key not in self._row:
                self._open_row(key)
        for k in range(len(numbers)) if joined is None else joined:
            row = self._row.get(story_keys[k])
            slot = self._slot[numbers[k]]
            join_story(self._state, slot, self._open_row(story_keys[k]) if row is None else row)

    def follow(self, number: int, representative: int) -> str:
        """Enter a duplicate of a live article; return the key of their story.

        Raises
        ------
        DedupError
            If the representative is not live, or the number is live already.
        """
        if number in self:
            raise DedupError(f"article {number} is live already; remove it first")
        representative = self._follows.get(representative, representative)
        story = self.story_of(representative)
        if story is None:
            raise DedupError(f"representative {representative} is not live; assign the article itself")
        if representative in self._homeless:
            self._homeless[number] = story
        else:
            self._follows[number] = representative
            self._followers.setdefault(representative, set()).add(number)
        return story

    def assign(
        self, numbers: Sequence[int], features: Features, *, representatives: Sequence[int | None] | None = None,
        judge: NDArray[np.uint8] | None = None,
    ) -> list[Decision]:  # fmt: skip
        """Assign articles, in order.

        Parameters
        ----------
        numbers:
            The articles' numbers.
        features:
            One row an article.
        representatives:
            For each article the representative (live, or earlier in this call) of the duplicate group it joins:
            it goes to that article's story unasked.  ``None`` for an article that starts its own group.
        judge:
            ``uint8[n]``: which of ``judges`` judges each article.

        Returns
        -------
        list of Decision
            In the same order.  A later decision of the call may merge the story of an earlier one.

        Raises
        ------
        DedupError
            If a number is live already, or a representative is not live.
        """
        self._check_new(numbers, features)
        decisions: list[Decision] = []
        start = 0
        follows = representatives or [None] * len(numbers)
        while start < len(numbers):
            stop = start
            while stop < len(numbers) and follows[stop] is None:
                stop += 1
            for a, b in self._columns.steps(stop - start):
                rows = np.arange(start + a, start + b)
                part = features if len(rows) == len(features) else features.take(rows)
                judges = None if judge is None else judge[rows]
                decisions += self._assign(numbers[start + a : start + b], part, judges)
            while stop < len(numbers) and (leader := follows[stop]) is not None:
                story = self.follow(numbers[stop], leader)
                decisions.append(Decision(numbers[stop], story, False, 1.0, 1.0, leader, 1.0))
                stop += 1
            start = stop
        return decisions

    def remove(self, number: int) -> str | None:
        """Take an article out; return the key of the story it was in, ``None`` if it was not live.

        Its duplicates stay in the story; without it they are no candidates for others until one of them is assigned.
        """
        key = self.story_of(number)
        if self._homeless.pop(number, None) is not None:
            return key
        representative = self._follows.pop(number, None)
        if representative is not None:
            self._followers[representative].discard(number)
            return key
        slot = self._slot.pop(number, None)
        if slot is None or key is None:
            return None
        for follower in self._followers.pop(number, ()):
            del self._follows[follower]
            self._homeless[follower] = key
        leave_story(self._state, slot)
        self._bury()
        return key

    def ask(self, number: int, features: Features) -> Decision:
        """Say what would be decided for an article, and leave the stories as they were.

        Raises
        ------
        DedupError
            If the number is live already.
        """
        before, homeless = [column.copy() for column in self._state.lists], self._homeless
        (decision,) = self.assign([number], features)
        self._homeless = homeless
        for column, old in zip(self._state.lists, before, strict=True):
            column[: len(old)] = old
        self._state.story[self._slot.pop(number)] = -1
        self._bury()
        return decision

    def _bury(self) -> None:
        self._dead += 1
        if self._dead > 1024 and self._dead > len(self._slot):
            self._compact()

    def expire(self, before: float) -> list[int]:
        """Take out every representative published before ``before`` (seconds since 1970) with its duplicates.

        Undated articles stay; return the numbers taken out.
        """
        published = self._columns.prepared.published
        old = [n for n, slot in self._slot.items() if np.iinfo(np.int64).min < published[slot] < before]
        gone = [n for number in old for n in (number, *sorted(self._followers.get(number, ())))]
        for number in old:
            for follower in list(self._followers.get(number, ())):
                self.remove(follower)
            self.remove(number)
        return gone

    def _assign(self, numbers: Sequence[int], features: Features, judge: NDArray[np.uint8] | None) -> list[Decision]:
        first = self._enter(numbers, features, judge)
        key_offsets, keys, weights = self._columns.heaviest(first)
        n = len(numbers)
        rows, values = np.empty((n, 4), np.int64), np.empty((n, 4), np.float32)
        moves, joint = np.empty((RELINKED * n, 4), np.int64), np.empty(RELINKED * n, np.float32)
        merges = np.empty((8 * n, 3), np.int64)
        told, merged = assign_slots(
            self._state, self._postings, self._columns.prepared, self._weights, first, key_offsets, keys, weights,
            self._link, self._cut, self._quorum, self._window, self._most, rows, values, moves, joint, merges,
        )  # fmt: skip
        # Founded stories get their names first: the articles after them may have moved or merged them.
        for number, (row, founded, _, _) in zip(numbers, rows.tolist(), strict=True):
            if founded:
                self._name_row(row, self._new_key(number))
        links: list[list[Link]] = [[] for _ in numbers]
        for (k, slot, row, other), strength in zip(moves[:told].tolist(), joint[:told].tolist(), strict=True):
            links[k].append(self._link_of(slot, row, other, strength))
        merges_of: list[list[Merge]] = [[] for _ in numbers]
        for k, into, gone in merges[:merged].tolist():
            merge = Merge(self._key[gone], self._key[into])
            merges_of[k].append(merge)
            self._homeless = {n: merge.into if key == merge.gone else key for n, key in self._homeless.items()}
        link = self._model.link_probability
        decisions = []
        for k, number in enumerate(numbers):
            row, founded, best, runner = rows[k].tolist()
            mean, quorum, best_logit, runner_mean = values[k].tolist()
            decisions.append(
                Decision(
                    number, self._key[row], bool(founded),
                    link(runner_mean if founded else mean), 1.0 if founded else quorum,
                    None if best < 0 else self._numbers[best], _logistic(best_logit),
                    None if runner < 0 else self._key[runner], link(runner_mean),
                    tuple(merges_of[k]), tuple(links[k]),
                )
            )  # fmt: skip
        return decisions

    def _link_of(self, slot: int, row: int, other: int, strength: float) -> Link:
        near = None if other < 0 else self._numbers[other]
        return Link(self._numbers[slot], self._key[row], near, self._model.link_probability(strength))

    def _enter(self, numbers: Sequence[int], features: Features, judge: NDArray[np.uint8] | None) -> int:
        first = self._columns.append(features)
        model = np.zeros(len(numbers), np.uint8) if judge is None else judge.astype(np.uint8)
        judges = grow(self._weights.model, first, model)
        self._weights = self._weights._replace(model=judges)
        self._numbers += numbers
        self._slot |= {number: first + k for k, number in enumerate(numbers)}
        self._state, self._postings = make_room(self._state, self._postings, len(self._numbers), len(numbers))
        return first

    def _check_new(self, numbers: Sequence[int], features: Features) -> None:
        if len(numbers) != len(features):
            raise DedupError(f"{len(numbers)} numbers for the features of {len(features)} articles")
        seen: set[int] = set()
        for number in numbers:
            if number in self or number in seen:
                raise DedupError(f"article {number} is live already; remove it first")
            seen.add(number)

    def _open_row(self, key: str) -> int:
        row = int(self._state.used[0])
        self._state.used[0] += 1
        self._state.story_size[row] = 0
        self._name_row(row, key)
        return row

    def _name_row(self, row: int, key: str) -> None:
        while len(self._key) <= row:
            self._key.append("")
        self._key[row] = key
        self._row[key] = row

    def _compact(self) -> None:
        """Rebuild without the slots of removed articles."""
        kept = sorted(self._slot.items(), key=lambda item: item[1])
        numbers = [number for number, _ in kept]
        slots = np.array([slot for _, slot in kept], np.int64)
        keys = [self._key[self._state.story[slot]] for slot in slots]
        columns, models = self._columns.taken(slots), self._weights.model[slots]
        follows, followers, homeless = self._follows, self._followers, self._homeless
        self._reset()
        self._columns = columns
        self._weights = self._weights._replace(model=models)
        self._numbers = numbers
        self._slot = {number: k for k, number in enumerate(numbers)}
        self._state, self._postings = make_room(self._state, self._postings, len(numbers), len(numbers))
        self._follows, self._followers, self._homeless = follows, followers, homeless
        for k, key in enumerate(keys):
            row = self._row.get(key)
            join_story(self._state, k, self._open_row(key) if row is None else row)
        key_offsets, terms, _ = self._columns.heaviest(0)
        post_slots(self._postings, 0, key_offsets, terms)


def _logistic(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))
