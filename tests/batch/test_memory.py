"""What a bounded run gives back, it can read again."""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pytest

from dedup.batch.memory import bounded, map_table, parse_size
from dedup.batch.parts import Parts
from dedup.errors import SettingsError
from tests.eventually import eventually

ROWS, WIDTH = 40_000, 1000

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is given back on Linux")


def spill(folder: Path) -> tuple[Parts, bytes]:
    """40 MB in one part, and its middle row."""
    dice = np.random.default_rng(1)
    values = [dice.bytes(WIDTH) for _ in range(ROWS)]
    parts = Parts(folder)
    parts.write(0, pa.record_batch({"text": pa.array(values, pa.binary())}))
    return parts, values[ROWS // 2]


def touch(batch: pa.RecordBatch) -> None:
    np.frombuffer(batch.column(0).buffers()[2], np.uint8).sum()


def held() -> int:
    return psutil.Process().memory_info().rss


def given_back(before: int) -> bool:
    return held() - before <= ROWS * WIDTH / 4


def test_mapped_parts_are_given_back_and_read_again(tmp_path: Path) -> None:
    parts, middle = spill(tmp_path)
    gc.collect()
    batch = parts.read(0)
    before = held()
    touch(batch)
    assert held() - before > ROWS * WIDTH / 2
    with bounded(1):
        eventually(lambda: given_back(before), pause=0.01)
        assert batch.column(0)[ROWS // 2].as_py() == middle


def test_mapped_tables_keep_what_was_written(tmp_path: Path) -> None:
    before = held()
    table = map_table(tmp_path / "table", (ROWS, WIDTH // 4))
    table[:] = 7
    with bounded(1):
        eventually(lambda: given_back(before), pause=0.01)
        assert np.all(table == 7)
        table[3, 3] = 8
    assert np.fromfile(tmp_path / "table", np.uint32).sum(dtype=np.int64) == 7 * table.size + 1


def test_without_a_bound_nothing_is_given_back(tmp_path: Path) -> None:
    parts, _ = spill(tmp_path)
    batch = parts.read(0)
    before = held()
    touch(batch)
    with bounded(None):
        time.sleep(0.1)
        assert held() - before > ROWS * WIDTH / 2


@pytest.mark.parametrize("size", ["", "2 boxes", "GB", "-1"])
def test_what_is_no_size_is_refused(size: str) -> None:
    with pytest.raises(SettingsError, match="2GB"):
        parse_size(size)
