"""Chat messages as clients send them, made into what llama.cpp's templates take."""

from __future__ import annotations

import json
import secrets
from typing import Any

from core.embedded.wire import ApiError, take

ROLES = ("system", "user", "assistant", "tool", "developer")


def check_images(images: list[Any]) -> None:
    """Refuse images: no model here can see.

    Raises:
        ApiError: 400 when there are any.
    """
    if images:
        raise ApiError(400, "this model does not support image input")


def native_messages(raw: list[Any]) -> list[dict[str, Any]]:
    """Read the ``messages`` of ``/api/chat``.

    Clients drop the links between a tool call and its result; they are restored by tool name, else in order.

    Raises:
        ApiError: 400 for anything that is not a message.
    """
    messages: list[dict[str, Any]] = []
    open_calls: list[tuple[str, str]] = []
    for item in raw:
        if not isinstance(item, dict):
            raise ApiError(
                400, "json: cannot unmarshal into Go struct field ChatRequest.messages of type api.Message"
            )
        role = take(item, "role", str, "").lower()
        if role not in ROLES:
            raise ApiError(400, f"invalid role: {role}, role must be one of [system user assistant tool]")
        check_images(take(item, "images", list, []))
        message: dict[str, Any] = {"role": role, "content": _content(item.get("content"))}
        calls = take(item, "tool_calls", list, [])
        if calls:
            message["tool_calls"] = [_call(call) for call in calls]
            open_calls += [(call["id"], call["function"]["name"]) for call in message["tool_calls"]]
        if role == "tool":
            name = take(item, "tool_name", str, "") or take(item, "name", str, "")
            message["tool_call_id"] = take(item, "tool_call_id", str, "") or _match(open_calls, name)
            open_calls = [call for call in open_calls if call[0] != message["tool_call_id"]]
        messages.append(message)
    return messages


def _content(value: Any) -> str:
    """Text, or the text parts of the list form, one after the other."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise ApiError(400, "invalid message content type")
    texts: list[str] = []
    for part in value:
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            kind = part.get("type") if isinstance(part, dict) else type(part).__name__
            raise ApiError(400, f"this model does not support {kind} content")
        texts.append(part["text"])
    return "\n".join(texts)


def _call(call: Any) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise ApiError(
            400, "json: cannot unmarshal into Go struct field Message.tool_calls of type api.ToolCall"
        )
    arguments = function.get("arguments")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False)
    identity = (
        call.get("id")
        if isinstance(call.get("id"), str) and call.get("id")
        else f"call_{secrets.token_hex(4)}"
    )
    return {"id": identity, "type": "function", "function": {"name": function["name"], "arguments": text}}


def _match(open_calls: list[tuple[str, str]], name: str) -> str:
    for identity, called in open_calls:
        if called == name:
            return identity
    return open_calls[0][0] if open_calls else f"call_{secrets.token_hex(4)}"
