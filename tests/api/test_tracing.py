"""One trace holds the request, the ingest in a worker, and the decision in another."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import DEVNULL

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace_service

from dedup import tracing
from dedup.supervisor import free_port
from tests.eventually import eventually


class Collector(ThreadingHTTPServer):
    """A collector that keeps the names of spans by trace."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.traces: dict[bytes, set[str]] = defaultdict(set)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        import gzip

        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        request = trace_service.ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.server.traces[span.trace_id].add(span.name)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_without_a_collector_nothing_is_traced_and_no_header_is_sent() -> None:
    with tracing.span("nothing", articles=1):
        assert tracing.headers() == {}


@pytest.mark.slow
def test_a_trace_goes_through_queue_and_workers(tmp_path: Path) -> None:
    collector = Collector()
    environ = dict(os.environ) | {
        "DEDUP_STORE__URL": f"embedded:{tmp_path}/store",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    port = free_port()
    command = [sys.executable, "-c", "from dedup.cli import main; main()", "serve", "--port", str(port)]
    wanted = {"POST /v1/articles", "ingest", "assign"}
    with subprocess.Popen([*command, "--workers", "1"], env=environ, stdout=DEVNULL, stderr=DEVNULL) as process:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=90) as client:
                eventually(lambda: is_ready(client))
                body = {"id": "traced", "text": "Tàu đêm vào ga sớm hai mươi phút."}
                assert client.post("/v1/articles?wait=60", json=body).status_code == 200
            eventually(lambda: any(wanted <= names for names in list(collector.traces.values())))
        finally:
            process.terminate()
            process.wait(60)
            collector.shutdown()


def is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False
