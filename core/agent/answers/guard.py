"""Passages as a model is given them: fenced by a code that is nowhere in them, and without signs that steer a model.

A document may say "ignore the instructions above" or write what looks like a system turn or a tool call. It reaches a model
only between two lines with the same code, and what could end that or begin a turn is broken up. Nothing of this changes what
the user sees: citations keep the passage as it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from core.events import Citation
from core.text import clean, clean_line

_TOKENS = re.compile(
    r"<(?=\|)|(?<=\|)>|<(?=/?\s?(?:s|system|user|assistant|tool|tools|tool_call|tool_calls|tool_response|function|functions|im_start|im_end|"
    r"start_of_turn|end_of_turn|think|passage|instructions?)\b)",
    re.IGNORECASE,
)
"""Chat templates' own marks (``<|im_start|>``, ``<tool_call>``, ``</s>``): their bracket is taken off them by a space."""
_BRACKETS = re.compile(
    r"\[(/?)(INST|SYS|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS|/?s)\]|<<(/?)SYS>>", re.IGNORECASE
)
_ROLE = re.compile(
    r"^([ \t]*(?:[#*>_-]+[ \t]*)?)(system|assistant|user|human|tool|developer|시스템|사용자|어시스턴트)([ \t]*[*_]*[ \t]*):",
    re.IGNORECASE | re.MULTILINE,
)
_CALL = re.compile(r'\{(?=\s*"(?:tool|tool_calls?|function|name|arguments|answer)"\s*:)')
_FENCE = re.compile(r"^</?passage [0-9a-f]{8}>(?:\n|$)", re.MULTILINE)
_NUMBERED = re.compile(r"^\[(\d{1,3})\](?=\s)", re.MULTILINE)


def defused(text: str) -> str:
    """Return a passage for a prompt: role marks, template tokens, tool calls and made-up passage numbers do not read as such."""
    text = _TOKENS.sub(lambda match: f"{match[0]} " if match[0] == "<" else f" {match[0]}", text)
    text = _BRACKETS.sub(lambda match: f"[ {match[0].strip('[]<>')} ]", text)
    text = _ROLE.sub(r"\1\2\3 -", text)
    text = _CALL.sub("{ …", text)
    return _NUMBERED.sub(r"(\1)", text)


def code_of(texts: Sequence[str]) -> str:
    """Return eight characters that none of the texts has in it; the same for the same texts, so that a replay sends the same."""
    joined = "\n".join(texts)
    salt = 0
    while True:
        code = hashlib.sha256(f"{salt}\n{joined}".encode()).hexdigest()[:8]
        if code not in joined.casefold():
            return code
        salt += 1


def delimited(citations: Sequence[Citation], code: str = "") -> list[str]:
    """Write passages for a model, each ``[1] document › section`` and its text between two lines with the code."""
    heads = [
        clean_line(f"{one.document} › {one.section}" if one.section else one.document) for one in citations
    ]
    bodies = [defused(clean(one.text)).strip() for one in citations]
    code = code or code_of([*heads, *bodies])
    return [
        f"<passage {code}>\n[{one.number}] {defused(head)}\n{body}\n</passage {code}>"
        for one, head, body in zip(citations, heads, bodies, strict=True)
    ]


def unfenced(text: str) -> str:
    """Return what a search gave a model as a person reads it: without the fences. The trace keeps them."""
    return _FENCE.sub("", text)
