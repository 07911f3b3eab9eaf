"""Columns as Spark writes their names and types."""

from __future__ import annotations

import pyarrow as pa

_KINDS = {
    pa.string(): "string",
    pa.large_string(): "string",
    pa.binary(): "binary",
    pa.bool_(): "boolean",
    pa.int32(): "int",
    pa.int64(): "long",
    pa.float64(): "double",
    pa.timestamp("us", "UTC"): "timestamp",
}


def spark_columns(schema: pa.Schema) -> str:
    """Return a schema as Spark reads it: ``name type, name type``."""
    return ", ".join(f"{field.name} {_KINDS[field.type]}" for field in schema)
