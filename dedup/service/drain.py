"""The drain: what waits, in order of admission, gets its duplicate group and its story.

Whoever holds the lease of a language decides for it, alone.  A decision depends on the
entries before it and on nothing else: not on the size of a batch, the number of workers or
who decided before.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dedup.cluster.groups import best_representative
from dedup.cluster.members import pick_members
from dedup.cluster.relation import Relation
from dedup.errors import FencedOut
from dedup.log import trail
from dedup.service.live import Decided, Linked, LiveLanguage
from dedup.service.verify import Judged, Verifier
from dedup.settings import Settings
from dedup.store import keys, meters, reading
from dedup.store.connection import Connection, together
from dedup.store.draft import Draft
from dedup.store.expiry import stale_segments, trim_live
from dedup.store.index import Arrival, Index
from dedup.store.lease import Lease, holder_name, take, take_within
from dedup.store.records import ADD, RELATIONS, REPLACE, Membership, PendingEntry, Record
from dedup.store.scripts import Command
from dedup.views import Relation as Word

log = logging.getLogger(__name__)

#: Members of a story that are compared to pick its canonical article.
MOST_RANKED = 100
#: Seconds that expiry waits for a lease; who decides holds it for a quarter of a second at a time.
PATIENCE = 10.0
_WORDS: dict[str, Word] = {word: word for word in RELATIONS}


@dataclass(frozen=True, slots=True)
class _Grouped:
    """The group part of a decision."""

    record: Record
    representative: int
    relation: Relation
    score: float
    template_of: int = 0

    @property
    def founds(self) -> bool:
        """Whether it is the representative of a new group."""
        return self.representative == self.record.number


@dataclass(frozen=True, slots=True)
class _Held:
    """What its writer holds of a language in memory; both stand at the position of the live stories."""

    live: LiveLanguage
    index: Index


class Drain:
    """Decides; one instance a process.

    Parameters
    ----------
    connection:
        The store.
    settings:
        ``story``, ``sketch``, ``workers``.
    trust:
        Source trust, for the canonical article.
    """

    def __init__(self, connection: Connection, settings: Settings, trust: Mapping[str, float]) -> None:
        self._connection = connection
        self._settings = settings
        self._trust = trust
        self._verifier = Verifier(settings)
        self._held: dict[str, _Held] = {}
        self._lock = threading.RLock()
        self._deadline = math.inf
        self._holder = holder_name()

    def run(self, languages: Iterable[str] | None = None, *, seconds: float = math.inf, linger: float = 0.0) -> int:
        """Decide what is pending, for about ``seconds`` at most; return the number of entries decided.

        ``linger``: as long as something comes, look again after so many seconds and decide together what came
        meanwhile.  What a commit costs is shared then, and nobody needs to be asked for the next one.
        """
        if languages is None:
            languages = sorted(name.decode() for name in self._connection.one("SMEMBERS", keys.LANGUAGES))
        listed = list(languages)
        done, last = 0, not linger
        # One thread of a process at a time: they share the holder's name, and the live stories.
        with self._lock:
            self._deadline = time.monotonic() + seconds
            while (waiting := self._pending(listed, last=last)) or not last:
                decided = sum(map(self._drain, waiting))
                done += decided
                if waiting and not decided:  # somebody else is at it
                    break
                if time.monotonic() + linger > self._deadline:
                    self._pending(listed, last=True)
                    break
                last = not linger or not waiting
                if not last:
                    time.sleep(linger)
        return done

    def _pending(self, languages: Sequence[str], *, last: bool) -> list[str]:
        """Languages of which something is pending.

        ``last``: nobody may look again after this, so whoever admits something from now on asks for a drain.
        """
        heard: list[Command] = [("DEL", keys.wake(lang)) for lang in languages] if last else []
        looks: list[Command] = [("LLEN", keys.pending(lang)) for lang in languages]
        lengths = self._connection.execute([*heard, *looks])[len(heard) :]
        return [lang for lang, length in zip(languages, lengths, strict=True) if length]

    def _drain(self, lang: str) -> int:
        lease = take(self._connection, lang, self._holder, life=self._settings.workers.lease_seconds)
        if lease is None:
            return 0
        try:
            with lease, lease.kept():
                return self._under(lease)
        except FencedOut:
            log.warning("lost the lease of %s; the next holder goes on", lang)
            self._held.pop(lang, None)
            return 0
        except BaseException:
            # What is in memory may be ahead of the store.
            self._held.pop(lang, None)
            raise

    def expire(self, lang: str, *, matching_ms: int, growing_ms: int) -> int:
        """Let articles leave matching that came before ``matching_ms``, a segment of the index at a time, and story
        clustering those that came before ``growing_ms``; return how many representatives left.

        Nothing is expired when somebody else keeps the lease for :data:`PATIENCE`.
        """
        with self._lock:
            life = self._settings.workers.lease_seconds
            lease = take_within(self._connection, lang, self._holder, life=life, seconds=PATIENCE)
            if lease is None:
                log.warning("nothing of %s expires today: its lease was not free for %g s", lang, PATIENCE)
                return 0
            with lease:
                stale = self._connection.run(stale_segments(lang, before_ms=matching_ms))
                count = self._outgrown(lease, growing_ms)
                if stale or count:
                    lease.commit(0, [*stale, *trim_live(lang, count)], [])
                    # Loaded anew, the state is the same for whoever holds the lease next.
                    self._held.pop(lang, None)
                return count

    def _outgrown(self, lease: Lease, before_ms: int) -> int:
        """How many of the eldest representatives came before ``before_ms``."""
        numbers = [int(item) for item in self._connection.one("LRANGE", keys.live(lease.lang), 0, -1)]
        count = 0
        for start in range(0, len(numbers), 1000):
            part = numbers[start : start + 1000]
            records = self._connection.run(reading.records(part))
            old = [n not in records or records[n].received_ms < before_ms for n in part]
            fresh = old.index(False) if False in old else len(old)
            count += fresh
            if fresh < len(part):
                break
            lease.renew()
        return count

    def _under(self, lease: Lease) -> int:
        done = 0
        held = self._held.get(lease.lang)
        if held is None or held.live.position != lease.position:
            held = self._held[lease.lang] = self._load(lease.lang)
        size = self._settings.workers.drain_batch
        while time.monotonic() < self._deadline and (entries := lease.pending(size)):
            lease.renew()
            left = len(entries)
            for run in _runs(entries):
                draft = Draft(self._connection, lease.lang, time.time_ns() // 1_000_000)
                indexed = self._add(draft, held, run) if run[0].kind == ADD else self._remove(draft, held, run[0])
                self._pick_canonicals(draft)
                now_ms = time.time_ns() // 1_000_000
                metered = meters.observe("decide", ((now_ms - entry.admitted_ms) / 1000 for entry in run))
                metered += meters.changes(draft.events)
                left -= len(run)
                commands = [*draft.commands(), *indexed, *metered]
                lease.commit(len(run), commands, draft.events, ahead=0 if left else size)
                trail("decided", dict.fromkeys(event.article_id for event in draft.events if event.article_id))
                held.live.position = lease.position
                done += len(run)
        return done

    def _load(self, lang: str) -> _Held:
        index = Index.load(lang, bands=self._settings.sketch.bands, span_ms=self._settings.store.segment_ms)
        return _Held(*self._connection.run(together(LiveLanguage.load(lang, self._settings), index)))

    # Articles that come ------------------------------------------------------------------------

    def _add(self, draft: Draft, held: _Held, entries: Sequence[PendingEntry]) -> list[Command]:
        """Draft what becomes of articles that come; return what enters them into the index."""
        live = held.live
        draft.load(records=[entry.number for entry in entries])
        # An article taken down while it waited never appears.
        records = draft.records
        standing = [e for e in entries if e.number in records and not records[e.number].retired]
        candidates, indexed = self._meet(draft, held.index, standing)
        grouped = self._group(draft, candidates)
        founders = [one for one in grouped if one.founds]
        decisions = dict(
            zip((one.record.number for one in founders), live.decide([f.record for f in founders]), strict=True)
        )
        self._foresee(draft, live, grouped, decisions)
        story_of: dict[int, int] = {}
        for entry, one in zip(standing, grouped, strict=True):
            number = one.record.number
            decision = decisions.get(number)
            if decision is None:
                place = draft.place(one.representative)
                story = place.story if place is not None else story_of[one.representative]
                membership = Membership(
                    one.representative, story, one.representative, _word(one.relation), one.score, 1.0
                )
            elif decision.story == number:
                template = one.template_of
                relation: Word = "template" if template else "original"
                membership = Membership(number, number, template, relation, one.score if template else 1.0, 1.0)
            else:
                _link_anew(draft, decision)
                membership = Membership(
                    number, decision.story, decision.other, "report", decision.probability, decision.probability
                )
            story_of[number] = membership.story
            draft.add(one.record, membership, updated=entry.old > 0)
            if decision is not None and decision.story == number:
                _link_anew(draft, decision)
        return indexed

    def _meet(
        self, draft: Draft, index: Index, entries: Sequence[PendingEntry]
    ) -> tuple[dict[int, list[int]], list[Command]]:
        """Candidates of each article, and what enters them all into the index."""
        records = [draft.record(entry.number) for entry in entries]
        arrivals = [
            Arrival(record.number, record.digest, record.bands, entry.admitted_ms)
            for entry, record in zip(entries, records, strict=True)
        ]
        namesakes = index.namesakes(one.digest for one in arrivals)
        draft.load(records=(number for numbers in namesakes.values() for number in numbers))
        same = {
            digest: [n for n in numbers if n in draft.records and draft.records[n].digest == digest]
            for digest, numbers in namesakes.items()
        }
        met, commands = self._connection.run(index.arrive(arrivals, same))
        return dict(zip((one.number for one in arrivals), met, strict=True)), commands

    @staticmethod
    def _foresee(
        draft: Draft, live: LiveLanguage, grouped: Sequence[_Grouped], decisions: Mapping[int, Decided]
    ) -> None:
        """Read what the decisions are about to change, in two round trips: what they name, and what that names."""
        own = {one.record.number for one in grouped}
        joined = {one.representative for one in grouped} - own
        links = [link for decision in decisions.values() for link in decision.links]
        linked = {link.number for link in links} - own
        stories = {story for number in joined | linked if (story := live.story_of(number)) is not None}
        for decision in decisions.values():
            stories |= {decision.story, *(number for pair in decision.merged for number in pair)}
        stories -= own
        draft.load(groups=joined | linked, stories=stories, records=joined | linked | stories)
        places = {number: place for number in joined | linked if (place := draft.place(number)) is not None}
        others = {link.other for link in links} | {places[number].other for number in linked & places.keys()}
        movers = {
            number
            for link in links
            if link.number in places and places[link.number].story != link.story
            for number in draft.group(link.number)
        }
        merged = {gone for decision in decisions.values() for gone, _ in decision.merged} - own
        members = {number for story in merged for number in draft.members(story)}
        compared = {n for story in stories for n in _compared(draft.members(story), draft.story(story).canonical)}
        standing = {place.story for place in places.values()} - own
        draft.load(
            stories=standing,
            records=standing | movers | compared,
            places=(others | movers | members) - own - {0},
        )

    def _group(self, draft: Draft, candidates: Mapping[int, Sequence[int]]) -> list[_Grouped]:
        """Which duplicate group each article joins: verified against representatives only."""
        others = {number for numbers in candidates.values() for number in numbers} - candidates.keys()
        draft.load(places=others)
        anchors = {number: place.group for number in others if (place := draft.place(number)) is not None}
        met = {
            number: [n for n in numbers if n in anchors or n in candidates] for number, numbers in candidates.items()
        }
        texts = {n for number, found in met.items() if found for n in (number, *(anchors.get(m, m) for m in found))}
        draft.load(records=anchors.values(), documents=texts if self._verifier.reads_texts else ())
        judge = self._verifier.over([draft.record(number) for number in sorted(texts)], draft.documents)
        judge.prepare(
            (number, anchor) for number, found in met.items() for anchor in sorted({anchors.get(m, m) for m in found})
        )
        grouped = []
        for number, found in met.items():
            reps = sorted({anchors.get(m, m) for m in found} - {number})
            one = self._join(draft.record(number), [(rep, judge(number, rep)) for rep in reps])
            anchors[number] = one.representative
            grouped.append(one)
        return grouped

    @staticmethod
    def _join(record: Record, judged: Sequence[tuple[int, Judged]]) -> _Grouped:
        position = best_representative([one.joining for _, one in judged], [one.score for _, one in judged])
        if position is not None:
            representative, one = judged[position]
            return _Grouped(record, representative, one.relation, one.score)
        templates = [(one.score, -rep) for rep, one in judged if one.relation == Relation.TEMPLATE]
        score, rep = max(templates, default=(1.0, 0))
        return _Grouped(record, record.number, Relation.ORIGINAL, score, -rep)

    # Articles that go --------------------------------------------------------------------------

    def _remove(self, draft: Draft, held: _Held, entry: PendingEntry) -> list[Command]:
        """Draft what becomes of those around an article that goes; return what takes it out of the index."""
        draft.load(records=[entry.number])
        record = draft.records.get(entry.number)
        if record is None:
            return []
        place = draft.place(entry.number)
        orphans: list[int] = []
        if place is not None and place.group == entry.number:
            orphans = [number for number in draft.group(entry.number) if number != entry.number]
        self._anchor_again(draft, held.live, orphans)
        draft.remove(entry.number, replaced=entry.kind == REPLACE)
        held.live.remove(entry.number)
        return self._connection.run(held.index.leave(record.number, record.digest, record.bands))

    def _anchor_again(self, draft: Draft, live: LiveLanguage, orphans: Sequence[int]) -> None:
        """Members whose representative goes: the eldest takes its place, the others are verified anew."""
        if not orphans:
            return
        draft.load(records=orphans, places=orphans)
        standing = [record for n in orphans if not (record := draft.record(n)).retired]
        draft.load(documents=orphans if self._verifier.reads_texts else ())
        judge = self._verifier.over(standing, draft.documents)
        anchors: list[int] = []
        for number in sorted(orphans):
            place = draft.place(number)
            if place is None:
                continue
            position = None
            if not draft.record(number).retired:
                judged = [judge(number, anchor) for anchor in anchors]
                position = best_representative([one.joining for one in judged], [one.score for one in judged])
            if position is None:
                draft.promote(number, place.story)
                anchors.append(number)
                live.add(draft.record(number), place.story)
            else:
                one, anchor = judged[position], anchors[position]
                draft.move(number, Membership(anchor, place.story, anchor, _word(one.relation), one.score, 1.0))

    # Canonical ---------------------------------------------------------------------------------

    def _pick_canonicals(self, draft: Draft) -> None:
        policy = self._settings.story.canonical
        touched = [story for story in draft.touched_stories() if draft.story(story).articles > 1]
        compared = {story: _compared(draft.members(story), draft.story(story).canonical) for story in touched}
        draft.load(records=[number for numbers in compared.values() for number in numbers])
        standing = []
        for numbers in compared.values():
            records = [draft.record(number) for number in numbers if number in draft.records]
            standing.append([one for one in records if not one.retired] or records)
        picked = pick_members(standing, policy, self._trust)
        for story, members, best in zip(compared, standing, picked, strict=True):
            draft.set_canonical(story, members[best].number)
        for story in draft.touched_stories():
            if draft.story(story).articles == 1:
                draft.set_canonical(story, draft.members(story)[0])


def _compared(members: Sequence[int], canonical: int) -> list[int]:
    """Members among which the canonical is picked: all, or of many the first, the last, and the one that stands."""
    if len(members) <= MOST_RANKED:
        return list(members)
    half = MOST_RANKED // 2
    kept = [*members[:half], *members[-half:]]
    return kept if canonical in kept or canonical not in members else [*kept, canonical]


def _link_anew(draft: Draft, decision: Decided) -> None:
    """Move who lies in another story since stories were linked anew, merge those that are one, mend links cut so."""
    into = dict(decision.merged)
    for at in decision.links:
        place = draft.place(at.number)
        if place is not None and at.story not in (place.story, into.get(place.story)):
            draft.transfer(at.number, _linked(place, at))
    for gone, survivor in decision.merged:
        draft.merge(survivor, gone)
    draft.load(places=[p.other for at in decision.links if (p := draft.place(at.number)) is not None and p.other])
    for at in decision.links:
        place = draft.place(at.number)
        if place is not None and place.relation == "report":
            other = draft.place(place.other)
            if other is not None and other.story != place.story:
                draft.move(at.number, _linked(place, at))


def _linked(place: Membership, at: Linked) -> Membership:
    """The place of a representative among the members that it is now linked to."""
    if at.other == 0:
        return Membership(place.group, at.story, 0, "original", 1.0, 1.0)
    return Membership(place.group, at.story, at.other, "report", at.probability, at.probability)


def _runs(entries: Sequence[PendingEntry]) -> Iterable[list[PendingEntry]]:
    """Articles that come, together; each that goes, alone."""
    run: list[PendingEntry] = []
    for entry in entries:
        if entry.kind == ADD:
            run.append(entry)
            continue
        if run:
            yield run
            run = []
        yield [entry]
    if run:
        yield run


def _word(relation: Relation) -> Word:
    return _WORDS[relation.word]
