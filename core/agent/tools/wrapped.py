"""Tools as LangChain wants them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from core.agent.state import running
from core.agent.tools import runner
from core.agent.types import Tool, ToolResult

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool


def structured(tools: Iterable[Tool]) -> list[BaseTool]:
    """Wrap tools for ``create_agent``, by name: what is called is the running run's tool of that name. Each message's
    ``artifact`` is the :class:`ToolResult`.

    A failed call is a message like any other (its artifact is not ``ok``): the run goes on.
    """
    return [_wrap(tool) for tool in tools]


def _wrap(tool: Tool) -> BaseTool:
    from langchain_core.tools import StructuredTool

    async def call(**arguments: Any) -> tuple[str, ToolResult]:
        run = running.get()
        result = await runner.run(run.tools[tool.name], run.context, arguments)
        return result.text, result

    return StructuredTool(
        name=tool.name,
        description=tool.description,
        args_schema=dict(tool.schema),
        coroutine=call,
        response_format="content_and_artifact",
    )
