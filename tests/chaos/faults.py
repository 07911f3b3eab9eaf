"""Faults: what can be killed, paused, repeated and reordered while articles flow; by a seed, to be replayed."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from contextlib import suppress

import psutil
import redis

from dedup.errors import DedupError
from dedup.service import broker
from dedup.supervisor import Supervisor


class Faults:
    """Injects faults into running workers and their store.

    Parameters
    ----------
    supervisors:
        The first owns the store; the others run spare workers.
    seed:
        Which faults, on whom, and when.
    lease:
        Seconds of a lease; a pause is longer.
    """

    def __init__(self, supervisors: list[Supervisor], *, seed: int, lease: float) -> None:
        self.supervisors = supervisors
        self.random = random.Random(seed)
        self.lease = lease
        self.done: Counter[str] = Counter()
        self.sent: list[list[dict]] = []
        self.app = broker.celery_app(supervisors[0].settings, supervisors[0].server.broker_url)
        self._broker = redis.Redis(unix_socket_path=str(supervisors[0].server.socket), db=1)

    def inject(self) -> str:
        """Do one fault, chosen at random; return its name."""
        kinds = {
            "kill a pool process": 3,
            "kill an ingest worker": 1,
            "kill the drain": 3,
            "kill the scheduler": 1,
            "kill the store": 2,
            "stop the store in order": 1,
            "pause the drain past its lease": 2,
            "pause the store": 1,
            "deliver twice": 3,
            "reorder the queue": 3,
        }
        name = self.random.choices(list(kinds), list(kinds.values()))[0]
        with suppress(psutil.Error, ProcessLookupError, redis.RedisError, DedupError):
            getattr(self, name.replace(" ", "_"))()
            self.done[name] += 1
        return name

    def _pid(self, name: str) -> int:
        running = self.random.choice(self.supervisors).processes()
        if name not in running:
            raise ProcessLookupError(name)
        return running[name]

    def kill_a_pool_process(self) -> None:
        children = psutil.Process(self._pid("ingest")).children()
        if not children:
            raise ProcessLookupError("the pool has not started")
        os.kill(self.random.choice(children).pid, signal.SIGKILL)

    def kill_an_ingest_worker(self) -> None:
        os.kill(self._pid("ingest"), signal.SIGKILL)

    def kill_the_drain(self) -> None:
        os.kill(self._pid("assign"), signal.SIGKILL)

    def kill_the_scheduler(self) -> None:
        os.kill(self._store_owner("beat"), signal.SIGKILL)

    def kill_the_store(self) -> None:
        os.kill(self._store(), signal.SIGKILL)

    def stop_the_store_in_order(self) -> None:
        os.kill(self._store(), signal.SIGTERM)

    def pause_the_drain_past_its_lease(self) -> None:
        self._pause(self._pid("assign"), self.lease * self.random.uniform(1.2, 2.5))

    def pause_the_store(self) -> None:
        self._pause(self._store(), self.random.uniform(0.2, 1.5))

    def deliver_twice(self) -> None:
        if self.sent:
            broker.send(self.app, broker.INGEST, [self.random.choice(self.sent)])

    def reorder_the_queue(self) -> None:
        for _ in range(self.random.randint(1, 5)):
            self._broker.rpoplpush("dedup.ingest", "dedup.ingest")

    def _store_owner(self, name: str) -> int:
        running = self.supervisors[0].processes()
        if name not in running:
            raise ProcessLookupError(name)
        return running[name]

    def _store(self) -> int:
        # Whoever found it gone has started it again: any of the clients.
        return self._broker.info("server")["process_id"]

    @staticmethod
    def _pause(pid: int, seconds: float) -> None:
        os.kill(pid, signal.SIGSTOP)

        def wake() -> None:
            time.sleep(seconds)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

        threading.Thread(target=wake, daemon=True).start()
