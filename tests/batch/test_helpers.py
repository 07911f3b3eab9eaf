"""Helper processes: they answer, raise what was raised, and go when their run goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from dedup.batch.helpers import Helpers
from dedup.batch.intake import HELPER, PROCESS, THREAD, readers_within
from dedup.batch.memory import parse_size
from dedup.errors import DedupError, SettingsError

RUN = """
import sys, time
from dedup.batch.helpers import Helpers
with Helpers(1) as helpers:
    import os
    print(helpers.call(os.getpid), flush=True)
    helpers.call(time.sleep, 2)
"""


def test_they_answer_raise_and_end() -> None:
    with Helpers(2) as helpers:
        process = psutil.Process(helpers.call(os.getpid))
        assert process.pid != os.getpid()
        assert helpers.call(parse_size, "2kB") == 2000
        with pytest.raises(SettingsError, match="no size"):
            helpers.call(parse_size, "much")
    assert not process.is_running()
    assert helpers.peak > 10_000_000


def test_they_are_of_this_package_wherever_the_run_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dedup").mkdir()
    (tmp_path / "dedup" / "__init__.py").write_text("raise SystemExit('another package')")
    monkeypatch.chdir(tmp_path)
    with Helpers(1) as helpers:
        assert helpers.call(parse_size, "2kB") == 2000


def test_one_that_dies_is_told_of() -> None:
    with Helpers(1) as helpers, pytest.raises(DedupError, match="helper process ended with status -9"):
        helpers.call(os.kill, helpers.call(os.getpid), signal.SIGKILL)


def test_they_go_when_their_run_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        helper = psutil.Process(int(run.stdout.readline()))
        run.kill()
    assert run.returncode == -signal.SIGKILL

    helper.wait(30)


def test_a_bound_on_memory_counts_them() -> None:
    assert readers_within(None, 4) == (4, 4)
    assert readers_within(None, 1) == (1, 0)
    assert readers_within(4 * (PROCESS + 8 * THREAD + 3 * HELPER) // 3 + 4, 8) == (8, 3)
    assert readers_within(4 * (PROCESS + 2 * THREAD) // 3 + 4, 8) == (2, 0)
    assert readers_within(1, 8) == (1, 0)
