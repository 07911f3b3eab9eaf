"""Processes beside this one, for work that the interpreter's lock lets only one thread of a process do at a time.

A helper calls functions of this package with arguments that are sent to it and sends back what they return.  It keeps
nothing and opens no file of a run: one that outlives a killed run for a moment changes nothing.  It ends when its
socket closes, which is when its run ends, however that ends.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self, TypeVar

from dedup.batch.memory import peak_memory
from dedup.errors import DedupError

T = TypeVar("T")

_ROOT = str(Path(__file__).resolve().parents[2])


class Helpers:
    """At most ``count`` helpers, each started when it is first needed, ended with the block.

    Any thread may :meth:`call`; it waits while all helpers work.

    Attributes
    ----------
    peak : int
        Once the block has ended: bytes that the helpers held at most, each at its own worst moment, added up.

    Examples
    --------
    >>> with Helpers(1) as helpers:  # doctest: +SKIP
    ...     helpers.call(len, [1, 2, 3])
    3
    """

    def __init__(self, count: int) -> None:
        self.peak = 0
        self._count = count
        self._idle: SimpleQueue[_Helper | None] = SimpleQueue()
        for _ in range(count):
            self._idle.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _ in range(self._count):
            helper = self._idle.get()
            if helper is not None:
                self.peak += helper.end()

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return ``function(*arguments)``, computed by a helper.

        Raises
        ------
        DedupError
            If the helper died; whatever the function raises besides.
        """
        helper = self._idle.get()
        try:
            helper = helper or _Helper()
            result: T = helper.ask(function, *arguments)
            return result
        finally:
            self._idle.put(helper)


class _Helper:
    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            # This package, whatever the folder that the run was started in holds under its name.
            command = [sys.executable, "-P", "-m", "dedup.batch.helpers", str(theirs.fileno())]
            paths = [_ROOT, *filter(None, [os.environ.get("PYTHONPATH")])]
            self._process = subprocess.Popen(
                command,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                env=dict(os.environ) | {"PYTHONPATH": os.pathsep.join(paths)},
            )
        self._line = Connection(ours.detach())

    def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            self._line.send_bytes(pickle.dumps((function, arguments), protocol=5))
            done, answer = pickle.loads(self._line.recv_bytes())
        except (EOFError, OSError):
            status = self._process.wait()
            raise DedupError(
                f"a helper process ended with status {status} while it worked (out of memory?): "
                "run the same command again to go on, with fewer --threads or with --memory"
            ) from None
        if not done:
            raise answer
        return answer

    def end(self) -> int:
        """End it, and say how many bytes it held at most."""
        try:
            peak: int = self.ask(peak_memory)
        except DedupError:
            peak = 0
        self._line.close()
        self._process.wait()
        return peak


def serve(line: Connection) -> None:
    """Be a helper: answer what is asked on ``line`` until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, which closes the line
    with contextlib.suppress(EOFError, OSError):
        while True:
            function, arguments = pickle.loads(line.recv_bytes())
            try:
                answer = True, function(*arguments)
            except Exception as error:  # raised where it was asked for
                answer = False, error
            line.send_bytes(pickle.dumps(answer, protocol=5))


if __name__ == "__main__":
    serve(Connection(os.dup(int(sys.argv[1]))))
