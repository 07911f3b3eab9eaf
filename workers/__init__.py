"""Celery workers: thin, they call :mod:`dedup.service`.

=============  ================================================================
``app``        the Celery app: ``celery -A workers.app worker``
``tasks``      ``dedup.ingest``, ``dedup.assign``, ``dedup.nightly``
``schedule``   what beat sends, and when
``consumer``   messages that are no task of ours become dead letters
``heartbeat``  signs of life, so that ``dedup status`` sees the workers
=============  ================================================================
"""
