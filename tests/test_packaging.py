"""The wheel works outside the repository: weights, background IDF and defaults travel with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=280, check=False, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_is_quick_and_pulls_in_nothing_heavy():
    heavy = ("numba", "sklearn", "celery", "pyarrow", "fastapi", "redis")
    code = f"import dedup, sys; print([name for name in {heavy} if name in sys.modules])"
    assert run(sys.executable, "-c", code).strip() == "[]"


def test_every_public_name_is_there_and_documented():
    import dedup

    for name in dedup.__all__:
        assert (getattr(dedup, name).__doc__ or "").strip(), name


@pytest.mark.slow
def test_the_wheel_clusters_the_seeds_outside_the_repository(tmp_path, seeds):
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("story_dedup-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.split("/")[0] not in ("dedup", "workers") and ".dist-info/" not in name]
    unpacked = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(unpacked)
    # Not compiled, which would take a minute: tests/text/test_compiled.py compiles outside the repository.
    environ = {**os.environ, "PYTHONPATH": str(unpacked), "NUMBA_DISABLE_JIT": "1", "PYTHONWARNINGS": "ignore"}
    code = f"import dedup, sys; assert dedup.__file__.startswith({str(unpacked)!r}); from dedup.cli import main; main()"
    out = run(sys.executable, "-c", code, "cluster", seeds, cwd=tmp_path, env=environ)
    rows = [json.loads(line) for line in out.splitlines()]
    assert len({row["story_id"] for row in rows}) == 2
    compiled = run(sys.executable, "-c", "from dedup.cli import main; main()", "cluster", seeds, cwd=ROOT)
    assert out == compiled, "kernels mean the same as Python and as machine code"
