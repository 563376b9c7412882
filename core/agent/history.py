"""What a run begins with: the session's messages as the store has them, and steps taken over from another run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from core.agent.recorded import Given, as_messages, note
from core.agent.state import citations_of
from core.session import chat

if TYPE_CHECKING:
    from core.agent.state import RunState
    from core.events import RunStarted

HISTORY = 60
"""Earlier messages that are looked at."""


async def first_input(state: RunState, run: RunStarted, kept: bool, given: Given) -> dict[str, Any]:
    """Return the graph's input: the session's messages as the store has them, in place of what a checkpoint holds.

    Args:
        kept: There may be a checkpoint.
        given: Its first steps stand behind the question, as if this run had made them.
    """
    from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, RemoveMessage
    from langgraph.graph.message import REMOVE_ALL_MESSAGES

    store = state.recorder.store
    earlier = [
        message
        for message in await asyncio.to_thread(chat.messages, store, run.session_id, limit=HISTORY)
        if message.id not in (run.user_message_id, run.assistant_message_id) and message.content.strip()
    ]
    while earlier and earlier[0].role != "user":
        earlier.pop(0)
    messages: list[BaseMessage] = [RemoveMessage(REMOVE_ALL_MESSAGES)] if kept else []
    messages += [
        HumanMessage(item.content, id=item.id) if item.role == "user" else AIMessage(item.content, id=item.id)
        for item in earlier
    ]
    steps = as_messages(given.first)
    if steps:
        state.context.citations.extend(citations_of(steps))
        await note(state.recorder, given)
    return {"messages": [*messages, HumanMessage(state.question, id=run.user_message_id), *steps]}
