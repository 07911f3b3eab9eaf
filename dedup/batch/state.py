"""What one run leaves for the next: its articles with their features, and who was in which story."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dedup import __version__
from dedup.batch.checkpoint import write_json
from dedup.batch.outcome import Outcome
from dedup.batch.parts import Parts
from dedup.batch.report import Comparison
from dedup.batch.rows import read_rows
from dedup.cluster.carry import Carried, carry_ids, fresh_ids
from dedup.errors import InputError
from dedup.identity import story_id

_FACTS = "state.json"


def state_folder(out: str | Path) -> Path:
    """Where a run that wrote ``out`` leaves its articles for the next one, if it is asked to."""
    return Path(f"{out}.state")


def keep_parts(parts: Parts, out: str | Path) -> None:
    """Move the parts of a finished run to its state folder."""
    folder = state_folder(out)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    parts.folder.rename(folder / "articles")
    write_json(folder / _FACTS, {"version": __version__})


@dataclass(frozen=True, slots=True)
class Previous:
    """An earlier run to add to.

    Attributes
    ----------
    out : Path
        Its output.
    parts : Parts
        Its articles.
    """

    out: Path
    parts: Parts

    @classmethod
    def of(cls, out: str | Path) -> Previous:
        """Find what the run that wrote ``out`` left.

        Raises
        ------
        InputError
            If it left nothing, or another version did.
        """
        folder = state_folder(out)
        try:
            facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise InputError(f"{out}: its run left no {folder.name}; run it again with --keep-state") from None
        if facts.get("version") != __version__:
            raise InputError(f"{folder}: left by version {facts.get('version')}, this is {__version__}; run it again")
        return cls(Path(out), Parts(folder / "articles"))

    def fingerprint(self) -> list[Any]:
        """What identifies the run."""
        facts = self.out.stat()
        return [str(self.out.resolve()), facts.st_size, facts.st_mtime_ns, len(self.parts)]

    def rows(self) -> pa.Table:
        """The rows it wrote."""
        return read_rows(self.out)

    def link(self, parts: Parts) -> int:
        """Put its parts before those of a new run, without copying where links can be made; returns how many."""
        parts.folder.mkdir(parents=True, exist_ok=True)
        for number in range(self.parts.count):
            if parts.has(number):
                continue
            source, target = self.parts.path(number), parts.path(number)
            try:
                os.link(source, target)
            except OSError:
                parts.write(number, self.parts.read(number))
        return self.parts.count


def carry_names(outcome: Outcome, ids: pa.Array, previous: pa.Table) -> dict[int, str]:
    """Name the stories that do not go by their founder: those that carry an older id, or whose own is taken.

    Parameters
    ----------
    outcome : Outcome
        The new stories.
    ids : string array (n,)
        Ids of the articles.
    previous : Table
        Rows of the previous run.

    Returns
    -------
    dict
        Story ids by founder.
    """
    olds, founders, new, carried = _match(outcome, ids, previous)
    names = {int(founders[s]): str(olds[o]) for s, o in enumerate(carried.carried.tolist()) if o >= 0}
    taken = set(olds)
    fresh = [s for s in np.flatnonzero(carried.carried < 0).tolist() if story_id(ids[founders[s]].as_py()) in taken]
    members = (ids.take(pa.array(np.flatnonzero(new == s))).to_pylist() for s in fresh)
    given = fresh_ids([ids[founders[s]].as_py() for s in fresh], members, taken)
    return names | {int(founders[s]): name for s, name in zip(fresh, given, strict=True)}


def compare(outcome: Outcome, ids: pa.Array, names: dict[int, str], previous: Previous) -> Comparison:
    """Say what changed against the previous run."""
    rows = previous.rows()
    olds, founders, _, carried = _match(outcome, ids, rows)
    known = pc.is_in(ids, value_set=rows.column("id"))
    added = len(ids) - pc.sum(known).as_py() if len(ids) else 0
    canonical = {row["story_id"]: row["id"] for row in rows.filter(rows.column("is_canonical")).to_pylist()}
    kept = np.flatnonzero(carried.carried >= 0)
    now = outcome.canonical[founders[kept]]
    other = sum(
        canonical.get(olds[o]) != name
        for o, name in zip(carried.carried[kept].tolist(), ids.take(pa.array(now)).to_pylist(), strict=True)
    )
    lines = [
        f"{olds[o]} is now part of {names.get(int(founders[s])) or story_id(ids[founders[s]].as_py())}"
        for o, s in carried.merged[:20].tolist()
    ]
    return Comparison(
        previous=str(previous.out),
        added=added,
        removed=rows.num_rows - (len(ids) - added),
        kept=int(kept.size),
        created=int(np.count_nonzero(carried.carried < 0)),
        merged=len(carried.merged),
        split=len(np.unique(carried.split[:, 0])),
        canonical=other,
        lines=tuple(lines),
    )


def _match(
    outcome: Outcome, ids: pa.Array, previous: pa.Table
) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64], Carried]:
    """Old story ids, founders of the new stories, the new story of each article, and how they match."""
    encoded = previous.column("story_id").combine_chunks().dictionary_encode()
    place = pc.index_in(ids, value_set=previous.column("id")).fill_null(-1).to_numpy(zero_copy_only=False)
    codes = np.append(encoded.indices.to_numpy(zero_copy_only=False), -1).astype(np.int64)
    founders, new = np.unique(outcome.story, return_inverse=True)
    olds = encoded.dictionary.to_pylist()
    return olds, founders, new, carry_ids(codes[place], new.astype(np.int64), n_old=len(olds))
