"""``remember``: keeps, lists and forgets facts, in the user's own words only."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from core.agent.context.facts import FORGET, ranked
from core.agent.tools.language import in_language, language_of
from core.agent.types import Tool, ToolContext, ToolResult
from core.session import facts

_LEAD = re.compile(
    r"^\s*(?:(?:please\s+)?remember(?:\s+that|\s*:)?\s+|(?:이거\s*)?기억해(?:\s*줘|\s*둬|\s*두세요|\s*주세요)?\s*[:,.]\s*)",
    re.IGNORECASE,
)
CLEAR_LEAD = 0.05
"""How far the best match must be ahead of the second to be deleted without asking."""


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


async def _call(context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
    lang = language_of(context)
    action, text = str(arguments.get("action") or "list"), str(arguments.get("text") or "").strip()
    if action == "remember":
        # What is kept was said by the user: not what a page, a document or the model put into the arguments.
        if not text or _plain(text) not in _plain(context.question):
            text = context.question
        text = _LEAD.sub("", text)
        fact = await asyncio.wrap_future(facts.add(context.store, text, context.session_id))
        return _said(in_language(lang, "agent.memory.added", text=fact.text), id=fact.id)
    if action == "list":
        known = await asyncio.to_thread(facts.all_facts, context.store)
        if not known:
            return _said(in_language(lang, "agent.memory.none"))
        lines = [f"- {fact.text}" for fact in known]
        return _said("\n".join([in_language(lang, "agent.memory.list"), *lines]))
    by_id = [one for one in await asyncio.to_thread(facts.all_facts, context.store) if one.id == text]
    found = [(1.0, by_id[0])] if by_id else []
    if not found and text:
        found = await ranked(context.store, context.engine.embed, text, context.engine.embed_model)
    ahead = len(found) < 2 or found[0][0] - found[1][0] >= CLEAR_LEAD
    if not found or found[0][0] < FORGET or not ahead:
        near = "".join(f"\n- {fact.text}" for _score, fact in found[:5])
        return _said(in_language(lang, "agent.memory.which") + near)
    await asyncio.wrap_future(facts.forget(context.store, found[0][1].id))
    return _said(in_language(lang, "agent.memory.forgot", text=found[0][1].text))


def _said(text: str, **data: Any) -> ToolResult:
    return ToolResult(text, text, data=data)


TOOL = Tool(
    name="remember",
    description="Remember a fact the user asks to keep, list what is remembered, or forget one.",
    schema={
        "type": "object",
        "properties": {
            "action": {"type": "string", "enum": ["remember", "list", "forget"]},
            "text": {"type": "string", "description": "The fact in the user's words; what to forget."},
        },
        "required": ["action"],
    },
    call=_call,
    max_chars=20_000,
)
