"""The store's suite, whole, on other servers than the embedded one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = Path(__file__).parents[1] / "store"


def run_suite(url: str, *, cluster: bool) -> None:
    environ = dict(os.environ) | {"TEST_STORE_URL": url}
    if cluster:
        environ["TEST_STORE_CLUSTER"] = "1"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(SUITE)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout


@pytest.mark.slow
def test_on_the_redis_server_of_the_system(redis_url: str) -> None:
    run_suite(redis_url, cluster=False)


@pytest.mark.slow
def test_on_a_cluster_of_three_nodes(cluster_url: str) -> None:
    run_suite(cluster_url, cluster=True)
