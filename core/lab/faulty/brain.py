"""The scripted model of the fault matrix: one question, one tool call, one answer, on every route."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from core.lab.faulty.server import Fault, Reply

QUESTION = "What is 12*34?"
TOOL = "calculator"
EXPRESSION = "12*34"
RESULT = "408"
ANSWER = ("12*34 ", "is ", "408", ". ", "Done ", "and ", "complete.")
"""What the model says when all goes well; it ends in a word no half of it has."""
FAILED = ("The tool ", "did not ", "give a result.")


def has_result(body: Mapping[str, Any]) -> bool:
    """Say whether a request carries the tool's result, in whatever form the route writes it."""
    return RESULT in json.dumps(_after_question(body))


def _after_question(body: Mapping[str, Any]) -> list[Any]:
    """Return the messages from the question on: the examples of a prompt come before it."""
    messages = list(body.get("messages") or ())
    at = max((i for i, one in enumerate(messages) if EXPRESSION in str(one.get("content", ""))), default=0)
    first = min(
        (i for i, one in enumerate(messages) if str(one.get("content", "")).startswith(QUESTION)), default=at
    )
    return messages[first:]


class Scripted:
    """The model.

    Args:
        fault: What goes wrong; those that are the model's own are done here.
    """

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._calls = 0

    def __call__(self, body: Mapping[str, Any]) -> Reply:
        """Say something."""
        schema = body.get("format")
        if self._wants_call(body):
            self._calls += 1
            arguments: Any = {"expression": self._expression()}
            name = "teleport" if self._wrong("unknown_tool") else TOOL
            if self._wrong("bad_call"):
                cut = json.dumps({"tool": TOOL, "arguments": arguments})[:-6]
                # On a native model Ollama hands such a call on as text: it could not be read as one.
                return Reply((cut,))
            if isinstance(schema, Mapping):
                return Reply((json.dumps(_instance(schema, name, str(arguments["expression"]), call=True)),))
            return Reply((), ({"function": {"name": name, "arguments": arguments}},))
        text = "".join(ANSWER if has_result(body) else FAILED)
        if isinstance(schema, Mapping):
            return Reply((json.dumps(_instance(schema, TOOL, text, call=False)),))
        return Reply(ANSWER if has_result(body) else FAILED)

    def _wrong(self, kind: str) -> bool:
        return self._fault.kind == kind and (self._fault.times is None or self._calls <= self._fault.times)

    def _wants_call(self, body: Mapping[str, Any]) -> bool:
        if not body.get("tools") and not isinstance(body.get("format"), Mapping):
            return False
        if self._fault.kind in ("same_call", "endless"):
            return True
        if self._fault.kind == "unknown_tool":
            return not has_result(body)  # Told that there is no such tool, it calls the one there is.
        messages = _after_question(body)
        answered = any(one.get("role") == "tool" for one in messages) or _told(messages)
        return not answered

    def _expression(self) -> str:
        return f"{EXPRESSION}+{self._calls}" if self._fault.kind == "endless" else EXPRESSION


def _told(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether a tool's result, good or bad, is in plain text after the question."""
    first = str(messages[0].get("content", ""))[len(QUESTION) :] if messages else ""
    later = "\n".join(str(one.get("content", "")) for one in messages[1:])
    return RESULT in first + later or TOOL in first or any(one.get("role") == "user" for one in messages[1:])


def _instance(schema: Mapping[str, Any], tool: str, text: str, *, call: bool) -> Any:
    """Write a value of a JSON schema: the branch that calls the tool, or the one that answers."""
    for key in ("anyOf", "oneOf"):
        if key in schema:
            branches = [one for one in schema[key] if isinstance(one, Mapping)]
            wanted = [one for one in branches if (f'"{TOOL}"' in json.dumps(one)) == call] or branches
            return _instance(wanted[0], tool, text, call=call)
    if "const" in schema:
        return tool if call and schema["const"] == TOOL else schema["const"]
    if "enum" in schema:
        values = list(schema["enum"])
        if TOOL in values:
            others = [one for one in values if one in ("none", "answer", "final", "reply")] or values
            return tool if call else others[0]
        return values[0]
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        found = schema.get("properties") or {}
        return {name: _instance(one, tool, text, call=call) for name, one in found.items()}
    if kind in ("integer", "number"):
        return 0
    if kind == "boolean":
        return False
    if kind == "array":
        return []
    return text
