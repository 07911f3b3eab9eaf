"""What the batch decided, written into the store: only what differs, one step for each knot of stories.

The batch decided about the articles that stood when it looked.  Those that came since, and older ones of
the same stories, stay with their duplicate group, else with the story that their old story leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.cluster.carry import carry_ids
from dedup.identity import group_id
from dedup.store.draft import Draft, changed, event_ms
from dedup.store.records import MERGED, STANDS, Event, Membership, StoryRecord
from dedup.views import Relation

#: Articles in one commit, unless one knot of stories has more.
_COMMIT = 400


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the batch put an article; all are article numbers, ``other`` 0 for none."""

    group: int
    story: int
    canonical: int
    other: int
    relation: Relation
    score: float


@dataclass(slots=True)
class Changes:
    """What a rearrangement changed, or would."""

    moved: int = 0
    merged: int = 0
    split: int = 0
    canonical: int = 0
    kept: int = 0
    lines: list[str] = field(default_factory=list)

    def add(self, other: Changes) -> None:
        """Count the changes of another language too."""
        for name in ("moved", "merged", "split", "canonical", "kept"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.lines += other.lines


@dataclass(frozen=True, slots=True)
class Knot:
    """Stories that exchange articles: old story numbers, and the new clusters (founders of the batch)."""

    old: tuple[int, ...]
    new: tuple[int, ...]


def knots(places: Mapping[int, Membership], wanted: Mapping[int, Placed]) -> Iterator[tuple[Knot, dict[int, int]]]:
    """Part the stories into knots, and say which old story number each new cluster takes (absent: none).

    Parameters
    ----------
    places :
        Where each article stands now.
    wanted :
        Where the batch puts it; articles that are gone are left out.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    numbers = [number for number in wanted if number in places]
    if not numbers:
        return
    olds, old = np.unique([places[number].story for number in numbers], return_inverse=True)
    news, new = np.unique([wanted[number].story for number in numbers], return_inverse=True)
    carried = carry_ids(old.astype(np.int64), new.astype(np.int64)).carried
    size = olds.size + news.size
    graph = coo_array((np.ones(old.size), (old, olds.size + new)), (size, size))
    count, component = connected_components(graph, directed=False)
    by_old, by_new = _members(component[: olds.size], count), _members(component[olds.size :], count)
    for left, right in zip(by_old, by_new, strict=True):
        takes = {int(news[n]): int(olds[carried[n]]) for n in right.tolist() if carried[n] >= 0}
        yield Knot(tuple(olds[left].tolist()), tuple(news[right].tolist())), takes


def _members(labels: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    by = np.argsort(labels, kind="stable")
    return np.split(by, np.searchsorted(labels[by], np.arange(1, count)))


class Rearrangement(Draft):
    """A draft that can give the articles of some stories new groups and stories all at once."""

    def rearrange(
        self, knot: Knot, takes: dict[int, int], wanted: Mapping[int, Placed], pick: Callable[[list[int]], int]
    ) -> Changes:
        """Bring one knot of stories to where the batch wants it.

        Parameters
        ----------
        knot, takes :
            As :func:`knots` gives them.
        wanted :
            Where the batch puts its articles.
        pick :
            Canonical article among some, for stories that hold articles the batch did not see.
        """
        everyone = [number for story in knot.old for number in self.members(story)]
        self.load(records=everyone, places=everyone)
        before = {number: place for number in everyone if (place := self.place(number)) is not None}
        cluster_of = self._clusters(before, wanted)
        clusters: dict[int, list[int]] = {}
        for number in everyone:
            if number in cluster_of:
                clusters.setdefault(cluster_of[number], []).append(number)
        numbered = self._numbered(knot, clusters, cluster_of, takes)
        after = {
            number: self._membership(number, before[number], numbered[cluster], wanted.get(number), cluster_of)
            for number, cluster in cluster_of.items()
        }
        changes = Changes()
        self._regroup(before, after, changes)
        self._restory(knot, clusters, numbered, before, after, changes)
        for cluster, members in clusters.items():
            seen = [wanted[number].canonical for number in members if number in wanted]
            known = len(seen) == len(members) and seen[0] in after
            canonical_before = self.story(numbered[cluster]).canonical
            self.set_canonical(numbered[cluster], seen[0] if known else pick(members))
            changes.canonical += self.story(numbered[cluster]).canonical != canonical_before
        return changes

    def _clusters(self, before: Mapping[int, Membership], wanted: Mapping[int, Placed]) -> dict[int, int]:
        """The batch's cluster of each article; one it did not see follows its group, else most of its story."""
        found = {number: wanted[number].story for number in before if number in wanted}
        leads: dict[int, dict[int, int]] = {}
        for number, cluster in found.items():
            votes = leads.setdefault(before[number].story, {})
            votes[cluster] = votes.get(cluster, 0) + 1
        for number, place in before.items():
            if number not in found:
                votes = leads[place.story]
                most = min(votes, key=lambda cluster: (-votes[cluster], cluster))
                found[number] = wanted[place.group].story if place.group in wanted else most
        return found

    def _numbered(
        self, knot: Knot, clusters: dict[int, list[int]], cluster_of: dict[int, int], takes: Mapping[int, int]
    ) -> dict[int, int]:
        """The story number of each cluster: the one it takes, else the number of a member that founded none yet.

        Where every member of a cluster has founded a story, it takes back the number of one of them, and the
        cluster that went by that number looks for another.  A number taken back from a member stays, so this ends.
        Where those stories stand outside the knot, the cluster stays with the one that took its old story.
        """
        numbered = {cluster: takes[cluster] for cluster in clusters if cluster in takes}
        holder = {number: cluster for cluster, number in numbered.items()}
        waiting = sorted(set(clusters) - set(numbered))
        while waiting:
            cluster = waiting.pop(0)
            usable = [n for n in clusters[cluster] if n in knot.old or not self._stands(n)]
            free = [n for n in usable if n not in holder]
            own = next((n for n in free if n not in self._stories), next(iter(free), next(iter(usable), None)))
            if own is None:
                host = next(iter(numbered))
                clusters[host] += clusters.pop(cluster)
                cluster_of |= dict.fromkeys(clusters[host], host)
                continue
            if own in holder:
                del numbered[holder[own]]
                waiting.append(holder[own])
            numbered[cluster], holder[own] = own, cluster
        return numbered

    def _stands(self, number: int) -> bool:
        """Whether a story goes by this number now; one that ever did is read."""
        if number not in self._stories and self._founded(number):
            self.load(stories=[number])
        return number in self._stories and self._stories[number].state == STANDS

    def _membership(
        self, number: int, place: Membership, story: int, wanted: Placed | None, cluster_of: Mapping[int, int]
    ) -> Membership:
        here = changed(place, story=story)
        if wanted is None or cluster_of.get(wanted.group) != cluster_of[number]:
            return here  # not seen by the batch, or what it was put with is gone
        linked = place.other == 0 or cluster_of.get(place.other) == cluster_of[number]
        if (place.group, place.relation) == (wanted.group, wanted.relation) and linked:
            return here
        probability = wanted.score if wanted.relation == "report" else 1.0
        return Membership(wanted.group, story, wanted.other, wanted.relation, wanted.score, probability)

    def _regroup(self, before: Mapping[int, Membership], after: Mapping[int, Membership], changes: Changes) -> None:
        changed = [n for n in after if (before[n].group, before[n].relation) != (after[n].group, after[n].relation)]
        touched = {place.group for n in changed for place in (before[n], after[n])}
        members: dict[int, list[int]] = {group: [] for group in touched}
        for number in sorted(after, key=lambda n: (n != after[n].group, n)):
            if after[number].group in members:
                members[after[number].group].append(number)
        for group, listed in members.items():
            self._counts["groups"] += bool(listed) - bool(self.group(group))
            self._set_group(group, listed)
        for number in changed:
            place = after[number]
            if place.group == number and before[number].group != number:
                self._live.append(number)
            detail = {"relation": place.relation, "duplicate_group_id": group_id(self.record(place.group).id)}
            name = self.story_name(place.story)
            self.events.append(Event("article.updated", self.record(number).id, name, detail))
        changes.moved += sum(before[n].group != after[n].group for n in changed)
        for number, place in after.items():
            if place != before[number]:
                self._set_place(number, place)

    def _restory(
        self,
        knot: Knot,
        clusters: Mapping[int, list[int]],
        numbered: Mapping[int, int],
        before: Mapping[int, Membership],
        after: Mapping[int, Membership],
        changes: Changes,
    ) -> None:
        standing = set(numbered.values())
        for cluster, members in clusters.items():
            number = numbered[cluster]
            fresh = number not in knot.old
            if not fresh and members == self.members(number):
                changes.kept += 1
                self._count_groups(number, members, after)
                continue
            self._rewrite_story(number, members, after)
            name = self.story_name(number)
            if fresh:
                origin = max(knot.old, key=lambda old: (sum(before[n].story == old for n in members), -old))
                listed = [self.record(n).id for n in members]
                told: dict[str, Any] = {"into": name, "articles": listed}
                self.events.append(Event("story.split", None, self.story_name(origin), told, (origin, number)))
                changes.split += 1
                changes.lines.append(f"{name} was split from {self.story_name(origin)}: {len(members)} articles")
            else:
                self.events.append(Event("story.changed", None, name, {"articles": len(members)}))
        for old in knot.old:
            if old not in standing:
                stays = {n: after[n].story for n in after if before[n].story == old}
                into = max(set(stays.values()), key=lambda s: (list(stays.values()).count(s), -s))
                gone = self.story(old)
                self._set_members(old, [])
                self._set_story(
                    old, gone.changed(state=MERGED, canonical=into, articles=0, groups=0, updated_ms=self.now_ms)
                )
                detail = {"into": self.story_name(into), "articles": gone.articles}
                self.events.append(Event("story.merged", None, self.story_name(old), detail, (into, old)))
                changes.merged += 1
                changes.lines.append(f"{self.story_name(old)} is now part of {self.story_name(into)}")
        self._counts["stories"] += len(standing) - len(knot.old)

    def _rewrite_story(self, number: int, members: Sequence[int], after: Mapping[int, Membership]) -> None:
        times = [event_ms(self.record(n)) for n in members]
        groups = len({after[n].group for n in members})
        old = self._stories.get(number)
        stands = old is not None and old.state == STANDS and old.canonical in members
        canonical = old.canonical if old is not None and stands else members[0]
        # Members first: both remember what stood before.
        self._before["members"].setdefault(number, self._members.get(number, []))
        self._members[number] = list(members)
        self._set_story(
            number,
            StoryRecord(STANDS, canonical, len(members), groups, min(times), max(times), self.now_ms, number),
        )

    def _count_groups(self, number: int, members: Sequence[int], after: Mapping[int, Membership]) -> None:
        groups = len({after[n].group for n in members})
        story = self.story(number)
        if story.groups != groups:
            self._set_story(number, story.changed(groups=groups, updated_ms=self.now_ms))


def batches(
    found: Iterable[tuple[Knot, dict[int, int]]], sizes: Callable[[Knot], int]
) -> Iterator[list[tuple[Knot, dict[int, int]]]]:
    """Cut knots into commits."""
    batch: list[tuple[Knot, dict[int, int]]] = []
    size = 0
    for knot, takes in found:
        batch.append((knot, takes))
        size += sizes(knot)
        if size >= _COMMIT:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
