"""Whole corpora in arrays: the local engine, the Spark engine, the nightly job, reports, export and restore."""
