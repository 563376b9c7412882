"""A text as blocks: stretches that are better not cut, and the headings they are under."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from core.rag.chunking.ruler import width

SEGMENT = 200_000
"""Characters given to the Markdown parser at a time: its memory and its worst cases stay small."""

_UNDERLINE = re.compile(r"^(=|-|~|\^|\*)\1{2,}\s*$")
_KOREAN_RULE = re.compile(r"^제\s*\d+\s*(편|장|절|조)(의\s*\d+)?(\s|\(|$)")
_NUMBERED = re.compile(r"^(\d{1,2}(?:\.\d{1,2}){0,3})[.)]?\s+\S.{0,60}$")
_RULE_LEVEL = {"편": 1, "장": 2, "절": 3, "조": 4}
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_DELIMITER_ROW = re.compile(r"\|[ \t:|-]*-[ \t:|-]*$")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]|$)")


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


def markdown_blocks(text: str) -> list[Block]:
    """Return the blocks of a Markdown text."""
    body = _front_matter(text)
    blocks = [Block(0, body)] if body else []
    for start, end, is_table in _segments(text, body, len(text)):
        blocks.extend([Block(start, end, "table")] if is_table else _parsed(text, start, end))
    return blocks


def plain_blocks(text: str, start: int = 0, end: int | None = None) -> list[Block]:
    """Return the paragraphs of a plain text and whatever looks like a heading (underlined, ``제3조``, ``2.1 Title``)."""
    end = len(text) if end is None else end
    blocks: list[Block] = []
    paragraph = position = start
    after_blank = True
    while position < end:
        stop = _line_end(text, position, end)
        line = text[position : min(stop, position + 200)].strip()
        if not line:
            if paragraph < position:
                blocks.append(Block(paragraph, stop))
            paragraph, after_blank, position = stop, True, stop
            continue
        after = _line_end(text, stop, end)
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


# -- Markdown ---------------------------------------------------------------------------------------


def _parsed(text: str, start: int, end: int) -> Iterator[Block]:
    from markdown_it import MarkdownIt

    # Inline marks do not move a block's bounds, and looking for them is what takes longest.
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("inline")
    source = text[start:end].replace("\r", " ")
    offsets = _line_offsets(text, start, end)
    tokens = parser.parse(source)
    taken = 0
    for index, token in enumerate(tokens):
        if token.map is None or token.type in _CONTAINERS:
            continue
        first, last = token.map
        if first < taken or last <= first:
            continue
        yield from _uncovered(text, offsets, taken, first)
        begin, stop = offsets[first], offsets[min(last, len(offsets) - 1)]
        if token.type == "heading_open":
            title = " ".join(tokens[index + 1].content.split())
            yield Block(begin, stop, "heading", int(token.tag[1]), title)
        elif token.type == "table_open":
            yield Block(begin, stop, "table")
        else:
            yield Block(begin, stop, "code" if token.type in ("fence", "code_block") else "text")
        taken = last
    yield from _uncovered(text, offsets, taken, len(offsets) - 1)


#: Tokens that only hold others; a list item is taken as a whole when what is in it says where it is.
_CONTAINERS = {"bullet_list_open", "ordered_list_open", "list_item_open", "blockquote_open", "inline"}


def _uncovered(text: str, offsets: list[int], first: int, last: int) -> Iterator[Block]:
    """Yield what no token claims (link definitions), so that nothing is lost."""
    if first < last and text[offsets[first] : offsets[last]].strip():
        yield Block(offsets[first], offsets[last])


def _front_matter(text: str) -> int:
    """Return where the YAML front matter ends that a text may start with, 0 without."""
    if not text.startswith("---\n"):
        return 0
    position = 4
    while position < min(len(text), 20_000):
        stop = _line_end(text, position, len(text))
        if text[position:stop].rstrip() in ("---", "..."):
            return stop if stop < len(text) else 0
        position = stop
    return 0


def _segments(text: str, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """Cut a long Markdown text where a block ends for certain, and take its long tables out.

    It ends before a heading, or after a blank line outside a fence. A fence or a paragraph longer than a segment is
    not cut by this; :data:`SEGMENT` is where it starts to look.

    Yields:
        Start, end, and whether all of it is one table.
    """
    if end - start <= 2 * SEGMENT:
        yield start, end, False
        return
    fence, begin, blank, rows_until = "", start, True, start
    for position, stop in _lines(text, start, end):
        if position < rows_until:
            continue
        if not fence and blank and text[position] == "|":
            rows_until = _table_end(text, position, stop, end)
            if rows_until - position > SEGMENT // 10:
                if begin < position:
                    yield begin, position, False
                yield position, rows_until, True
                begin, blank = rows_until, True
                continue
            rows_until = position
        sure = blank or _ATX.match(text, position, stop)
        # What is indented after a blank line may go on with a list.
        if not fence and position - begin > SEGMENT and sure and text[position] not in " \t\n":
            yield begin, position, False
            begin = position
        fence = _fence_after(fence, text, position, stop)
        blank = text[position:stop].isspace()
    if begin < end:
        yield begin, end, False


def _fence_after(fence: str, text: str, position: int, stop: int) -> str:
    """Return the mark of the code fence that is open after a line, given the one open before it."""
    mark = _FENCE.match(text, position, stop)
    if not mark:
        return fence
    if not fence:
        return mark[1]
    closes = mark[1][0] == fence[0] and len(mark[1]) >= len(fence) and not text[mark.end() : stop].strip()
    return "" if closes else fence


def _table_end(text: str, position: int, stop: int, end: int) -> int:
    """Return where a table ends whose first line is given; ``position`` when it is none."""
    second = _line_end(text, stop, end)
    if not _DELIMITER_ROW.match(text[stop:second].rstrip()):
        return position
    for row, row_stop in _lines(text, second, end):
        if text[row] != "|":
            return row
        stop = row_stop
    return stop


# -- lines ------------------------------------------------------------------------------------------


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        stop = _line_end(text, start, end)
        yield start, stop
        start = stop


def _line_end(text: str, start: int, end: int) -> int:
    """Return where the line that starts at ``start`` ends, its newline included."""
    stop = text.find("\n", start, end)
    return end if stop < 0 else stop + 1


def _line_offsets(text: str, start: int, end: int) -> list[int]:
    """Return where each line starts, and ``end`` as the last entry."""
    return [*(position for position, _stop in _lines(text, start, end)), end]


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
