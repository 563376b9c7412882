"""``calculator``: exact arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.agent.arithmetic import calculate, normalise
from core.agent.tools.language import said
from core.agent.types import Tool, ToolContext, ToolResult
from core.text import clean_line


async def _call(context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
    expression = arguments["expression"]
    result = calculate(expression)
    readable = normalise(expression) if "^" in expression else expression
    text = said(context, "agent.calculated", expression=clean_line(readable, max_chars=120), result=result)
    return ToolResult(text, text, data={"result": result})


TOOL = Tool(
    name="calculator",
    description="Evaluate arithmetic, e.g. 12*34, 15% of 3000, sqrt(2), 2^10.",
    schema={
        "type": "object",
        "properties": {"expression": {"type": "string", "description": "The arithmetic expression."}},
        "required": ["expression"],
    },
    call=_call,
    timeout_s=5.0,
    max_chars=4_000,
)
