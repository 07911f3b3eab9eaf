"""The nightly job: the batch algorithm over the live window, compared with what the stream decided.

A state machine whose steps are recorded in a work folder and harmless to repeat: look (which articles), gather (copy
them from the store), duplicates, stories, then for each language write what differs, under its lease; then the IDF
snapshot, the lines that sources repeat, what is to expire, and the report.  A run claims its period in the store; one
that was killed goes on where it was.
"""

from __future__ import annotations

import math
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from dedup import __version__
from dedup.batch.checkpoint import Checkpoint
from dedup.batch.corpus import Corpus
from dedup.batch.decisions import Decisions
from dedup.batch.findings import findings
from dedup.batch.memory import peak_memory
from dedup.batch.outcome import Outcome
from dedup.batch.parts import Parts
from dedup.batch.rearrange import Changes, Placed, Rearrangement, batches, knots
from dedup.batch.report import Comparison, write_report
from dedup.batch.window import gather, window_start
from dedup.cluster.members import pick_members
from dedup.cluster.relation import Relation
from dedup.errors import DedupError, FencedOut
from dedup.outlets import load_outlets
from dedup.settings import Settings
from dedup.store import keys, reading
from dedup.store.connection import Connection
from dedup.store.lease import Lease, holder_name, take
from dedup.text.boilerplate import Boilerplate
from dedup.text.parallel import thread_count

#: Name of the lease of the job itself, and of the record of its last run.
JOB = "@nightly"
_LIFE = 30.0
#: Seconds to wait for the lease of a language; a drain gives it up after each round.
_PATIENCE = 120.0
#: Articles read at a time when lines are counted.
_READ = 4096


class Busy(DedupError):
    """Another nightly run is under way."""


def run_nightly(
    connection: Connection,
    settings: Settings,
    *,
    expire: Callable[[], Mapping[str, int]],
    dry_run: bool = False,
    force: bool = False,
    report: str | Path | None = None,
) -> dict[str, Any]:
    """Run the nightly job.

    Parameters
    ----------
    connection : Connection
        The store to work on.
    settings : Settings
        Those of the store; what a run that was killed had decided under others is not used.
    expire : callable
        Lets go of what is old, at the end of a run; returns how many of each kind.
    dry_run : bool
        Decide, compare and report; write nothing to the store.
    force : bool
        Run even if this period's run is done.
    report : path, optional
        Where to write the HTML report; a file of the period's name in ``nightly.report`` when missing.

    Returns
    -------
    dict
        ``state`` (``done``, ``dry run``, ``done before`` or ``running elsewhere``) and what was changed.
    """
    period = datetime.now().astimezone().date().isoformat()
    last = connection.one("GET", keys.snapshot("nightly"))
    if last and not (force or dry_run):
        record: dict[str, Any] = orjson.loads(last)
        if record["period"] == period:
            return record | {"state": "done before"}
    try:
        with _claim(connection):
            return _Run(connection, settings, expire, period, dry_run, Path(report) if report else None).execute()
    except Busy:
        return {"state": "running elsewhere", "period": period}


@contextmanager
def _claim(connection: Connection) -> Iterator[None]:
    """Hold the job's lease; a holder of this machine that died has lost it."""
    lease = take(connection, JOB, holder_name(), life=_LIFE)
    if lease is None and _holder_died(connection):
        connection.one("DEL", keys.lease(JOB))
        lease = take(connection, JOB, holder_name(), life=_LIFE)
    if lease is None:
        raise Busy("another nightly run is under way")
    with lease, lease.kept(stuck=math.inf):  # it commits nothing under this lease
        yield


def _holder_died(connection: Connection) -> bool:
    standing = connection.one("GET", keys.lease(JOB))
    if standing is None:
        return True
    host, pid, _ = standing.decode().split(" ", 1)[1].rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


