"""Which earlier turns a small model is shown.

Measured with smollm2:135m after two calculations: in eight turns of small talk (ko/en) it answered five with numbers or about
arithmetic as long as the calculations stood before them, and none without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence, Set

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from core.session import Store


def tool_answers(store: Store, session_id: str) -> frozenset[str]:
    """Return the ids of a session's answers that tools had a part in. Reads the store."""
    rows = store.query(
        "SELECT DISTINCT m.id FROM messages m JOIN spans s ON s.run_id = m.run_id "
        "WHERE m.session_id = ? AND m.role = 'assistant' AND s.kind = 'tool'",
        [session_id],
    )
    return frozenset(str(row["id"]) for row in rows)


def without_tool_turns(messages: Sequence[BaseMessage], answers: Set[str]) -> list[BaseMessage]:
    """Leave out the turns whose answers are ``answers``, question and answer; the last question stays."""
    kept: list[BaseMessage] = []
    for one in messages:
        if isinstance(one, AIMessage) and one.id in answers:
            if kept and isinstance(kept[-1], HumanMessage):
                kept.pop()
            continue
        kept.append(one)
    return kept


async def shown(store: Store, session_id: str, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return what a small model is shown of a session: what was said without tools."""
    return without_tool_turns(messages, await asyncio.to_thread(tool_answers, store, session_id))
