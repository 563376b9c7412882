"""Texts compared by words, and JSON that is safe to print."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from typing import Any

from core.agent.replay.types import DiffPart, PartKind

_WORD = re.compile(r"\w+|\s+|[^\w\s]")
#: What :func:`core.text.clean` takes out, as far as JSON leaves it unescaped.
_DANGEROUS = re.compile(
    "[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
MOST_WORDS = 4_000
"""Longer texts (without what they begin and end with alike) are compared by lines: by words it would take seconds."""


def diff(a: str, b: str) -> list[DiffPart]:
    """Compare two texts by words: what is ``same`` and ``removed`` together is ``a``, ``same`` and ``added`` ``b``."""
    left, right = _WORD.findall(a), _WORD.findall(b)
    head = _alike(left, right)
    tail = _alike(left[head:][::-1], right[head:][::-1])
    parts: list[DiffPart] = []
    _add(parts, "same", left[:head])
    middle_a, middle_b = left[head : len(left) - tail], right[head : len(right) - tail]
    if max(len(middle_a), len(middle_b)) > MOST_WORDS:
        middle_a = "".join(middle_a).splitlines(keepends=True)
        middle_b = "".join(middle_b).splitlines(keepends=True)
    if max(len(middle_a), len(middle_b)) > MOST_WORDS:
        _add(parts, "removed", middle_a)
        _add(parts, "added", middle_b)
    else:
        matcher = difflib.SequenceMatcher(None, middle_a, middle_b, autojunk=False)
        for _, a0, a1, b0, b1 in matcher.get_opcodes():
            if middle_a[a0:a1] == middle_b[b0:b1]:
                _add(parts, "same", middle_a[a0:a1])
            else:
                _add(parts, "removed", middle_a[a0:a1])
                _add(parts, "added", middle_b[b0:b1])
    _add(parts, "same", left[len(left) - tail :])
    return parts


def _alike(a: Sequence[str], b: Sequence[str]) -> int:
    count = 0
    for one, other in zip(a, b, strict=False):
        if one != other:
            break
        count += 1
    return count


def _add(parts: list[DiffPart], kind: PartKind, words: Sequence[str]) -> None:
    text = "".join(words)
    if not text:
        return
    if parts and parts[-1].kind == kind:
        parts[-1] = DiffPart(kind, parts[-1].text + text)
    else:
        parts.append(DiffPart(kind, text))


def first_difference(a: Sequence[str], b: Sequence[str]) -> int | None:
    """Return the first place where two sequences differ, from 0; ``None`` when they are the same."""
    count = _alike(a, b)
    return None if count == len(a) == len(b) else count


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Write JSON, Hangul readable, with every character escaped that could act on a terminal or hide text.

    It means exactly what ``value`` is: nothing is taken out.
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=str)
    return _DANGEROUS.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
