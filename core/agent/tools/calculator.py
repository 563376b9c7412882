"""``calculator``: exact arithmetic."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from core.agent.evaluate import evaluate, format_number, normalise
from core.agent.tools.language import said
from core.agent.types import Tool, ToolContext, ToolResult
from core.text import clean_line

_AMBIGUOUS = re.compile(r"\^|[-+]\s*[\d.]+\s*%\s*$|\d\s*\(|\)\s*[\d(]|!|²|³")


async def _call(context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
    expression = arguments["expression"]
    value = evaluate(expression)
    result = format_number(value)
    # What could mean two things is written as it was understood: ^ as a power, % as a hundredth, 2(3) as a product.
    understood = normalise(expression)
    readable = understood if _AMBIGUOUS.search(expression) else expression
    text = said(context, "agent.calculated", expression=clean_line(readable, max_chars=120), result=result)
    return ToolResult(text, text, data={"result": result, "exact": isinstance(value, Fraction)})


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
    retries=1,
    max_chars=4_000,
)
