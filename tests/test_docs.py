"""The pages that are generated from the code are those that stand in the repository."""

from __future__ import annotations

import subprocess
import sys

from docs.generate import ROOT


def test_the_generated_pages_are_up_to_date():
    # In a process of its own: click remembers how a command was called before.
    command = [sys.executable, "-m", "docs.generate", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
