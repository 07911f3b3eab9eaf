"""Frames stored between stages: the loss of an executor cannot reach them, and a killed run finds them again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


#: Rows of a few numbers that are taken for small: 16 MB or so.
GATHERED = 1 << 20


class Settled:
    """A folder of frames, on any file system that Spark writes.

    Parameters
    ----------
    spark : SparkSession
        The session.
    folder : str
        Path or URL.

    Attributes
    ----------
    gathered : int
        Rows up to which what holds only numbers may be brought to the driver, or sent whole to every executor: the
        steps that this spares cost more than it, whatever the number of machines.
    """

    def __init__(self, spark: SparkSession, folder: str) -> None:
        self.spark = spark
        self.folder = folder.rstrip("/")
        self.gathered = GATHERED
        self.resumed = False

    def claim(self, fingerprint: Mapping[str, Any]) -> None:
        """Empty the folder if a run with another fingerprint left it."""
        told = json.dumps(fingerprint, sort_keys=True).encode()
        files, path = self._files(), self._path(f"{self.folder}/run")
        if files.exists(path):
            stream = files.open(path)
            self.resumed = bytes(stream.readAllBytes()) == told
            stream.close()
        if not self.resumed:
            self.remove()
            stream = files.create(path, True)
            stream.write(told)
            stream.close()

    def __call__(self, frame: DataFrame | Callable[[], DataFrame], name: str) -> DataFrame:
        """Store a frame under a name, unless a run before stored it whole, and return it read back."""
        path = f"{self.folder}/{name}"
        if self._files().exists(self._path(f"{path}/_SUCCESS")):
            return self.spark.read.parquet(path)
        made = frame() if callable(frame) else frame
        # Texts, signatures and numbers hardly repeat: looking for repetitions takes longer than writing them.
        made.write.mode("overwrite").option("parquet.enable.dictionary", "false").parquet(path)
        # Told its columns, Spark starts no job to look for them.
        return self.spark.read.schema(made.schema).parquet(path)

    def remove(self) -> None:
        """Delete the folder."""
        self._files().delete(self._path(self.folder), True)

    def _files(self) -> Any:
        java: Any = self.spark
        return self._path(self.folder).getFileSystem(java._jsc.hadoopConfiguration())

    def _path(self, path: str) -> Any:
        java: Any = self.spark
        return java._jvm.org.apache.hadoop.fs.Path(path)
