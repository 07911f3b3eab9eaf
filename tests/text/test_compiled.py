"""Compiled code is kept on disk safely: read-only packages, several processes, changed helpers."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dedup
from dedup.text import compiled

CODE = "import dedup; print(dedup.minhash(['một hai ba bốn năm sáu'], num_perm=16).tolist())"
#: The same of a kernel that is compiled in a second.
SMALL = "import numpy, dedup.sketch; print(dedup.sketch.band_hashes(numpy.ones((2, 8), numpy.uint32), 2, 4).tolist())"


def _run(folder: Path, cache: Path, code: str = CODE) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "XDG_CACHE_HOME": str(cache)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", code], cwd=folder, env=environment, text=True, **pipes)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, nothing of it compiled."""
    folder = tmp_path_factory.mktemp("copy") / "site"
    shutil.copytree(Path(dedup.__file__).parent, folder / "dedup", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def answers(site: Path) -> list[str]:
    """What three processes answer that start at once in it; what later runs answer is added."""
    started = [_run(site, site.parent / "cache") for _ in range(3)]
    found = [process.communicate(timeout=240) for process in started]
    assert all(process.returncode == 0 for process in started), found
    return [out for out, _ in found]


@pytest.mark.slow
def test_several_processes_start_at_once_from_nothing(site: Path, answers: list[str]) -> None:
    assert len(set(answers)) == 1
    kept = sorted(site.rglob("*.nbc"))
    assert kept

    again = _run(site, site.parent / "cache")
    assert again.communicate(timeout=240)[0] == answers[0]
    assert sorted(site.rglob("*.nbc")) == kept


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("kernels.py", "folded ^= folded >> _S29", "folded ^= folded >> U64(31)"),
        ("decoding.py", "three = U16(U16(q) << _H12)", "three = U16(U16(q) << _H6)"),
        ("hashing.py", "MIX = 0xD6E8FEB86659FD93", "MIX = 0xD6E8FEB86659FD91"),
    ],
    ids=["helper", "helper-of-a-helper", "constant"],
)
def test_what_changed_in_another_file_is_compiled_anew(
    site: Path, answers: list[str], file: str, old: str, new: str
) -> None:
    place = site / "dedup" / "text" / file
    source = place.read_text(encoding="utf-8")
    changed = source.replace(old, new)
    assert changed != source
    place.write_text(changed, encoding="utf-8")
    after = _run(site, site.parent / "cache").communicate(timeout=240)[0]
    place.write_text(source, encoding="utf-8")
    assert after
    assert after not in answers, "neither what was compiled first, nor for another change"
    answers.append(after)


def test_what_a_file_imports_is_what_python_takes_it_to_import() -> None:
    root = Path(dedup.__file__).resolve().parent
    files = [file for room in ("text", "sketch", "vectors", "cluster") for file in (root / room).glob("*.py")]
    for file in files:
        names = []
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom):
                names += [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
        wanted = {root.parent.joinpath(*name.split(".")).with_suffix(".py") for name in names}
        assert compiled.imported(file) == wanted & set(files), file
    assert {root / "vectors" / "lexicon.py", root / "text" / "shapes.py"} < compiled.inlines(
        root / "cluster" / "live.py"
    )


@pytest.mark.slow
def test_a_package_that_cannot_be_written_to_keeps_its_code_in_the_user_cache(tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(Path(dedup.__file__).parent, site / "dedup", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [site / "dedup", *(p for p in (site / "dedup").rglob("*") if p.is_dir())]:
        (folder / "__pycache__").write_text("a file where the cache folder would be", encoding="utf-8")
    first = _run(site, tmp_path / "cache", SMALL)
    assert first.communicate(timeout=240)[0]
    assert first.returncode == 0
    assert list((tmp_path / "cache").rglob("*.nbc"))
