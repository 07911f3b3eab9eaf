"""Two hundred followers of the change feed, while the API process is killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dedup.service import Service
from dedup.settings import Settings
from dedup.supervisor import free_port

FOLLOWERS = 200
HOST = "127.0.0.1"
LAST = "the-last-article"


async def follow(port: int, found: list[str]) -> None:
    """Read events into ``found`` until one tells of :data:`LAST`; connect again where it was when the line breaks."""
    ended = False
    while not ended:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(HOST, port)
            resume = f"Last-Event-ID: {found[-1]}\r\n" if found else ""
            request = f"GET /v1/changes HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n{resume}\r\n"
            writer.write(request.encode())
            pending: str | None = None
            data = ""
            while not ended and (line := await asyncio.wait_for(reader.readline(), 30)):
                text = line.decode().rstrip("\r\n")
                if text.startswith("id: "):
                    pending = text[4:]
                elif text.startswith("data: "):
                    data = text[6:]
                elif not text and pending:  # an event counts when it is whole
                    found.append(pending)
                    pending = None
                    ended = LAST in data
            writer.close()
        await asyncio.sleep(0.05)


def start(settings: Settings, port: int) -> subprocess.Popen[bytes]:
    environ = dict(os.environ) | {"DEDUP_STORE__URL": settings.store.url, "DEDUP_LOG__LEVEL": "error"}
    return subprocess.Popen([sys.executable, "-m", "dedup.api", "--port", str(port)], env=environ)


def feed(service: Service) -> list[str]:
    found: list[str] = []
    while (page := service.changes(found[-1] if found else None, limit=500)).items:
        found += [item.cursor for item in page.items]
    return found


@pytest.mark.slow
def test_no_follower_loses_or_repeats_an_event_across_kills(tmp_path: Path) -> None:
    settings = Settings.load(environ={}, overrides={"store.url": f"embedded:{tmp_path}/store"})
    port = free_port(HOST)

    async def scene(service: Service) -> list[list[str]]:
        process = start(settings, port)
        found: list[list[str]] = [[] for _ in range(FOLLOWERS)]
        following = [asyncio.create_task(follow(port, item)) for item in found]
        try:
            for turn in range(6):
                for part in range(10):
                    name = f"{turn}-{part}"
                    articles = [
                        {"id": f"f{name}-{n}", "text": f"Tin {name} số {n}: xe buýt đổi lộ trình."} for n in range(5)
                    ]
                    await asyncio.to_thread(service.ingest, articles)
                    await asyncio.to_thread(service.assign)
                    await asyncio.sleep(0.1)
                if turn in (1, 2, 4):
                    process.send_signal(signal.SIGKILL if turn != 2 else signal.SIGTERM)
                    await asyncio.to_thread(process.wait)
                    process = start(settings, port)
            await asyncio.to_thread(service.ingest, [{"id": LAST, "text": "Hết."}])
            await asyncio.to_thread(service.assign)
            await asyncio.wait_for(asyncio.gather(*following), 120)
        finally:
            process.kill()
            process.wait()
        return found

    with Service.open(settings=settings) as service:
        found = asyncio.run(scene(service))
        whole = feed(service)
    whole = whole[: whole.index(found[0][-1]) + 1]
    assert len(whole) > 300
    assert [item == whole for item in found].count(False) == 0
