"""The fault matrix: what goes wrong, and on which routes it can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.lab.faulty.server import Fault

Layer = Literal["server", "model", "tool"]
ROUTES = ("routed", "constrained", "native")
CALLING = ("constrained", "native")
"""Routes on which the model itself calls tools."""


NO_FAULT = Fault()


@dataclass(frozen=True, slots=True)
class Case:
    """One fault."""

    id: str
    layer: Layer
    fault: Fault = NO_FAULT
    tool: str = ""
    """How the tool is broken (:mod:`core.lab.faulty.tools`); empty: it works."""
    routes: tuple[str, ...] = ROUTES


def _pair(name: str, once: Fault) -> list[Case]:
    """The fault once, and for good."""
    always = Fault(once.kind, None, once.stage, once.status, once.text, once.retry_after, once.wait_s)
    return [Case(f"{name}-once", "server", once), Case(f"{name}-always", "server", always)]


CASES: tuple[Case, ...] = (
    Case("none", "server"),
    *_pair("refused", Fault("refused", wait_s=0.01)),
    *_pair("reset", Fault("reset")),
    *_pair("503", Fault("status", status=503, text="server busy, please try again.  maximum pending requests exceeded")),
    Case("503-retry-after", "server", Fault("status", status=503, text="server busy", retry_after="1")),
    *_pair("500", Fault("status", status=500, text="an unknown error was encountered while running the model")),
    Case("500-memory", "server", Fault("status", None, status=500, text="model requires more system memory (9.1 GiB) than is available (1.2 GiB)")),
    Case("404", "server", Fault("status", None, status=404, text='model "scripted" not found')),
    Case("400", "server", Fault("status", None, status=400, text="invalid options")),
    Case("no-tools", "server", Fault("no_tools", None), routes=("native",)),
    *_pair("html", Fault("html")),
    *_pair("plain-text", Fault("plain")),
    *_pair("cut-at-once", Fault("no_body")),
    *_pair("cut", Fault("cut")),
    *_pair("error-line", Fault("error_line", text="an error was encountered while running the model: unexpected EOF")),
    *_pair("garbage-line", Fault("garbage")),
    *_pair("half-line", Fault("half_line")),
    *_pair("stall", Fault("stall")),
    *_pair("silent", Fault("silent")),
    Case("slow", "server", Fault("slow", wait_s=0.3)),
    *_pair("load-only", Fault("load")),
    *_pair("empty", Fault("empty")),
    Case("length", "server", Fault("length", None, "answer")),
    Case("killed", "server", Fault("killed", wait_s=0.01)),
    Case("killed-after-tool", "server", Fault("killed", 1, "answer", wait_s=0.01), routes=CALLING),
    Case("cut-after-tool", "server", Fault("cut", 1, "answer"), routes=CALLING),
    Case("503-after-tool", "server", Fault("status", 1, "answer", 503, "server busy"), routes=CALLING),
    Case("500-after-tool-always", "server", Fault("status", None, "answer", 500, "boom"), routes=CALLING),
    Case("bad-call-once", "model", Fault("bad_call"), routes=CALLING),
    Case("bad-call-always", "model", Fault("bad_call", None), routes=CALLING),
    Case("unknown-tool-once", "model", Fault("unknown_tool"), routes=CALLING),
    Case("same-call", "model", Fault("same_call", None), routes=CALLING),
    Case("endless-calls", "model", Fault("endless", None), routes=CALLING),
    *(Case(f"tool-{name}", "tool", tool=name) for name in ("raises", "hangs", "flood", "binary", "control", "none", "once", "exits")),
)  # fmt: skip
"""In the order they are run."""


def case(name: str) -> Case:
    """Return a case by its id."""
    return next(one for one in CASES if one.id == name)
