"""What a long run has already done: a folder of finished stages that survives `kill -9`.

Everything in the folder is written under another name, flushed to disk and renamed, so a name that is there is
whole.  A stage is a pure function of the inputs and of the stages before it; a run that is
started again finds the finished ones and goes on after them, and its output is the same.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from dedup.errors import DedupError

_MANIFEST = "manifest.json"


class RunInProgress(DedupError):
    """Another process works in the same folder."""


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give a temporary name beside ``path`` to write to; rename it to ``path`` when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield draft
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.replace(path)
        _sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file in one step."""
    with replaced(path) as draft:
        draft.write_text(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False), encoding="utf-8")


class Checkpoint:
    """A work folder, held by one process at a time.

    Parameters
    ----------
    folder : Path
        Made when missing.
    fingerprint : mapping
        What the results depend on (inputs, settings, versions), JSON-ready.  A folder left by a run
        with another fingerprint is emptied: its stages are of no use.

    Raises
    ------
    RunInProgress
        Where another process holds the folder.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Checkpoint(Path(folder), {"inputs": ["a"]}) as work:
    ...     work.stage("count", lambda: {"articles": 5})
    {'articles': 5}
    """

    def __init__(self, folder: Path, fingerprint: Mapping[str, Any]) -> None:
        self.folder = folder
        self.resumed = False
        self._fingerprint = json.loads(json.dumps(fingerprint))
        self._stages: dict[str, Any] = {}
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise RunInProgress(
                f"{self.folder}: another process works there; wait for it or choose another output"
            ) from None
        for draft in self.folder.rglob(".*.part"):
            draft.unlink(missing_ok=True)
        manifest = self._read()
        if manifest is not None and manifest.get("fingerprint") == self._fingerprint:
            self._stages = manifest["stages"]
            self.resumed = True
        else:
            self._empty()
            self._write()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            self._lock.close()

    def stage(self, name: str, work: Callable[[], Mapping[str, Any] | None]) -> dict[str, Any]:
        """Run ``work`` unless it is recorded as done; return its facts, as they were recorded.

        ``work`` leaves its results as files in the folder, and returns what else is worth knowing, JSON-ready.
        """
        if name not in self._stages:
            facts = work() or {}
            self._stages[name] = json.loads(json.dumps(facts))
            self._write()
        return dict(self._stages[name])

    def done(self, name: str) -> bool:
        """Whether a stage is recorded as finished."""
        return name in self._stages

    def remove(self) -> None:
        """Delete the folder and all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self) -> dict[str, Any] | None:
        try:
            manifest = json.loads((self.folder / _MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return manifest if isinstance(manifest, dict) and "stages" in manifest else None

    def _write(self) -> None:
        write_json(self.folder / _MANIFEST, {"fingerprint": self._fingerprint, "stages": self._stages})

    def _empty(self) -> None:
        """Delete an older run's files; only such as this class writes, never a stranger's."""
        manifest = self._read()
        for entry in self.folder.iterdir():
            if entry.name == "lock":
                continue
            if manifest is None:
                raise DedupError(
                    f"{self.folder}: not a work folder of dedup (it holds {entry.name}); choose another output"
                )
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
