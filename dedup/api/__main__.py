"""``python -m dedup.api``: the API processes of one machine, as :class:`dedup.supervisor.Supervisor` starts them."""

from __future__ import annotations

import argparse
import os
from contextlib import nullcontext

import uvicorn

from dedup.api.metrics import shared_folder
from dedup.log import configure
from dedup.settings import Settings

#: Seconds that open requests have to end when the server is asked to stop.
_GRACE_SECONDS = 10


def main() -> None:
    """Serve until SIGINT or SIGTERM; settings come from ``DEDUP_CONFIG`` and the environment."""
    settings = Settings.load()
    parser = argparse.ArgumentParser(prog="python -m dedup.api", description=__doc__)
    parser.add_argument("--host", default=settings.api.host)
    parser.add_argument("--port", type=int, default=settings.api.port)
    parser.add_argument("--workers", type=int, default=settings.api.workers, help="processes")
    given = parser.parse_args()
    # create_app reads the same settings in each process, and decides by the address whether keys are needed.
    os.environ["DEDUP_API__HOST"] = given.host
    configure(settings.log)
    with shared_folder() if given.workers > 1 else nullcontext() as folder:
        if folder is not None:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        uvicorn.run(
            "dedup.api.app:create_app",
            factory=True,
            host=given.host,
            port=given.port,
            workers=given.workers,
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            timeout_keep_alive=30,
        )


if __name__ == "__main__":
    main()
