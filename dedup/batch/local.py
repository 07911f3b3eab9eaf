"""The local engine: a corpus on disk to rows on disk, on the cores of one machine.

Stages, each recorded when done (see :mod:`dedup.batch.checkpoint`): ``read`` (articles with
their sketches, in parts), ``duplicates``, ``stories``, ``write``.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from dedup import __version__
from dedup.batch.checkpoint import Checkpoint
from dedup.batch.columns import ARTICLE
from dedup.batch.corpus import Corpus, featured_columns
from dedup.batch.decisions import Decisions
from dedup.batch.findings import findings
from dedup.batch.intake import fingerprint_inputs, readers_within, spill_articles
from dedup.batch.memory import bounded, parse_size, peak_memory, release
from dedup.batch.outcome import Outcome
from dedup.batch.parts import Parts
from dedup.batch.report import write_report
from dedup.batch.rows import ROW, STDOUT, check_output, open_sink
from dedup.batch.state import Previous, carry_names, compare, keep_parts
from dedup.errors import ArticleError, InputError
from dedup.readers import Rejected
from dedup.settings import Settings
from dedup.text.parallel import thread_count


class Progress(Protocol):
    """What a run tells of its progress; :class:`rich.progress.Progress` is one."""

    def add_task(self, description: str, *, total: float | None = None) -> Any:
        """Open a line; returns its name."""

    def advance(self, task_id: Any, advance: float = 1) -> None:
        """Move a line on."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did.

    ``seconds`` are of this run, ``peak_memory_bytes`` what its processes held at most: that which reads, with its
    helpers, or this one later.  ``resumed`` says that an earlier run had begun.
    """

    out: str
    articles: int
    groups: int
    stories: int
    rejected: int
    superseded: int
    seconds: float
    articles_per_second: float
    peak_memory_bytes: int
    resumed: bool
    stages: Mapping[str, float]


def cluster_files(
    inputs: Sequence[str | Path],
    out: str,
    *,
    settings: Settings,
    memory: str | int | None = None,
    threads: int | None = None,
    rename: Mapping[str, str] | None = None,
    on_reject: Rejected | None = None,
    progress: Progress | None = None,
    incremental: str | Path | None = None,
    keep: Literal["canonical"] | None = None,
    keep_state: bool = False,
    report: str | Path | None = None,
) -> Summary:
    """Cluster a corpus of any size.

    A run that was killed goes on where it was when it is started again with the same arguments, and
    writes the same bytes.

    Parameters
    ----------
    inputs, rename, on_reject :
        As for :func:`dedup.readers.read_articles`.
    out : str
        ``OUT.parquet``, ``OUT.jsonl``, or ``-`` (JSON Lines on standard output).
    settings : Settings
        ``sketch``, ``story``, ``outlets`` and ``threads`` are used.
    memory : str or int, optional
        Bound such as ``"2GB"`` on what is held at a time; what does not fit is read from disk again.
    threads : int, optional
        Instead of ``settings.threads``.
    progress : Progress, optional
        Told of progress.
    incremental : path, optional
        Output of an earlier run with ``keep_state``: its articles take part again without being read, and
        its stories keep their ids.
    keep : "canonical", optional
        Write the canonical articles themselves instead of rows.
    keep_state : bool
        Leave the sketches in ``OUT.state`` for a later ``incremental`` run.
    report : path, optional
        Where to write the HTML report.

    Raises
    ------
    InputError
        If an input or ``incremental`` cannot be read, or ``out`` is of no known kind.
    RunInProgress
        If another process writes the same output.
    """
    check_output(out)
    run = _Run(
        inputs=[str(name) for name in inputs],
        out=out,
        settings=settings,
        budget=parse_size(memory),
        threads=thread_count(threads or settings.threads or None),
        rename=dict(rename or {}),
        on_reject=on_reject,
        progress=progress,
        previous=Previous.of(incremental) if incremental is not None else None,
        keep=keep,
        keep_state=keep_state or incremental is not None,
        report=Path(report) if report is not None else None,
    )
    started = time.monotonic()
    with bounded(run.budget), _work_folder(out) as folder, Checkpoint(folder, run.fingerprint()) as work:
        facts = run.execute(work)
        if run.keep_state and out != STDOUT:
            keep_parts(Parts(work.folder / "articles"), out)
        work.remove()
    seconds = time.monotonic() - started
    return Summary(
        out=out,
        **facts,
        seconds=round(seconds, 3),
        articles_per_second=round(facts["articles"] / max(seconds, 1e-9), 1),
        resumed=work.resumed,
    )


#: A stage of a run: told to ``advance``, returns what is worth knowing.
_Stage = Callable[[Callable[[int], None]], Mapping[str, Any]]
#: Refusals told again when a run is resumed; the others are only counted.
_MESSAGES = 1000
_ROWS = 65_536


@contextmanager
def _work_folder(out: str) -> Iterator[Path]:
    """Where a run keeps what it has done so far: beside its output, so that the next one finds it."""
    if out != STDOUT:
        yield Path(f"{out}.work")
        return
    with tempfile.TemporaryDirectory(prefix="dedup-") as folder:
        yield Path(folder) / "work"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """The arguments of :func:`cluster_files`, checked."""

    inputs: list[str]
    out: str
    settings: Settings
    budget: int | None
    threads: int
    rename: dict[str, str]
    on_reject: Rejected | None
    progress: Progress | None
    previous: Previous | None
    keep: Literal["canonical"] | None
    keep_state: bool
    report: Path | None

    def fingerprint(self) -> dict[str, Any]:
        """What the output depends on; memory and threads are not among it."""
        return {
            "version": __version__,
            "inputs": fingerprint_inputs(self.inputs, self.rename),
            "sketch": self.settings.sketch.model_dump(),
            "story": self.settings.story.model_dump(),
            "outlets": self.settings.outlets,
            "previous": self.previous.fingerprint() if self.previous else None,
            "keep": self.keep,
        }

    def execute(self, work: Checkpoint) -> dict[str, Any]:
        """Run the stages that are not done; return the facts of the summary."""
        started = datetime.now(UTC)
        parts = Parts(work.folder / "articles")
        if work.done("read") and self.on_reject is not None:
            for message in work.stage("read", dict)["messages"]:
                self.on_reject(ArticleError(message))
        read = self._stage(work, "read", None, partial(self._read, parts))
        corpus = Corpus.of(parts)
        decisions = Decisions(corpus, work.folder, self.settings, threads=self.threads, budget=self.budget)
        twins = self._stage(work, "duplicates", len(corpus), decisions.find_duplicates)
        linked = self._stage(work, "stories", twins["groups"], decisions.find_stories)
        outcome = decisions.outcome()
        names = carry_names(outcome, corpus.ids, self.previous.rows()) if self.previous else {}
        written = self._timed("write", len(corpus), partial(self._write, corpus, outcome, names))
        stages = {"read": read, "duplicates": twins, "stories": linked, "write": written}
        facts = {
            "articles": len(corpus),
            "groups": twins["groups"],
            "stories": linked["stories"],
            "rejected": read["rejected"],
            "superseded": corpus.superseded,
            "peak_memory_bytes": max(peak_memory(), read.get("peak_memory", 0)),
            "stages": {name: stage["seconds"] for name, stage in stages.items()},
        }
        if self.report is not None:
            comparison = compare(outcome, corpus.ids, names, self.previous) if self.previous else None
            timed = {name: (stage["seconds"], stage["items"]) for name, stage in stages.items()}
            found = findings(
                decisions,
                outcome,
                names,
                title="Clustering",
                started_at=started,
                inputs=tuple(self.inputs),
                stages=timed,
                rejected=tuple(read["messages"]),
                rejected_count=read["rejected"],
                comparison=comparison,
                peak_memory=facts["peak_memory_bytes"],
            )
            write_report(found, self.report)
        return facts

    def _stage(self, work: Checkpoint, name: str, total: int | None, run: _Stage) -> dict[str, Any]:
        return work.stage(name, partial(self._timed, name, total, run))

    def _timed(self, name: str, total: int | None, run: _Stage) -> dict[str, Any]:
        started = time.monotonic()
        task = self.progress.add_task(name, total=total) if self.progress else None
        facts = run(lambda count: self.progress.advance(task, count) if self.progress else None)
        if self.budget is not None:
            release()
        return {**facts, "seconds": round(time.monotonic() - started, 3)}

    def _read(self, parts: Parts, advance: Callable[[int], None]) -> Mapping[str, Any]:
        first = self.previous.link(parts) if self.previous else 0
        refused: list[str] = []

        def reject(error: ArticleError | InputError) -> None:
            refused.append(str(error))
            if self.on_reject is None:
                raise error
            self.on_reject(error)

        threads, helpers = readers_within(self.budget, self.threads)
        helped = spill_articles(
            self.inputs,
            parts,
            threads=threads,
            helpers=helpers,
            rename=self.rename,
            reject=reject,
            layout=featured_columns,
            advance=advance,
            first=first,
        )
        facts = {"items": len(parts), "rejected": len(refused), "messages": refused[:_MESSAGES]}
        return {**facts, "peak_memory": peak_memory() + helped}

    def _write(
        self, corpus: Corpus, outcome: Outcome, names: dict[int, str], advance: Callable[[int], None]
    ) -> Mapping[str, Any]:
        if self.keep == "canonical":
            kept = np.unique(outcome.canonical)
            with open_sink(self.out, ARTICLE) as sink:
                for start in range(0, kept.size, _ROWS):
                    sink.write(corpus.articles(kept[start : start + _ROWS]))
            advance(len(corpus))
            return {"items": kept.size}
        with open_sink(self.out, ROW) as sink:
            for start in range(0, len(corpus), _ROWS):
                stop = min(len(corpus), start + _ROWS)
                sink.write(outcome.rows(corpus.ids, start, stop, names))
                advance(stop - start)
        return {"items": len(corpus)}
