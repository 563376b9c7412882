"""A text as blocks: stretches that are better not cut, and the headings they are under."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from core.rag.chunking.ruler import width

_UNDERLINE = re.compile(r"^(=|-|~|\^|\*)\1{2,}\s*$")
_KOREAN_RULE = re.compile(r"^제\s*\d+\s*(편|장|절|조)(의\s*\d+)?(\s|\(|$)")
_NUMBERED = re.compile(r"^(\d{1,2}(?:\.\d{1,2}){0,3})[.)]?\s+\S.{0,60}$")
_RULE_LEVEL = {"편": 1, "장": 2, "절": 3, "조": 4}


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of source lines that is better not cut: a paragraph, a list item, a table, a code fence."""

    start: int
    """First character, an index into the document's text."""
    end: int
    """One past the last character."""
    kind: Literal["text", "heading", "table", "code"] = "text"
    """``table``: its lines are rows, the first two its head; ``code``: its lines mean something by themselves."""
    level: int = 0
    """Of a heading, 1–6."""
    title: str = ""
    """The heading's text."""


def plain_blocks(text: str, start: int = 0, end: int | None = None) -> list[Block]:
    """Return the paragraphs of a plain text and whatever looks like a heading (underlined, ``제3조``, ``2.1 Title``)."""
    end = len(text) if end is None else end
    blocks: list[Block] = []
    paragraph = position = start
    after_blank = True
    while position < end:
        stop = line_end(text, position, end)
        line = text[position : min(stop, position + 200)].strip()
        if not line:
            if paragraph < position:
                blocks.append(Block(paragraph, stop))
            paragraph, after_blank, position = stop, True, stop
            continue
        after = line_end(text, stop, end)
        following = text[stop : min(after, stop + 200)].strip()
        level = _heading_level(line, following, after_blank)
        if level:
            if paragraph < position:
                blocks.append(Block(paragraph, position))
            stop = after if _UNDERLINE.match(following) else stop
            blocks.append(Block(position, stop, "heading", level, line.strip("=#[]<> ")))
            paragraph = stop
        after_blank, position = bool(level), stop
    if paragraph < end and text[paragraph:end].strip():
        blocks.append(Block(paragraph, end))
    return blocks


def table_blocks(text: str) -> list[Block]:
    """Return the blocks of a text that was made of tables: rows from ``|``, ``## name`` above them, else paragraphs."""
    blocks: list[Block] = []
    start, kind = 0, ""
    for position, stop in _lines(text, 0, len(text)):
        first = text[position]
        now = (
            "table"
            if first == "|"
            else "heading"
            if text.startswith("## ", position)
            else "blank"
            if text[position:stop].isspace()
            else "text"
        )
        if now != kind or kind == "heading":
            _close_lines(blocks, text, start, position, kind)
            start, kind = position, now
    _close_lines(blocks, text, start, len(text), kind)
    return blocks


def line_blocks(text: str) -> list[Block]:
    """Return the paragraphs of a text of ``path: value`` lines, none of which is a heading."""
    blocks: list[Block] = []
    start = 0
    for position, stop in _lines(text, 0, len(text)):
        if text[position:stop].isspace():
            if start < position:
                blocks.append(Block(start, position, "code"))
            start = stop
    if start < len(text):
        blocks.append(Block(start, len(text), "code"))
    return blocks


# -- lines ------------------------------------------------------------------------------------------


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        stop = line_end(text, start, end)
        yield start, stop
        start = stop


def line_end(text: str, start: int, end: int) -> int:
    """Return where the line that starts at ``start`` ends, its newline included."""
    stop = text.find("\n", start, end)
    return end if stop < 0 else stop + 1


def _close_lines(blocks: list[Block], text: str, start: int, end: int, kind: str) -> None:
    if kind == "heading":
        blocks.append(Block(start, end, "heading", 2, " ".join(text[start + 3 : end].split())))
    elif kind in ("table", "text"):
        blocks.append(Block(start, end, "table" if kind == "table" else "code"))


def _heading_level(line: str, following: str, after_blank: bool) -> int:
    """Say of what level a heading ``line`` is in a plain text, 0 for none."""
    if len(line) > 80 or not any(char.isalnum() for char in line):
        return 0
    if _UNDERLINE.match(following) and abs(width(following) - width(line)) <= width(line):
        return 1 if following[0] == "=" else 2
    rule = _KOREAN_RULE.match(line)
    if rule:
        return _RULE_LEVEL[rule.group(1)]
    if not after_blank:
        return 0
    if line[0] == "[" and line[-1] == "]":
        return 2
    numbered = _NUMBERED.match(line)
    if numbered and line[-1] not in ".다요,;:":
        return 2 + numbered.group(1).count(".")
    return 0
