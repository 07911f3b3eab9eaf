"""What a competent team would write at home: datasketch's ``MinHashLSH`` on Redis, fed by Celery tasks.

=========  ============================================================
``app``    the Celery app and its one task
``run``    starts a server and workers, pushes, waits until visible
=========  ============================================================
"""
