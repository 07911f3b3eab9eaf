"""The queue: the Celery app that producers and workers share, and how full the queue is.

Messages are JSON, never pickle.  They are acknowledged after the commit, and put back when
a worker dies; nothing is scheduled by ETA or countdown, and no chord is used.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from celery import Celery
from kombu.exceptions import OperationalError

from dedup import tracing
from dedup.article import Article
from dedup.errors import Backpressure, StoreFull, StoreRefused, StoreUnavailable
from dedup.service import wire
from dedup.settings import Settings

INGEST, ASSIGN, NIGHTLY = "dedup.ingest", "dedup.assign", "dedup.nightly"
#: Bytes of JSON in one message, after which the next one begins.
MESSAGE_BYTES = 4 * 1024 * 1024
#: Seconds that a producer waits for a full queue to shrink before it is refused.
PATIENCE = 30.0
#: Seconds after which a producer that sends little looks again how full the queue is.
LOOK_AGAIN = 0.25
#: Header of a message: when the queue took it, in microseconds by the store's clock.
ACCEPTED = "accepted_us"
_RETRY = {"max_retries": 8, "interval_start": 0.05, "interval_step": 0.5, "interval_max": 3}

log = logging.getLogger(__name__)


def broker_url(settings: Settings, store_url: str) -> str:
    """URL of the broker: ``queue.url``, else database 1 of the store's own server.

    Parameters
    ----------
    settings:
        The settings.
    store_url:
        Where the store was found (``unix://`` for an embedded one).

    Raises
    ------
    StoreRefused
        The store is a Redis Cluster, which cannot be the broker.
    """
    if settings.queue.url:
        return settings.queue.url
    if settings.store.cluster:
        raise StoreRefused("a Redis Cluster cannot carry the queue: set queue.url to a Redis or RabbitMQ server")
    parts = urlsplit(store_url)
    if parts.scheme == "unix":
        return f"redis+socket://{parts.path}?virtual_host=1"
    # Beside the index, in the next database.
    number = int(parts.path.strip("/") or 0)
    return parts._replace(path=f"/{number + 1}").geturl()


def celery_app(settings: Settings, url: str) -> Celery:
    """The Celery app for the broker at ``url``."""
    wire.register_writer()
    app = Celery("dedup", broker=url, set_as_current=False)
    app.conf.update(
        task_serializer=wire.NAME,
        accept_content=["json"],
        result_serializer="json",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_acks_on_failure_or_timeout=True,
        task_default_queue=INGEST,
        task_create_missing_queues=True,
        task_routes={ASSIGN: {"queue": ASSIGN}, NIGHTLY: {"queue": NIGHTLY}, INGEST: {"queue": INGEST}},
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=True,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        broker_connection_retry=True,
        broker_connection_max_retries=None,
        broker_transport_options=_transport_options(settings, url),
        timezone="UTC",
    )
    return app


def _transport_options(settings: Settings, url: str) -> dict[str, Any]:
    if url.startswith(("amqp", "pyamqp")):
        return {"confirm_publish": True}
    options: dict[str, Any] = {
        "visibility_timeout": settings.queue.visibility_timeout,
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
        # Whoever puts messages of the dead back holds a lock; kombu's five minutes would be the wait when it dies too.
        "unacked_mutex_expire": 5,
        "socket_timeout": 30.0,
        "health_check_interval": 20,
        "max_retries": 8,
        "interval_start": 0.05,
        "interval_step": 0.5,
        "interval_max": 3,
    }
    if not url.startswith("redis+socket"):
        options |= {"socket_connect_timeout": 5.0, "socket_keepalive": True}
    return options


def send(app: Celery, task: str, arguments: Sequence[Any], *, accepted_us: int | None = None) -> None:
    """Put one message on its queue; when this returns, the broker has it.

    ``accepted_us`` is a time of the store's clock before now: what is taken down after it is not admitted any more.

    Raises
    ------
    StoreUnavailable
        The broker does not answer.
    StoreFull
        The broker has no room.
    """
    headers: dict[str, Any] = dict(tracing.headers())
    if accepted_us is not None:
        headers[ACCEPTED] = accepted_us
    packed = wire.ZSTD if task == INGEST else None
    for last in (False, True):
        try:
            app.send_task(task, args=arguments, headers=headers, retry=True, retry_policy=_RETRY, compression=packed)
            return
        except OperationalError as error:
            raise _error(error) from error
        except Exception as error:  # each transport has errors of its own
            # A channel that has died is told by an error of no kind; its connection has been given up with it.
            if last or _is_full(error):
                raise _error(error) from error


def accepted(headers: Mapping[str, Any]) -> dict[str, int]:
    """Pick out of a message's headers when the queue took it, if it says so."""
    found = headers.get(ACCEPTED)
    return {ACCEPTED: found} if type(found) is int and 0 < found < 2**53 else {}


def messages(articles: Iterable[Article], size: int) -> Iterator[list[Article]]:
    """Cut articles into messages of at most ``size`` articles and about :data:`MESSAGE_BYTES`."""
    part: list[Article] = []
    weight = 0
    for article in articles:
        bytes_ = len(article.text.encode()) + (len(wire.write(article.metadata)) if article.metadata else 0)
        if part and (len(part) >= size or weight + bytes_ > MESSAGE_BYTES):
            yield part
            part, weight = [], 0
        part.append(article)
        weight += bytes_
    if part:
        yield part


def waiting(app: Celery, queue: str) -> int:
    """Messages on a queue; 0 when it does not exist yet.

    Raises
    ------
    StoreUnavailable
        The broker does not answer.
    """
    for last in (False, True):
        with app.pool.acquire(block=True) as connection:
            try:
                connection.ensure_connection(max_retries=2, interval_start=0.1, timeout=10)
                channel = connection.default_channel
                try:
                    return int(channel.queue_declare(queue=queue, passive=True).message_count)
                except connection.channel_errors:
                    return 0
            except Exception as error:  # each transport has errors of its own
                # The broker was restarted since: a connection that has died must not be handed out again.
                connection.close()
                if last:
                    raise _error(error) from error
    raise AssertionError("unreachable")


class Room:
    """Room on the queue for what one producer sends.

    The broker is asked anew once a tenth of what was free is taken, or :data:`LOOK_AGAIN` seconds have passed: asking
    before each of many small messages costs a producer a quarter of its time.
    """

    def __init__(self, app: Celery, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._free = 0
        self._until = 0.0

    def take(self, articles: int, *, size: int) -> None:
        """Take room for some articles; wait for it, :data:`PATIENCE` seconds at most.

        While messages of ``size`` articles wait that hold more than the limit in all, there is none.

        Raises
        ------
        Backpressure
            There was none.
        StoreUnavailable
            The broker does not answer.
        """
        if self._free < articles or time.monotonic() > self._until:
            self._free = max(0, self._limit - self._look(size)) // 10
            self._until = time.monotonic() + LOOK_AGAIN
        self._free -= articles

    def _look(self, size: int) -> int:
        """Articles waiting, once they are no more than the limit."""
        deadline = time.monotonic() + PATIENCE
        pause = 0.05
        while (articles := waiting(self._app, INGEST) * size) > self._limit:
            if time.monotonic() > deadline:
                raise Backpressure(
                    f"about {articles:,} articles wait on the queue, more than queue.limit = {self._limit:,}: "
                    "push again later, or run more workers"
                )
            time.sleep(pause)
            pause = min(2 * pause, 1.0)
        return articles


def _error(error: Exception) -> StoreUnavailable | StoreFull:
    if _is_full(error):
        return StoreFull("the queue is full (maxmemory of its server): push again when workers have caught up")
    return StoreUnavailable(f"the queue does not answer: {error}")


def _is_full(error: Exception) -> bool:
    return "OOM" in str(error) or "maxmemory" in str(error)
