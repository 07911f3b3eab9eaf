"""What a killed run leaves behind, and what the next one makes of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dedup.batch.checkpoint import Checkpoint, RunInProgress, replaced
from dedup.errors import DedupError


def test_a_finished_stage_is_not_run_again(tmp_path: Path) -> None:
    with Checkpoint(tmp_path / "w", {"a": 1}) as work:
        assert work.stage("one", lambda: {"n": 1}) == {"n": 1}
    with Checkpoint(tmp_path / "w", {"a": 1}) as work:
        assert work.resumed
        assert work.stage("one", lambda: {"n": 2}) == {"n": 1}
        assert not work.done("two")


def test_other_inputs_start_anew(tmp_path: Path) -> None:
    with Checkpoint(tmp_path / "w", {"a": 1}) as work:
        work.stage("one", lambda: {"n": 1})
        (work.folder / "parts").mkdir()
        (work.folder / "parts" / "x").write_text("old")
    with Checkpoint(tmp_path / "w", {"a": 2}) as work:
        assert not work.resumed
        assert not (work.folder / "parts").exists()
        assert work.stage("one", lambda: {"n": 2}) == {"n": 2}


def test_a_strangers_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(DedupError, match=r"letter\.txt"), Checkpoint(tmp_path, {}):
        pass
    assert (tmp_path / "letter.txt").read_text() == "mine"


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with Checkpoint(tmp_path / "w", {}), pytest.raises(RunInProgress), Checkpoint(tmp_path / "w", {}):
        pass


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("old")

    def write() -> None:
        with replaced(path) as draft:
            draft.write_text("new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_process_killed_in_mid_write_leaves_no_half_file(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom dedup.batch.checkpoint import Checkpoint, replaced\n"
        f"with Checkpoint(Path({str(tmp_path / 'w')!r}), {{}}) as work, replaced(work.folder / 'big') as draft:\n"
        "    draft.write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    result = subprocess.run([sys.executable, "-c", script], check=False, env=os.environ)
    assert result.returncode == -signal.SIGKILL
    with Checkpoint(tmp_path / "w", {}) as work:
        assert work.resumed
        assert sorted(p.name for p in work.folder.iterdir()) == ["lock", "manifest.json"]
