"""What an MCP server answers, as text."""

from __future__ import annotations

import json
from typing import Any

MAX_BLOCKS = 200


def text_of(result: Any, max_chars: int) -> str:
    """Return a call's content as text; pictures, sounds and files are named, not shown.

    Args:
        result: ``mcp.types.CallToolResult``.
        max_chars: More is not gathered (the runner says what was cut).
    """
    parts: list[str] = []
    gathered = 0
    for block in result.content[:MAX_BLOCKS]:
        text = _block(block)
        parts.append(text)
        gathered += len(text)
        if gathered > 4 * max_chars:
            break
    if not any(part.strip() for part in parts) and result.structured_content is not None:
        return json.dumps(result.structured_content, ensure_ascii=False, default=str)
    return "\n\n".join(parts)


def _block(block: Any) -> str:
    kind = getattr(block, "type", "")
    if kind == "text":
        return str(block.text)
    if kind in ("image", "audio"):
        return f"[{kind}, {block.mime_type}, {len(block.data) * 3 // 4:,} bytes]"
    if kind == "resource":
        resource = block.resource
        inner = getattr(resource, "text", None)
        if inner is not None:
            return str(inner)
        return f"[file, {resource.mime_type or '?'}, {len(resource.blob) * 3 // 4:,} bytes]"
    if kind == "resource_link":
        return f"[{block.name}: {block.uri}]"
    return f"[{kind or 'unknown'}]"
