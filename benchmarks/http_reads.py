"""Reads over HTTP beside a steady ingest: ``GET /v1/articles/{id}`` by wrk while articles keep coming.

    python -m benchmarks.http_reads --api-workers 2 --connections 16 --rate 500 --seconds 20

Needs wrk (Debian: apt install wrk).  Everything runs on this machine: store, workers, API, producer and wrk.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks import results
from benchmarks.corpus import Row, as_sent, generate
from dedup.service import Service
from dedup.settings import Settings
from dedup.supervisor import Supervisor

_SCRIPT = """
local ids = {}
for line in io.lines("%s") do ids[#ids + 1] = line end
math.randomseed(7)
request = function() return wrk.format("GET", "/v1/articles/" .. ids[math.random(#ids)]) end
"""


def main() -> None:
    """Start the service, fill it, measure, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=10_000, help="in the store before the measurement")
    parser.add_argument("--rate", type=int, default=500, help="articles pushed a second meanwhile")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--api-workers", type=int, default=2)
    parser.add_argument("--ingest-workers", type=int, default=2)
    args = parser.parse_args()
    wrk = shutil.which("wrk") or parser.error("wrk is not installed")
    made = generate(args.articles + args.rate * (args.seconds + 10), processes=2)
    rows = list(map(as_sent, made))
    with tempfile.TemporaryDirectory(prefix="dedup-http-") as folder:
        overrides = {
            "store.url": f"embedded:{folder}/store",
            "api.workers": args.api_workers,
            "workers.concurrency": args.ingest_workers,
            "log.level": "warning",
        }
        settings = Settings.load(environ={}, overrides=overrides)
        with Supervisor(settings, port=0) as supervisor, Service.open(settings=settings) as service:
            service.push(rows[: args.articles], wait=600.0)
            ids = Path(folder) / "ids"
            ids.write_text("\n".join(quote(row["id"], safe="") for row in rows[: args.articles]), encoding="utf-8")
            script = Path(folder) / "reads.lua"
            script.write_text(_SCRIPT % ids, encoding="utf-8")
            figures = measure(service, rows[args.articles :], wrk, script, supervisor.url, args)
    print(figures)
    print(results.write("http_reads", figures))


def measure(
    service: Service, rows: list[Row], wrk: str, script: Path, url: str, args: argparse.Namespace
) -> dict[str, Any]:
    """Run wrk while a thread pushes ``rows`` at the wanted rate; return what both did."""
    stop = threading.Event()

    def produce() -> None:
        begun, size = time.perf_counter(), max(1, args.rate // 10)
        for start in range(0, len(rows), size):
            if stop.wait(max(0.0, begun + start / args.rate - time.perf_counter())):
                return
            service.push(rows[start : start + size])

    producer = threading.Thread(target=produce)
    producer.start()
    time.sleep(3)
    before, begun = service.status().articles, time.perf_counter()
    command = [wrk, "-t1", f"-c{args.connections}", f"-d{args.seconds}s", "--latency", "-s", str(script), url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    visible = (service.status().articles - before) / (time.perf_counter() - begun)
    stop.set()
    producer.join()
    found = dict(re.findall(r"^\s+(50|99)%\s+([\d.]+(?:us|ms|s))$", said, re.MULTILINE))
    requests = re.search(r"Requests/sec:\s+([\d.]+)", said)
    failed = re.search(r"Non-2xx.*: (\d+)", said)
    return {
        "requests_per_s": float(requests[1]) if requests else None,
        "p50": found.get("50"),
        "p99": found.get("99"),
        "failed": int(failed[1]) if failed else 0,
        "ingested_per_s_meanwhile": round(visible, 1),
        "options": vars(args),
    }


if __name__ == "__main__":
    main()
