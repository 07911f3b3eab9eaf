"""The OpenAPI document agrees with what the API does: Schemathesis, all checks.

``SCHEMA_EXAMPLES=250`` makes more than 5,000 cases, in three to ten minutes; by default it is a short run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_every_operation_keeps_to_the_document(scratch: str, tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("schemathesis")
    options = ["--checks", "all", "--max-examples", os.environ.get("SCHEMA_EXAMPLES", "8"), "--continue-on-failure"]
    options += ["--request-timeout", "90"]
    environ = dict(os.environ) | {"SCHEMATHESIS_HOOKS": "schema_hooks", "PYTHONPATH": str(Path(__file__).parent)}
    run = [command, "run", f"{scratch}/openapi.json", *options]
    done = subprocess.run(run, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=3000)

    cases = re.search(r"(\d+) generated", done.stdout)
    assert cases is not None, done.stdout
    print(f"{cases[1]} cases")
    assert int(cases[1]) > 500
    assert done.returncode == 0, done.stdout[-6000:]
