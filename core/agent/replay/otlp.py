"""Recorded runs as OTLP JSON: what an OpenTelemetry collector takes at ``/v1/traces``.

The JSON encoding of the protocol: ids are hexadecimal, 64-bit numbers decimal strings, enums numbers, each attribute
value in a wrapper that names its type. Structured values (messages, arguments) are JSON text, as the GenAI
conventions allow on spans: most backends show nothing else.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core import __version__
from core.agent import semconv
from core.agent.replay.words import json_text
from core.events import Span
from core.session.rows import Run

CLIENT, INTERNAL = 3, 1
ERROR = 2
CONTENT = frozenset(
    {
        semconv.INPUT_MESSAGES,
        semconv.OUTPUT_MESSAGES,
        semconv.TOOL_ARGUMENTS,
        semconv.TOOL_RESULT,
        semconv.TOOL_ANSWER,
        semconv.TOOL_CITATIONS,
        semconv.QUERY_TEXT,
        semconv.RETRIEVED,
        semconv.FACTS_USED,
        semconv.REQUEST_BODY,
        semconv.DECISION_NEAREST,
        semconv.ERROR_MESSAGE,
    }
)
"""Attributes that hold what was asked, found and answered."""


def traces(runs: Iterable[tuple[Run, Sequence[Span]]], *, content: bool = True) -> dict[str, Any]:
    """Return runs as one OTLP request: a trace for each.

    Args:
        content: With what was asked, found and answered; without, only names, numbers and times.
    """
    spans = [_span(run, span, content) for run, steps in runs for span in steps]
    return {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": _attributes({"service.name": "llm-study", "service.version": __version__})
                },
                "scopeSpans": [
                    {
                        "scope": {
                            "name": "llm-study.agent",
                            "version": __version__,
                            "attributes": _attributes({semconv.SCHEMA: semconv.CONVENTION}),
                        },
                        "spans": spans,
                    }
                ],
            }
        ]
    }


def trace_id(run_id: str) -> str:
    """Return the trace id of a run: 32 hexadecimal digits, always the same."""
    return hashlib.blake2b(run_id.encode(), digest_size=16).hexdigest()


def span_id(id: str) -> str:
    """Return the span id of a span: 16 hexadecimal digits, always the same."""
    return hashlib.blake2b(id.encode(), digest_size=8).hexdigest()


def _span(run: Run, span: Span, content: bool) -> dict[str, Any]:
    start = _nanoseconds(span.start)
    attributes = {
        name: value
        for name, value in span.attributes.items()
        if (content or name not in CONTENT) and value is not None
    }
    attributes |= {"app.run.id": run.id, "app.span.id": span.id, "app.span.kind": span.kind}
    if span.kind == "agent":
        attributes.setdefault(semconv.CONVERSATION_ID, run.session_id)
    if span.status in ("running", "cancelled"):
        attributes["app.span.status"] = span.status
    written: dict[str, Any] = {
        "traceId": trace_id(run.id),
        "spanId": span_id(span.id),
        # Names of tools and searches have what was asked in them.
        "name": span.name if content or span.kind in ("agent", "model", "tool") else span.kind,
        "kind": CLIENT if span.kind in ("model", "embedding") else INTERNAL,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + round((span.duration_ms or 0.0) * 1e6)),
        "attributes": _attributes(attributes),
        "status": {},
    }
    if span.parent_id:
        written["parentSpanId"] = span_id(span.parent_id)
    if span.status == "error":
        message = str(span.attributes.get(semconv.ERROR_MESSAGE, "")) if content else ""
        written["status"] = {"code": ERROR} | ({"message": message} if message else {})
    return written


def _nanoseconds(seconds: float) -> int:
    return max(0, round(seconds * 1e9)) if math.isfinite(seconds) else 0


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)} if abs(value) < 1 << 63 else {"stringValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value} if math.isfinite(value) else {"stringValue": str(value)}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, list | tuple) and all(isinstance(item, str | bool | int | float) for item in value):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    return {"stringValue": json_text(value)}
