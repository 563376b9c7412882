"""A turn's messages as a route sends them: results behind their calls, or calls and results as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from core.agent import constrained
from core.agent.state import calls_of, results_of
from core.text import clean


def brief(arguments: Mapping[str, Any]) -> str:
    """Write a call's arguments in a few words."""
    return clean(", ".join(str(value) for value in arguments.values()), max_chars=80)


def native_messages(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Put tool results behind their calls, in their order, and say whose they are.

    On Ollama's wire a result has neither id nor name, and parallel results come in the order they end.
    """
    sorted_results = iter(results_of(messages))
    calls = {call["id"]: call for call in calls_of(messages)}
    found: list[BaseMessage] = []
    for one in messages:
        if not isinstance(one, ToolMessage):
            found.append(one)
            continue
        result = next(sorted_results)
        call = calls.get(result.tool_call_id)
        head = f"{result.name}({brief(call['args'])}): " if call is not None else ""
        text = str(result.content)
        prefixed = text if text.startswith(head) or result.name == "calculator" else f"{head}{text}"
        found.append(result.model_copy(update={"content": prefixed}))
    return found


def written_out(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Write calls and results as text for the constrained route."""
    found: list[BaseMessage] = []
    for one in messages:
        if isinstance(one, AIMessage) and one.tool_calls:
            call = one.tool_calls[0]
            found.append(AIMessage(constrained.call_as_text(call["name"], call["args"])))
        elif isinstance(one, ToolMessage):
            found.append(HumanMessage(constrained.result_as_text(one.name or "", str(one.content))))
        elif one.content:
            found.append(one)
    return found
