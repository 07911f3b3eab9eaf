"""Measurements: corpora made here, peers side by side, and the runs behind every figure of docs/benchmarks.md."""
