"""A real Spark with executors in processes of their own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Two executors of one core each; skips where PySpark or Java is missing."""
    pytest.importorskip("pyspark", reason="PySpark is not installed (extra 'spark')")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("no Java on this machine")
    os.environ["SPARK_WORKER_DIR"] = str(tmp_path_factory.mktemp("executors"))
    from dedup.batch.spark.session import open_session

    session = open_session("local-cluster[2,1,1024]")
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()
