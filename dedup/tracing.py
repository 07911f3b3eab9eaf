"""Optional traces (OpenTelemetry), from the request over the queue to the decision.

Nothing is traced unless ``pip install 'story-dedup[otel]'`` and ``OTEL_EXPORTER_OTLP_ENDPOINT`` are there; then every
process sends its spans to that collector (OTLP over HTTP).  The context travels in the headers of the queue's
messages, as W3C Trace Context.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

_PARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@cache
def _tracer() -> Any:
    """The tracer of this process, or ``None`` where traces are not wanted or cannot be had."""
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return None
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        return None
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", "dedup")})
        provider = TracerProvider(resource=resource)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)
    return trace.get_tracer("dedup")


def span(name: str, *, carrier: Mapping[str, str] | None = None, **facts: Any) -> AbstractContextManager[None]:
    """Trace a block of code.

    Parameters
    ----------
    name:
        What is done, such as ``"ingest"``.
    carrier:
        Headers that came with the work; the span continues their trace.
    facts:
        Attributes: counts and ids, never texts.
    """
    tracer = _tracer()
    return nullcontext() if tracer is None else _span(tracer, name, carrier, facts)


@contextmanager
def _span(tracer: Any, name: str, carrier: Mapping[str, str] | None, facts: Mapping[str, Any]) -> Iterator[None]:
    from opentelemetry.propagate import extract

    context = extract(carrier) if carrier else None
    with tracer.start_as_current_span(name, context=context, attributes=dict(facts)):
        yield


def carrier(found: Mapping[str, Any]) -> dict[str, str]:
    """Pick the trace out of a message's headers, if there is a well-formed one (W3C Trace Context, section 3.2)."""
    parent = found.get("traceparent")
    return {"traceparent": parent} if isinstance(parent, str) and _PARENT.fullmatch(parent) else {}


def headers() -> dict[str, str]:
    """Headers that hand the current trace on; empty without one."""
    carrier: dict[str, str] = {}
    if _tracer() is not None:
        from opentelemetry.propagate import inject

        inject(carrier)
    return carrier
