"""A pull as the engine does it: bytes and seconds, whole and by layer."""

from __future__ import annotations

import json
from typing import Any

from core.errors import UsageError
from core.i18n import tr
from core.lab.bench import Bench, Step
from core.lab.client import call, connect, over, request_bytes
from core.lab.wire import Answer, clock
from core.ollama.errors import BadAnswer, StreamCut, error_text, from_text
from core.text import clean_line


async def walk(bench: Bench) -> None:
    """Measure.

    Raises:
        StudyError: No model was named, or the pull failed.
    """
    name = bench.options["model"]
    if not name:
        raise UsageError("error.lab.no_model")
    bench.plan(1)
    bench.say(tr("lab.now.download", model=name))
    if bench.options["again"]:
        await _delete(bench, name)

    async def work(step: Step) -> None:
        layers = _Layers()
        answer = Answer(layers.line)
        target = bench.control.target()
        transport, wire = await connect(target, answer)
        try:
            transport.write(request_bytes(target, "/api/pull", {"model": name, "stream": True}))
            await over(wire, target.stall_s)
        finally:
            transport.abort()
        if answer.status not in (0, 200):
            body = json.loads(bytes(answer.body) or b"{}") if answer.body[:1] == b"{" else {}
            raise from_text(answer.status, error_text(body), url=target.url, model=name)
        if layers.error:
            raise from_text(-1, layers.error, url=target.url, model=name)
        if layers.garbage:
            raise BadAnswer(target.url, layers.garbage)
        if not layers.success:
            raise StreamCut
        for row in layers.rows(step.origin):
            step.add("download", {"model": clean_line(name), **row})

    await bench.step("pull", {"model": name}, work)


async def _delete(bench: Bench, name: str) -> None:
    if name == bench.control.model:
        raise UsageError("error.lab.in_use", model=clean_line(name))
    target = bench.control.target()
    status, answer = await call(target, "DELETE", "/api/delete", {"model": name})
    if status not in (200, 404):
        raise from_text(status, error_text(answer), url=target.url, model=name)


class _Layers:
    """Follows the progress lines of ``/api/pull``."""

    def __init__(self) -> None:
        self.success = False
        self.error = ""
        self.garbage = ""
        self._layers: dict[str, dict[str, Any]] = {}
        self._end = 0.0

    def line(self, line: bytes, stamp: float) -> bool:
        try:
            data = json.loads(line)
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            self.garbage = clean_line(line[:80].decode("utf-8", "replace")) or "?"
            return True
        if "error" in data:
            self.error = clean_line(error_text(data) or "?")
            return True
        digest, total, completed = data.get("digest"), data.get("total"), data.get("completed", 0)
        if isinstance(digest, str) and isinstance(total, int) and isinstance(completed, int):
            layer = self._layers.setdefault(
                clean_line(digest, max_chars=80), {"first": stamp, "had": completed, "total": total}
            )
            layer |= {"last": stamp, "completed": completed}
        self._end = stamp
        self.success = data.get("status") == "success"
        return self.success

    def rows(self, origin: float) -> list[dict[str, Any]]:
        """One row for each layer, and one for the whole."""
        found = []
        for digest, layer in self._layers.items():
            # What was there at the first line (a partial file, or all of it) was not transferred now.
            moved, seconds = layer["completed"] - layer["had"], layer["last"] - layer["first"]
            found.append(_row(digest, layer["total"], moved, seconds))
        moved = sum(row["moved_bytes"] for row in found)
        size = sum(row["bytes"] for row in found)
        return [*found, _row("", size, moved, (self._end or clock()) - origin)]


def _row(digest: str, size: int, moved: int, seconds: float) -> dict[str, Any]:
    row = {"layer": digest, "bytes": size, "moved_bytes": max(0, moved), "seconds": round(seconds, 4)}
    if moved > 0 and seconds > 0:
        row["mb_s"] = round(moved / seconds / 1e6, 3)
    return row
