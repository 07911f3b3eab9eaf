"""Connections to the store: plans, steps and bounded retries.

A *plan* is a generator that yields steps (lists of commands) and is sent their replies.  The
same plan runs on the synchronous client and on the asynchronous one, so every read of the
store is written once.  A step may be sent again after a lost connection: commands in it must
be safe to repeat, and the scripts are.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

from redis import exceptions as faults

from dedup.settings import StoreSettings
from dedup.store.clients import Idle, async_client_for, client_for
from dedup.store.embedded import EmbeddedServer
from dedup.store.faults import GONE, error_from, raise_if_error
from dedup.store.scripts import Command, by_digest

T = TypeVar("T")
Plan = Generator[Sequence[Command], list[Any], T]

#: Times in seconds between tries after a lost connection, before jitter; together half a minute.
PAUSES = (0.02, 0.1, 0.3, 1, 2, 3, 5, 5, 7, 7)
#: Of these, how many for a server that has not answered yet: who gave a wrong address is told within seconds.
FIRST = 5


def together(*plans: Plan[Any]) -> Plan[list[Any]]:
    """Run plans side by side, a step of each in one round trip; return their results in order."""
    results: list[Any] = [None] * len(plans)
    replies: list[list[Any] | None] = [None] * len(plans)
    running = list(range(len(plans)))
    while running:
        steps: list[tuple[int, Sequence[Command]]] = []
        for place in running:
            try:
                answered = replies[place]
                steps.append((place, next(plans[place]) if answered is None else plans[place].send(answered)))
            except StopIteration as end:
                results[place] = end.value
        running = [place for place, _ in steps]
        if running:
            received = yield [command for _, step in steps for command in step]
            start = 0
            for place, step in steps:
                replies[place] = received[start : start + len(step)]
                start += len(step)
    return results


class Connection:
    """The synchronous connection.

    Parameters
    ----------
    settings:
        ``url`` (``embedded:PATH``, ``redis://``, ``rediss://``, ``unix://``) and ``cluster``.
    patient:
        Retry over about half a minute when the store stops answering (some seconds when it never has); else once.

    Raises
    ------
    StoreRefused
        The URL is of no known kind.
    StoreUnavailable
        Nothing answers there.
    """

    def __init__(self, settings: StoreSettings, *, patient: bool = True) -> None:
        self.settings = settings
        self.embedded = EmbeddedServer.of(settings)
        self._pauses: Sequence[float] = PAUSES if patient else PAUSES[:1]
        self.url = settings.url
        if self.embedded is not None:
            self.embedded.ensure()
            self.url = self.embedded.url
        self.client: Any = client_for(self.url, cluster=settings.cluster)
        readings = {} if settings.cluster else self.client.response_callbacks
        self._readings: dict[Any, Callable[[Any], Any]] = {name.upper(): one for name, one in readings.items()}
        self._idle = Idle(self.client)
        self._met = False

    def run(self, plan: Plan[T]) -> T:
        """Run a plan to its end and return its result."""
        try:
            step = next(plan)
            while True:
                step = plan.send(self.execute(step))
        except StopIteration as end:
            result: T = end.value
            return result

    def execute(self, step: Sequence[Command]) -> list[Any]:
        """Send the commands of one step together and return their replies.

        Raises
        ------
        DedupError
            The first error among the replies, in our words (see :func:`~dedup.store.faults.error_from`).
        """
        if not step:
            return []
        for attempt in range(len(self._pauses) + 1):
            try:
                replies = self._send(step)
                self._met = True
                return replies
            except GONE as error:
                self._met = self._met or isinstance(error, faults.BusyLoadingError)
                pauses = self._pauses if self._met else self._pauses[:FIRST]
                if attempt >= len(pauses):
                    raise error_from(error) from error
                time.sleep(pauses[attempt] * random.uniform(0.5, 1.5))
                if self.embedded is not None:
                    self.embedded.ensure()
        raise AssertionError("unreachable")

    def one(self, *command: bytes | str | int | float) -> Any:
        """Send one command and return its reply."""
        return self.execute([command])[0]

    def _send(self, step: Sequence[Command]) -> list[Any]:
        try:
            replies = self._exchange(step)
        except GONE:
            raise
        except faults.RedisError as error:
            raise error_from(error) from error
        for at, reply in enumerate(replies):
            if isinstance(reply, faults.NoScriptError):
                return [*replies[:at], *self._send([_in_full(command) for command in step[at:]])]
            raise_if_error(reply)
        return replies

    def _exchange(self, step: Sequence[Command]) -> list[Any]:
        if self.settings.cluster:
            return self._exchange_with_cluster(step)
        # What the client's pipeline and pool do, without their bookkeeping, which costs more than a small step.
        connection = self._idle.take()
        try:
            connection.send_packed_command(connection.pack_commands(step))
            replies = [self._reply(connection, command) for command in step]
        except BaseException:
            self._idle.give_up(connection)
            raise
        self._idle.give_back(connection)
        return replies

    def _reply(self, connection: Any, command: Command) -> Any:
        try:
            reply = connection.read_response()
        except faults.ResponseError as error:
            return error
        reading = self._readings.get(command[0])
        return reply if reading is None else reading(reply)

    def _exchange_with_cluster(self, step: Sequence[Command]) -> list[Any]:
        if len(step) == 1:
            try:
                return [self.client.execute_command(*step[0])]
            except faults.NoScriptError as error:
                return [error]
        pipeline = self.client.pipeline()
        for command in step:
            pipeline.execute_command(*command)
        replies: list[Any] = pipeline.execute(raise_on_error=False)
        return replies

    def close(self) -> None:
        """Close the connections, and stop the embedded server if this process started it."""
        self._idle.clear()
        self.client.close()
        if self.embedded is not None:
            self.embedded.close()


class AsyncConnection:
    """The asynchronous connection: runs the same plans under asyncio."""

    def __init__(self, url: str, *, cluster: bool = False, ensure: Callable[[], None] | None = None) -> None:
        self.client: Any = async_client_for(url, cluster=cluster)
        self._cluster = cluster
        self._ensure = ensure

    async def run(self, plan: Plan[T]) -> T:
        """Run a plan to its end and return its result."""
        try:
            step = next(plan)
            while True:
                step = plan.send(await self.execute(step))
        except StopIteration as end:
            result: T = end.value
            return result

    async def execute(self, step: Sequence[Command]) -> list[Any]:
        """As :meth:`Connection.execute`, with fewer tries: a web request does not wait half a minute."""
        if not step:
            return []
        pauses = PAUSES[:4]
        for attempt in range(len(pauses) + 1):
            try:
                return await self._send(step)
            except GONE as error:
                if attempt == len(pauses):
                    raise error_from(error) from error
                await asyncio.sleep(pauses[attempt] * random.uniform(0.5, 1.5))
                if self._ensure is not None:
                    await asyncio.to_thread(self._ensure)
        raise AssertionError("unreachable")

    async def _send(self, step: Sequence[Command]) -> list[Any]:
        try:
            replies = await self._exchange(step)
        except GONE:
            raise
        except faults.RedisError as error:
            raise error_from(error) from error
        for at, reply in enumerate(replies):
            if isinstance(reply, faults.NoScriptError):
                return replies[:at] + await self._send([_in_full(command) for command in step[at:]])
            raise_if_error(reply)
        return replies

    async def _exchange(self, step: Sequence[Command]) -> list[Any]:
        if len(step) == 1:
            try:
                return [await self.client.execute_command(*step[0])]
            except faults.NoScriptError as error:
                return [error]
        pipeline = self.client.pipeline() if self._cluster else self.client.pipeline(transaction=False)
        for command in step:
            pipeline.execute_command(*command)
        replies: list[Any] = await pipeline.execute(raise_on_error=False)
        return replies

    async def aclose(self) -> None:
        """Close the connections."""
        await self.client.aclose()


def _in_full(command: Command) -> Command:
    """The same script call with the script's text in place of its digest."""
    if command[0] == "EVALSHA":
        return ("EVAL", by_digest()[str(command[1])].text, *command[2:])
    return command
