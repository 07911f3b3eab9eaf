"""Workers never take the processor from the store or from who answers: they wait until it is given to them."""

from __future__ import annotations

import os

import psutil
import pytest


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="a kernel without this policy")
def test_workers_and_their_children_interrupt_nobody_and_the_store_may(running) -> None:
    pids = running().supervisor.processes()
    workers = [psutil.Process(pids[name]) for name in ("ingest", "assign", "nightly")]
    everyone = [one for worker in workers for one in (worker, *worker.children())]
    assert len(everyone) == len(workers) + 2, "ingest has two children"
    assert {os.sched_getscheduler(one.pid) for one in everyone} == {os.SCHED_BATCH}
    assert os.sched_getscheduler(pids["store"]) == os.SCHED_OTHER
