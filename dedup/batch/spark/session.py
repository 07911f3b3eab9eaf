"""The Spark session a run works in."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dedup.errors import DedupError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Of Java on one machine: more than half of its time goes into the second compiler, which such runs are too short for.
_SHORT_LIVED = "-XX:TieredStopAtLevel=1"


def open_session(master: str | None = None) -> SparkSession:
    """Return the running session, as ``spark-submit`` starts one, or start one.

    Parameters
    ----------
    master : str, optional
        Such as ``local[4]`` or ``local-cluster[2,1,1024]``; what the environment
        says (``MASTER``, ``spark-submit``) when missing, else all cores of this machine.

    Raises
    ------
    DedupError
        Where PySpark is not installed.
    """
    found = importlib.util.find_spec("pyspark")
    if found is None or found.origin is None:
        raise DedupError("the Spark engine needs PySpark: pip install 'story-dedup[spark]'")
    # A pip install of PySpark is a whole Spark, but its executors look for it by this name.
    os.environ.setdefault("SPARK_HOME", str(Path(found.origin).parent))
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("dedup")
    if master is not None:
        builder = builder.master(master)
    home = str(Path(__file__).resolve().parents[3])
    for name, value in {
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "4096",
        "spark.sql.adaptive.skewJoin.enabled": "true",
        # Where this package is not installed but run from its folder, executors find it there.
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")])),
        # Kernels are compiled for one thread; Spark's tasks are the threads.
        "spark.executorEnv.OMP_NUM_THREADS": "1",
    }.items():
        builder = builder.config(name, value)
    if (master or "").startswith("local"):
        for process in ("driver", "executor"):
            builder = builder.config(f"spark.{process}.defaultJavaOptions", _SHORT_LIVED)
    session = builder.getOrCreate()
    if session.sparkContext.getConf().get("spark.sql.shuffle.partitions") is None:
        # Spark's own default, 200, is meant for a cluster.  Executors may register later than this; small partitions
        # are joined when their sizes are known.
        partitions = max(16, 3 * session.sparkContext.defaultParallelism)
        session.conf.set("spark.sql.shuffle.partitions", str(partitions))
    return session
