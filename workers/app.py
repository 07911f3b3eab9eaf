"""The Celery app: ``celery -A workers.app worker -Q dedup.ingest`` and so on.

Settings come from ``DEDUP_CONFIG`` and ``DEDUP_…`` variables, as everywhere.
"""

from __future__ import annotations

from celery.signals import setup_logging

from dedup.log import configure
from dedup.service import wire
from dedup.service.broker import broker_url, celery_app
from dedup.store.embedded import EmbeddedServer
from workers import transport
from workers.heartbeat import Heartbeat
from workers.process import settings
from workers.schedule import schedule

store = EmbeddedServer.of(settings.store)

transport.install()
wire.register_reader()
if settings.log.format == "json":
    # Connected, it takes the place of Celery's own set-up.
    setup_logging.connect(lambda **_: configure(settings.log), weak=False)
app = celery_app(settings, broker_url(settings, store.url if store else settings.store.url))
app.conf.update(
    imports=["workers.tasks"],
    beat_schedule=schedule(settings),
    worker_consumer="workers.consumer:Consumer",
    worker_pool="workers.pool:TaskPool",
    worker_log_format="%(asctime)s %(levelname)s %(processName)s %(name)s: %(message)s",
    worker_task_log_format="%(asctime)s %(levelname)s %(processName)s %(task_name)s %(task_id)s: %(message)s",
)
app.steps["consumer"].add(Heartbeat)

__all__ = ["app"]