@dataclass(frozen=True)
class _Run:
    """One run, of one period."""

    connection: Connection
    settings: Settings
    expire: Callable[[], Mapping[str, int]]
    period: str
    dry_run: bool
    report: Path | None

    def execute(self) -> dict[str, Any]:
        started = datetime.now().astimezone()
        settings = self.settings
        fingerprint = {"version": __version__, "period": self.period, "settings": settings.model_dump(mode="json")}
        with Checkpoint(self._folder(), fingerprint) as work:
            look = work.stage("look", self._look)
            parts = Parts(work.folder / "articles")
            timed: dict[str, tuple[float, int]] = {}
            facts = work.stage("gather", _timed(lambda: self._gather(parts, look)))
            timed["gather"] = (facts["seconds"], facts["items"])
            corpus = Corpus.of(parts)
            threads = thread_count(settings.threads or None)
            decisions = Decisions(corpus, work.folder, settings, threads=threads, budget=None)
            stored = None if settings.store.keep_text else self._stored_groups(corpus)
            for name, step in (
                ("duplicates", lambda: decisions.find_duplicates(_ignore, stored=stored)),
                ("stories", lambda: decisions.find_stories(_ignore)),
            ):
                facts = work.stage(name, _timed(step))
                timed[name] = (facts["seconds"], facts["items"])
            outcome = decisions.outcome()
            begun = time.monotonic()
            changes = Changes()
            for lang, wanted in _placed(decisions, outcome).items():
                changes.add(self._apply(lang, wanted))
            timed["write"] = (time.monotonic() - begun, len(corpus))
            summary = self._summary(corpus, outcome, changes)
            if not self.dry_run:
                lines = _repeated_lines(corpus, outcome).pack()
                for name, blob in ((keys.IDF, decisions.idf.to_bytes()), (keys.BOILERPLATE, lines)):
                    self.connection.one("SET", keys.snapshot(name), blob)
                gone = self.expire()
                summary |= {f"expired_{name}": count for name, count in gone.items()}
            path = self.report or self._report_path()
            if path is not None:
                comparison = _comparison(changes, outcome)
                page = findings(
                    decisions,
                    outcome,
                    {},
                    title="Nightly run" + (" (nothing was written)" if self.dry_run else ""),
                    started_at=started,
                    inputs=(self.connection.url,),
                    peak_memory=peak_memory(),
                    stages=timed,
                    comparison=comparison,
                )
                write_report(page, path)
                summary["report"] = str(path)
            if not self.dry_run:
                self.connection.one("SET", keys.snapshot("nightly"), orjson.dumps(summary))
            work.remove()
        return summary

    def _folder(self) -> Path:
        embedded = self.connection.embedded
        name = "nightly-dry" if self.dry_run else "nightly"
        if embedded is not None:
            return embedded.path / name
        url = blake2b(self.connection.url.encode(), digest_size=6).hexdigest()
        return Path(tempfile.gettempdir()) / f"dedup-{name}-{url}"

    def _report_path(self) -> Path | None:
        embedded = self.connection.embedded
        if self.settings.nightly.report is not None:
            where = Path(self.settings.nightly.report)
        elif embedded is not None:
            where = embedded.path / "reports"
        else:
            return None
        return where / f"{self.period}{'-dry-run' if self.dry_run else ''}.html"

    def _look(self) -> dict[str, int]:
        """The numbers of the live window: articles that can still meet others."""
        days = max(self.settings.store.matching_days, self.settings.story.window_days)
        since_ms = time.time_ns() // 1_000_000 - round(days * 86_400_000)
        last = int(self.connection.one("GET", keys.SEQUENCE) or 0)
        return {"first": self.connection.run(window_start(last, since_ms)), "last": last}

    def _gather(self, parts: Parts, look: Mapping[str, int]) -> dict[str, int]:
        texts = self.settings.store.keep_text
        return gather(self.connection, parts, look["first"], look["last"], texts=texts)

    def _stored_groups(self, corpus: Corpus) -> np.ndarray:
        """Without texts, the groups that the stream decided stand: representative of each article."""
        numbers = corpus.numbers
        row = {number: place for place, number in enumerate(numbers.tolist())}
        places = self.connection.run(reading.memberships(numbers.tolist()))
        anchors = [row.get(places[n].group, row[n]) if n in places else row[n] for n in row]
        return np.array(anchors, np.int64)

    def _apply(self, lang: str, wanted: dict[int, Placed]) -> Changes:
        """Write what differs in one language."""
        if self.dry_run:
            return self._compare(lang, wanted, None)
        deadline = time.monotonic() + _PATIENCE
        while True:
            lease = take(self.connection, lang, holder_name(), life=self.settings.workers.lease_seconds)
            if lease is not None:
                try:
                    with lease:
                        return self._compare(lang, wanted, lease)
                except FencedOut:
                    continue
            if time.monotonic() > deadline:
                raise DedupError(f"the lease of {lang} was not free for {_PATIENCE:g} s; run dedup nightly again")
            time.sleep(0.02)

    def _compare(self, lang: str, wanted: dict[int, Placed], lease: Lease | None) -> Changes:
        connection, trust = self.connection, load_outlets(self.settings.outlets)
        policy = self.settings.story.canonical
        places = connection.run(reading.memberships(wanted))
        # Copies of a text that is older than the window stay where that one is.
        wanted = {n: one for n, one in wanted.items() if n in places and places[n].group in wanted}
        found = list(knots(places, wanted))
        stories = connection.run(reading.stories({story for knot, _ in found for story in knot.old}))
        total = Changes()
        same = _unchanged(places, wanted, {number: story.canonical for number, story in stories.items()})
        changed = [(knot, takes) for knot, takes in found if len(knot.old) > 1 or knot.old[0] not in same]
        total.kept = len(found) - len(changed)
        for batch in batches(changed, lambda knot: sum(stories[n].articles for n in knot.old if n in stories)):
            draft = Rearrangement(connection, lang, time.time_ns() // 1_000_000)
            draft.load(stories=[number for knot, _ in batch for number in knot.old])

            def choose(members: list[int], draft: Rearrangement = draft) -> int:
                return members[pick_members([[draft.record(number) for number in members]], policy, trust)[0]]

            for knot, takes in batch:
                total.add(draft.rearrange(knot, takes, wanted, choose))
            if lease is not None:
                lease.renew()
                lease.commit(0, draft.commands(), draft.events)
        return total

    def _summary(self, corpus: Corpus, outcome: Outcome, changes: Changes) -> dict[str, Any]:
        return {
            "state": "dry run" if self.dry_run else "done",
            "period": self.period,
            "articles": len(corpus),
            "groups": len(np.unique(outcome.group)),
            "stories": len(np.unique(outcome.story)),
            "stories_kept": changes.kept,
            "stories_merged": changes.merged,
            "stories_split": changes.split,
            "canonical_changed": changes.canonical,
            "articles_regrouped": changes.moved,
        }


def _repeated_lines(corpus: Corpus, outcome: Outcome) -> Boilerplate:
    """Learn the lines that each source repeats; copies of one text teach as one."""
    learned = Boilerplate()
    leaders = np.flatnonzero(outcome.group == np.arange(len(corpus)))
    for start in range(0, leaders.size, _READ):
        batch = corpus.articles(leaders[start : start + _READ])
        for source, text in zip(batch.column("source").to_pylist(), batch.column("text").to_pylist(), strict=True):
            learned.learn(source, text)
    return learned


def _unchanged(places: Mapping[int, Any], wanted: Mapping[int, Placed], canonical: Mapping[int, int]) -> set[int]:
    """Stories that stand as the batch wants them, told without reading their records."""
    cluster: dict[int, set[int]] = {}
    same: dict[int, bool] = {}
    for number, one in wanted.items():
        place = places[number]
        cluster.setdefault(place.story, set()).add(one.story)
        alike = (place.group, place.relation) == (one.group, one.relation) and canonical.get(
            place.story
        ) == one.canonical
        same[place.story] = same.get(place.story, True) and alike
    return {story for story, alike in same.items() if alike and len(cluster[story]) == 1}


def _placed(decisions: Decisions, outcome: Outcome) -> dict[str, dict[int, Placed]]:
    """Where the batch puts each article, by language, in the store's numbers."""
    corpus = decisions.corpus
    numbers = corpus.numbers
    other = decisions.others()
    columns = (
        numbers,
        numbers[outcome.group],
        numbers[outcome.story],
        numbers[outcome.canonical],
        np.where(other >= 0, numbers[np.maximum(other, 0)], 0) if len(numbers) else other,
    )
    found: dict[str, dict[int, Placed]] = {}
    rows = zip(*(column.tolist() for column in columns), strict=True)
    details = zip(outcome.relation.tolist(), outcome.score.tolist(), corpus.languages.to_pylist(), strict=True)
    for (number, group, story, canonical, linked), (code, score, lang) in zip(rows, details, strict=True):
        place = Placed(group, story, canonical, linked, _WORDS[code], score)
        found.setdefault(lang or keys.UNKNOWN_LANGUAGE, {})[number] = place
    return found


_WORDS: Any = {int(relation): relation.word for relation in Relation}


def _comparison(changes: Changes, outcome: Outcome) -> Comparison:
    return Comparison(
        previous="the stream",
        added=0,
        removed=0,
        kept=changes.kept,
        created=changes.split,
        merged=changes.merged,
        split=changes.split,
        canonical=changes.canonical,
        lines=tuple(changes.lines[:40]),
    )


def _ignore(count: int) -> None:
    """Progress of a job that nobody watches."""


def _timed(step: Callable[[], Mapping[str, Any]]) -> Callable[[], dict[str, Any]]:
    def run() -> dict[str, Any]:
        begun = time.monotonic()
        facts = step()
        return {**facts, "seconds": round(time.monotonic() - begun, 3)}

    return run
