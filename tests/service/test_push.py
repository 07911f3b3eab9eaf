"""Push: the broker has it, or the caller is told."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest

from dedup.errors import Backpressure, DedupError, StoreUnavailable
from dedup.service import Service
from dedup.service.broker import LOOK_AGAIN
from dedup.settings import Settings


def opened(tmp_path, **overrides) -> Service:
    found = {"store.url": f"embedded:{tmp_path / 'store'}"} | overrides
    return Service.open(settings=Settings.load(environ={}, overrides=found))


def test_a_full_queue_refuses_and_says_so(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("dedup.service.broker.PATIENCE", 0.2)
    with opened(tmp_path, **{"queue.limit": 20, "queue.batch": 10}) as service:
        service.push([{"id": f"a{n}", "text": f"text {n}"} for n in range(30)])
        with pytest.raises(Backpressure, match=r"queue\.limit"):
            service.push([{"id": "b", "text": "one more"}])
        assert service.status().queue == 3


def test_small_messages_do_not_each_ask_how_full_the_queue_is(tmp_path) -> None:
    with opened(tmp_path) as service:

        def looks() -> int:
            return int(service.connection.client.info("commandstats").get("cmdstat_llen", {"calls": 0})["calls"])

        service.push([{"id": "a", "text": "text"}])
        before = looks()
        for n in range(3):
            service.push([{"id": f"b{n}", "text": "text"}])
        once = looks() - before
        time.sleep(LOOK_AGAIN)
        service.push([{"id": "c", "text": "text"}])
        assert looks() - before > once, "after a while it is asked again"
        assert once == 0


def test_what_is_no_article_is_refused_and_the_others_are_queued(tmp_path) -> None:
    with opened(tmp_path) as service:
        receipt = service.push([{"id": "a", "text": "good"}, {"id": "b"}, {"id": "c", "text": " "}, 7])
        assert receipt.accepted == ("a",)
        assert [(one.origin, one.field) for one in receipt.rejected] == [
            ("article 2", "text"),
            ("article 3", "text"),
            ("article 4", None),
        ]


def test_a_broker_that_was_killed_is_found_again(tmp_path) -> None:
    with opened(tmp_path) as service:
        service.push([{"id": "a", "text": "good"}])
        server = service.connection.embedded
        os.kill(server.pid, signal.SIGKILL)
        server._process.wait()
        server.ensure()
        service.push([{"id": "b", "text": "good"}])
        assert service.status().queue == 2, "the first survived, the second was taken"


def test_a_broker_that_is_gone_is_said_in_our_words(tmp_path) -> None:
    with opened(tmp_path, **{"queue.url": "redis://127.0.0.1:1/0"}) as service, pytest.raises(StoreUnavailable):
        service.push([{"id": "a", "text": "good"}])


def test_who_waits_in_vain_is_told_which(tmp_path) -> None:
    with opened(tmp_path) as service, pytest.raises(DedupError, match="'a'"):
        service.push([{"id": "a", "text": "nobody works"}], wait=0.2)


def test_a_channel_that_dies_while_it_is_used_is_replaced(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    send_task, died = service.app.send_task, []

    def dies_once(*arguments: Any, **options: Any) -> Any:
        if not died:
            died.append(True)
            raise AttributeError("'NoneType' object has no attribute 'client'")  # what kombu says of it
        return send_task(*arguments, **options)

    monkeypatch.setattr(service.app, "send_task", dies_once)

    assert service.push([{"id": "one", "text": "first"}]).accepted == ("one",)
    assert died
    assert service.status().queue == 1
