"""Small forms a model fills in by grammar, outside the conversation: which of two tools, which arguments.

Only the user's own words go in, nothing that others wrote but a tool's own schema. Each is a model call in the trace.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from core.agent.speak import Call, Speaker, options_of
from core.agent.tools.arguments import validated
from core.agent.types import Plan, Step, Tool
from core.errors import StudyError
from core.i18n import catalogue
from core.text import clean_line, has_hangul

CHOICE_TOKENS = 32
FORM_TOKENS = 256
QUESTION_CHARS = 2_000
"""So much of a question is read for its arguments."""
DESCRIPTION_CHARS = 80
ATTEMPTS = 2

_CHOOSE = "Say which kind of question the last one is: {classes}. Reply with one JSON object."
_FILL = (
    "Fill in the arguments of the tool {tool} from the user's words only. What the user does not say stays an empty "
    "string. Reply with one JSON object."
)
_WHOLE = re.compile(r"^(?:q|query|search|search_query|question|keywords?)$", re.IGNORECASE)
"""An argument of this name takes the question as it is."""


@dataclasses.dataclass(frozen=True)
class _Bare:
    """What a call reads of LangChain's request, outside of a graph's node."""

    given: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def override(self, **over: Any) -> _Bare:
        return _Bare({**self.given, **over})


async def _send(request: _Bare) -> Any:
    given = request.given
    message = await given["model"].ainvoke(
        [given["system_message"], *given["messages"]], **given["model_settings"]
    )
    return SimpleNamespace(result=[message])


async def _fill(
    speaker: Speaker, system: str, messages: Sequence[BaseMessage], schema: Mapping[str, Any], tokens: int
) -> dict[str, Any]:
    """Let the model write one object; empty when what it wrote is none.

    Raises:
        StudyError: The model cannot be asked.
    """
    run = speaker.run
    options = {**options_of(run.settings), "num_predict": tokens, "temperature": 0.0}
    with run.aside():
        response = await speaker.call(Call(_Bare(), _send, messages, system, options, dict(schema)))
    try:
        found = json.loads(str(response.result[-1].content))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


async def choose(speaker: Speaker, question: str, shots: Sequence[tuple[str, str]]) -> str:
    """Ask the model which class a question belongs to.

    Args:
        speaker: Makes the call.
        question: The user's words.
        shots: Labelled questions, with their classes.

    Returns:
        One of the shots' classes; ``""`` when the model cannot be asked: the nearest one counts then.
    """
    classes = sorted({label for _, label in shots})
    schema = {"type": "object", "properties": {"choice": {"enum": classes}}, "required": ["choice"]}
    messages: list[BaseMessage] = []
    for text, label in shots:
        messages += [HumanMessage(text), AIMessage(json.dumps({"choice": label}))]
    system = _CHOOSE.format(classes=", ".join(classes))
    try:
        found = await _fill(
            speaker, system, [*messages, HumanMessage(question[:QUESTION_CHARS])], schema, CHOICE_TOKENS
        )
    except StudyError:
        return ""
    return str(found.get("choice", ""))


async def completed(speaker: Speaker, plan: Plan) -> Plan:
    """Give the tools of MCP servers their arguments; a plan whose arguments cannot be told asks the user instead.

    Raises:
        StudyError: The model cannot be asked.
    """
    steps: list[Step] = []
    for step in plan.steps:
        tool = speaker.run.tools[step.tool]
        if tool.source == "builtin" or step.arguments:
            steps.append(step)
            continue
        arguments, missing = await _arguments(speaker, tool)
        if missing:
            return dataclasses.replace(plan, steps=(), ask=_ask(tool, missing, speaker.run.question))
        steps.append(Step(step.tool, arguments))
    return dataclasses.replace(plan, steps=tuple(steps))


async def _arguments(speaker: Speaker, tool: Tool) -> tuple[dict[str, Any], list[str]]:
    """Return a tool's arguments, and the names of those that are missing."""
    run = speaker.run
    question = run.question[:QUESTION_CHARS]
    rules: Mapping[str, Any] = tool.schema.get("properties", {})
    required = [name for name in tool.schema.get("required", ()) if name in rules]
    if not rules or (run.small and not required):
        # What need not be said, the smallest models invent.
        return {}, []
    if len(required) == 1 and _WHOLE.match(required[0]) and rules[required[0]].get("type") == "string":
        return {required[0]: question}, []
    wanted = {name: rules[name] for name in (required if run.small else rules)}
    schema = {"type": "object", "properties": wanted, "required": required}
    system = _FILL.format(tool=tool.name)
    messages: list[BaseMessage] = [HumanMessage(question)]
    missing: list[str] = []
    for _ in range(ATTEMPTS):
        found = await _fill(speaker, system, messages, schema, FORM_TOKENS)
        # An empty string stands for what was not said.
        found = {name: value for name, value in found.items() if name in wanted and value not in ("", None)}
        if run.small:
            found = {name: value for name, value in found.items() if said(value, wanted[name], question)}
        try:
            return validated({"properties": wanted, "required": required}, found), []
        except StudyError as refused:
            missing = [name for name in required if not _valid(name, wanted[name], found)]
            messages = [
                HumanMessage(question),
                AIMessage(json.dumps(found, ensure_ascii=False)),
                HumanMessage(f"{refused.message} Fill it in again from: {question}"),
            ]
    # What is wrong with an argument that need not be given is no reason to ask.
    only = {name: wanted[name] for name in required}
    return ({}, missing) if missing else (validated({"properties": only, "required": required}, found), [])


def said(value: Any, rule: Mapping[str, Any], question: str) -> bool:
    """Say whether a value stands in the question. Held to it are models too small to be believed."""
    if "enum" in rule or isinstance(value, bool):
        return True
    text = f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, int | float):
        return re.search(rf"(?<![\d.]){re.escape(text)}(?![\d.]*\d)", question.replace(",", "")) is not None
    words = " ".join(text.casefold().split())
    return bool(words) and words in " ".join(question.casefold().split())


def _valid(name: str, rule: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    try:
        validated({"properties": {name: rule}, "required": [name]}, found)
    except StudyError:
        return False
    return True


def _ask(tool: Tool, missing: Sequence[str], question: str) -> str:
    """Write the question for what is missing, in the question's language. Names come from a server: cleaned."""
    rules = tool.schema["properties"]
    named = []
    for name in missing:
        more = clean_line(str(rules[name].get("description", "")), max_chars=DESCRIPTION_CHARS)
        named.append(clean_line(name, max_chars=40) + (f" ({more})" if more else ""))
    key = "agent.ask.arguments"
    return catalogue("ko" if has_hangul(question) else "en")[key].format(
        tool=tool.name, missing=", ".join(named)
    )
