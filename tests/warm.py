"""Compile what the tests use before they run: ``python -m tests.warm``.

In a fresh clone every process of every service that a test starts would compile the same kernels, all at once, and none
would find them in the cache of another.  Two processes compile each its half, and take the other's from the cache.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

SEEDS = Path(__file__).resolve().parent.parent / "seeds"


def service() -> None:
    """What workers use."""
    from dedup.readers import read_articles
    from dedup.service import Service

    with tempfile.TemporaryDirectory() as folder, Service.open(f"embedded:{folder}/store") as opened:
        opened.ingest(list(read_articles([SEEDS])))
        opened.assign()


def corpus() -> None:
    """What whole corpora need."""
    import dedup
    from dedup.batch.local import cluster_files
    from dedup.settings import Settings

    words = " ".join(f"word{n}" for n in range(60))
    dedup.find_duplicates([words, f"{words} more", f"{words} else", "another text of its own"])
    with tempfile.TemporaryDirectory() as folder:
        cluster_files([SEEDS], f"{folder}/out.jsonl", settings=Settings())


if __name__ == "__main__":
    halves = {"service": service, "corpus": corpus}
    if sys.argv[1:]:
        halves[sys.argv[1]]()
    else:
        running = [subprocess.Popen([sys.executable, "-m", "tests.warm", name]) for name in halves]
        sys.exit(max(process.wait() for process in running))
