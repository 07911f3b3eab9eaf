"""Celery workers: thin, they call :mod:`dedup.service`.

=============  ================================================================
``app``        the Celery app: ``celery -A workers.app worker``
``process``    what one worker process has: settings, service, beginning and end
``tasks``      ``dedup.ingest``, ``dedup.assign``, ``dedup.nightly``
``schedule``   what beat sends, and when
``consumer``   messages that are no task of ours become dead letters
``messages``   what a message must be before Celery sees it
``transport``  items of a queue that are no message at all become one with an error
``handover``   taking a message without a moment in which nobody has it
``pool``       ingest processes, those that were killed noticed soon
``heartbeat``  signs of life, so that ``dedup status`` sees the workers
=============  ================================================================
"""
