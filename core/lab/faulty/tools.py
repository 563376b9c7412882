"""Tools that fail: each stands in for the calculator."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from typing import Any

from core.agent.types import Tool, ToolContext, ToolResult
from core.lab.faulty.brain import EXPRESSION, RESULT

TIMEOUT_S = 0.4
FLOOD = 10_000_000
GOOD = f"{EXPRESSION} = {RESULT}"
CONTROL = f"\x1b]0;owned\x07\x1b[2J\x1b[31m{GOOD}\x00\x08\x9b31m\u202e\ufeff"


class Counted:
    """A tool that counts its calls.

    Args:
        how: ``""`` works; else how it fails.
    """

    def __init__(self, how: str = "") -> None:
        self.how = how
        self.calls = 0
        self.finished = 0
        self.wrong = 0
        """Calls with other arguments than were meant."""

    async def __call__(self, context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
        """Do the work, or fail at it."""
        self.calls += 1
        how = self.how
        if how == "raises":
            raise RuntimeError("the tool broke \x1b[31m")
        if how == "exits":
            raise asyncio.InvalidStateError("inner")
        if how == "hangs":
            await asyncio.Event().wait()
        if how == "once" and self.calls == 1:
            raise ConnectionError("the service was not there")
        if how == "none":
            return None  # type: ignore[return-value]
        if how == "binary":
            return bytes(range(256)) * 64  # type: ignore[return-value]
        if not str(arguments.get("expression", "")).startswith(EXPRESSION):
            self.wrong += 1
            return ToolResult(f"{arguments.get('expression', '')} = ?")
        self.finished += 1
        if how == "flood":
            return ToolResult(GOOD + "\n" + "x" * FLOOD)
        return ToolResult(CONTROL if how == "control" else GOOD)


def broken(like: Tool, counted: Counted) -> Tool:
    """Return a tool under another's name that does what ``counted`` does."""
    return dataclasses.replace(
        like, call=counted, timeout_s=2.0 if counted.how != "hangs" else TIMEOUT_S, retries=1, cache_s=0.0
    )
