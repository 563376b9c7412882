"""Tools as LangChain wants them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from core.agent.tools import runner
from core.agent.types import Tool, ToolContext, ToolResult

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool


def structured(tools: Iterable[Tool], context: ToolContext) -> list[BaseTool]:
    """Wrap tools for ``create_agent``. Each message's ``artifact`` is the :class:`ToolResult`.

    A failed call is a message like any other (its artifact is not ``ok``): the run goes on.
    """
    return [_wrap(tool, context) for tool in tools]


def _wrap(tool: Tool, context: ToolContext) -> BaseTool:
    from langchain_core.tools import StructuredTool

    async def call(**arguments: Any) -> tuple[str, ToolResult]:
        result = await runner.run(tool, context, arguments)
        return result.text, result

    return StructuredTool(
        name=tool.name,
        description=tool.description,
        args_schema=dict(tool.schema),
        coroutine=call,
        response_format="content_and_artifact",
    )
