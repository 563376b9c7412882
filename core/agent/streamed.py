"""``ChatOllama`` whose text comes in spoonfuls: a terminal shows no more, and every piece costs on its way through."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextvars import ContextVar
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_ollama import ChatOllama

PAUSE_S = 0.08
"""Between two readings of the stream. What arrives meanwhile is read at once."""
WAITED_S = 0.004
"""A part that took longer was not there yet when it was asked for."""

taking: ContextVar[Callable[[str, int], None] | None] = ContextVar("taking", default=None)
"""Told each piece of text and its number of tokens, while the call goes on."""


class StreamedChat(ChatOllama):
    """Hands text to :data:`taking` as it comes; LangChain gets it whole, with the last part of the stream."""

    async def _acreate_chat_stream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, **kwargs: Any
    ) -> AsyncIterator[Mapping[str, Any] | str]:
        whole: list[str] = []
        piece: list[str] = []
        take = taking.get()
        began = time.monotonic()

        def hand_on() -> None:
            if piece and take is not None:
                take("".join(piece), len(piece))
            whole.extend(piece)
            piece.clear()

        async for part in super()._acreate_chat_stream(messages, stop, **kwargs):
            if isinstance(part, str):
                continue
            message = part.get("message") or {}
            text = message.get("content") or ""
            if text:
                piece.append(text)
            if part.get("done") or message.get("tool_calls") or message.get("thinking"):
                hand_on()
                message["content"] = "".join(whole)
                whole.clear()
                yield part
            elif piece and (not whole or time.monotonic() - began > WAITED_S):
                # The first token, or one that had to be waited for: there is no more to read yet.
                hand_on()
                await asyncio.sleep(PAUSE_S)
            began = time.monotonic()
        hand_on()
        if whole:
            # A stream that ends without its last part: the caller finds no "done" in it.
            yield {"message": {"role": "assistant", "content": "".join(whole)}, "done": False}
