"""Child processes that never outlive their parent."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from typing import IO

_PR_SET_PDEATHSIG = 1

_requests: SimpleQueue[tuple[Callable[[], subprocess.Popen[bytes]], Future[subprocess.Popen[bytes]]]] = SimpleQueue()
_spawner: tuple[int, threading.Thread] | None = None
_lock = threading.Lock()


def spawn(
    command: Sequence[str],
    *,
    log: IO[bytes] | None,
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
    dies_with_parent: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start ``command`` in its own session, so that Ctrl-C reaches only us, and bind its life to ours.

    On Linux the kernel sends ``dies_with_parent`` to the child when this process goes away,
    even by ``kill -9``.  Elsewhere nothing does, and only an orderly stop ends the child.
    Output goes to ``log``, or is inherited when ``None``.
    """
    parent = os.getpid()
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def bind_life() -> None:
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, int(dies_with_parent))
            if os.getppid() != parent:  # it died before we asked
                os._exit(1)

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT if log is not None else None,
            cwd=cwd,
            env=None if environ is None else dict(environ),
            start_new_session=True,
            preexec_fn=bind_life,
        )

    # The kernel watches the thread that forked, not the process: fork from one that lives as long.
    future: Future[subprocess.Popen[bytes]] = Future()
    _ensure_spawner()
    _requests.put((start, future))
    return future.result()


def die_with_parent(number: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel (Linux) to end this process when its parent goes away; for forked pool workers."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(number))


def stop(process: subprocess.Popen[bytes], *, patience: float) -> int:
    """End ``process``: SIGTERM, then SIGKILL after ``patience`` seconds; return its exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            return process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def _ensure_spawner() -> None:
    global _spawner
    with _lock:
        if _spawner is None or _spawner[0] != os.getpid():
            thread = threading.Thread(target=_spawn_for_ever, name="dedup-spawner", daemon=True)
            _spawner = (os.getpid(), thread)
            thread.start()


def _spawn_for_ever() -> None:
    while True:
        start, future = _requests.get()
        try:
            future.set_result(start())
        except BaseException as error:
            future.set_exception(error)
