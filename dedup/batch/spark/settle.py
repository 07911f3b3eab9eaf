"""Frames stored between stages: the loss of an executor cannot reach them, and a killed run finds them again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class Settled:
    """A folder of frames, on any file system that Spark writes.

    Parameters
    ----------
    spark : SparkSession
        The session.
    folder : str
        Path or URL.
    """

    def __init__(self, spark: SparkSession, folder: str) -> None:
        self.spark = spark
        self.folder = folder.rstrip("/")
        self.resumed = False

    def claim(self, fingerprint: Mapping[str, Any]) -> None:
        """Empty the folder if a run with another fingerprint left it."""
        told = json.dumps(fingerprint, sort_keys=True)
        path = f"{self.folder}/run"
        if self._whole(path):
            self.resumed = self.spark.read.text(path, wholetext=True).collect()[0][0].strip() == told
        if not self.resumed:
            self.remove()
            self.spark.createDataFrame([(told,)], "value string").coalesce(1).write.text(path)

    def __call__(self, frame: DataFrame | Callable[[], DataFrame], name: str) -> DataFrame:
        """Store a frame under a name, unless a run before stored it whole, and return it read back."""
        path = f"{self.folder}/{name}"
        if not self._whole(path):
            made = frame() if callable(frame) else frame
            made.write.mode("overwrite").parquet(path)
        return self.spark.read.parquet(path)

    def _whole(self, path: str) -> bool:
        return bool(self._files().exists(self._path(f"{path}/_SUCCESS")))

    def remove(self) -> None:
        """Delete the folder."""
        self._files().delete(self._path(self.folder), True)

    def _files(self) -> Any:
        java: Any = self.spark
        return self._path(self.folder).getFileSystem(java._jsc.hadoopConfiguration())

    def _path(self, path: str) -> Any:
        java: Any = self.spark
        return java._jvm.org.apache.hadoop.fs.Path(path)
