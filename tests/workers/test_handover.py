"""A message on its way from its list to a worker is never nowhere."""

from __future__ import annotations

import json

import redis

from dedup.service import Service
from workers.handover import REGISTRY


def broker_of(service) -> redis.Redis:
    return redis.Redis(unix_socket_path=service.connection.url.removeprefix("unix://"), db=1)


def test_what_a_dead_taker_had_on_its_way_is_put_back(settings, running):
    with Service.open(settings=settings) as before:
        before.push([{"id": "a", "text": "It was taken by a worker that died."}])
        broker = broker_of(before)
        assert broker.rpoplpush("dedup.ingest", "dedup.ingest.taken:dead")
        broker.sadd(REGISTRY, "dedup.ingest.taken:dead")
        assert broker.llen("dedup.ingest") == 0
        service = running()
        assert set(service.wait(["a"], timeout=60)) == {"a"}
        assert b"dedup.ingest.taken:dead" not in broker.smembers(REGISTRY)


def test_who_dies_while_it_puts_messages_back_holds_the_others_up_for_seconds_only(settings, running):
    with Service.open(settings=settings) as before:
        before.push([{"id": "a", "text": "Its worker has died, and so has the next, which was about to put it back."}])
        broker = broker_of(before)
        message = json.loads(broker.rpop("dedup.ingest"))
        broker.hset("unacked", "tag", json.dumps([message, "dedup.ingest", "dedup.ingest"]))
        broker.zadd("unacked_index", {"tag": 1})
        channel = before.app.connection_for_write().default_channel
        assert channel.client.lock(channel.unacked_mutex_key, timeout=channel.unacked_mutex_expire).acquire()
        service = running()
        assert set(service.wait(["a"], timeout=60)) == {"a"}


def test_a_message_with_a_priority_is_taken_too(settings, running):
    with Service.open(settings=settings) as before:
        before.push([{"id": "a", "text": "It was sent with a priority."}])
        broker = broker_of(before)
        assert broker.rpoplpush("dedup.ingest", "dedup.ingest\x06\x166")
        service = running()
        assert set(service.wait(["a"], timeout=60)) == {"a"}


def test_nothing_stays_with_the_taker(running):
    service = running()
    service.push([{"id": f"a{n}", "text": f"Text {n} of some."} for n in range(50)], batch=5, wait=60.0)
    broker = broker_of(service)
    assert all(broker.llen(name) == 0 for name in broker.smembers(REGISTRY))
    assert broker.llen("dedup.ingest") == 0
