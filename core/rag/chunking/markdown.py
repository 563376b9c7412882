"""Where the blocks of a Markdown text begin and end (CommonMark 0.31 and GFM tables), line by line.

A Markdown parser builds a tree of everything in a text, which takes ten times as long and, for megabytes, hundreds of
megabytes of memory. Chunks need less: headings, tables and code for certain, and paragraphs and list items. Two things are
different on purpose: headings inside quotes and list items are text, as what follows them is not their section.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.rag.chunking.blocks import Block, line_end

MAX_LINE = 4_000
"""Characters of a line that are looked at; what a longer line is shows by then."""

_QUOTE = re.compile(r"(?:[ ]{0,3}>[ \t]?)+")
_ATX = re.compile(r"(#{1,6})(?:[ \t]+|$)(.*)")
_SETEXT = re.compile(r"(=+|-+)[ \t]*$")
_RULE = re.compile(r"(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_FENCE = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})")
_ITEM = re.compile(r"([-+*]|\d{1,9}[.)])(?:([ \t]+)|$)")
_DELIMITERS = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_CELL = re.compile(r"(?<!\\)\|")


@dataclass(slots=True)
class _Line:
    start: int
    end: int
    indent: int
    """Columns before the text, after the marks of a quote."""
    quoted: bool
    body: str
    """Without indentation, quote marks and white space at the end; ``""`` for a blank line."""


def markdown_blocks(text: str) -> list[Block]:
    """Return the blocks of a Markdown text, in order; blank lines between them belong to none."""
    return _Scanner(text).blocks()


class _Scanner:
    """Goes over the lines once; :attr:`_open` is the block that is being read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: list[Block] = []
        self._kind = ""
        """Of the open block: ``""``, ``paragraph``, ``item``, ``table``, ``fence``, ``code``."""
        self._start = self._end = 0
        self._fence = ""
        self._fence_quoted = False
        self._list_indent = 0
        """Columns from which on a line belongs to the list item above; 0 outside lists."""

    def blocks(self) -> list[Block]:
        """Return the blocks."""
        body = front_matter(self._text)
        if body:
            self._found.append(Block(0, body))
        lines = _lines(self._text, body)
        line = next(lines, None)
        while line is not None:
            following = next(lines, None)
            self._take(line, following)
            line = following
        self._close()
        return self._found

    def _take(self, line: _Line, following: _Line | None) -> None:
        if self._kind == "fence" and self._in_fence(line):
            return
        if not line.body:
            self._blank(line)
            return
        # What is not indented as far as the item above has left its list.
        if self._list_indent and line.indent < self._list_indent and self._kind not in ("item", "paragraph"):
            self._list_indent = 0
        deep = line.indent - self._list_indent >= 4
        if self._kind == "code":
            if deep:
                self._end = line.end
                return
            self._close()
        lazy = self._kind in ("paragraph", "item")
        if deep and not lazy:
            if self._kind == "table":
                self._close()
            self._begin("code", line)
        elif deep and self._kind == "paragraph":
            self._end = line.end
        elif line.quoted and self._kind and not self._in_quote():
            # A quote needs no blank line before it.
            self._close()
            self._take(line, following)
        elif not self._starts(line, following):
            self._continue(line)

    def _starts(self, line: _Line, following: _Line | None) -> bool:
        """Begin the block that a line begins, if it begins one that is no paragraph."""
        outside = not line.quoted and line.indent <= 3
        heading = _ATX.match(line.body) if outside else None
        if heading:
            self._list_indent = 0
            self._heading(line, len(heading[1]), _without_marks(heading[2]))
            return True
        under = _SETEXT.match(line.body) if outside and self._kind == "paragraph" else None
        if under and not self._in_quote():
            title = self._text[self._start : self._end]
            self._kind, line.start = "", self._start
            self._heading(line, 1 if under[1][0] == "=" else 2, title)
            return True
        if line.indent <= self._list_indent + 3 and _RULE.match(line.body):
            self._begin("paragraph", line)
            self._close()
            self._list_indent = self._list_indent if line.indent >= self._list_indent else 0
            return True
        if fence := _FENCE.match(line.body):
            self._begin_fence(line, fence[1])
            return True
        item = _ITEM.match(line.body)
        if item and self._is_item(item, line):
            self._item(line, item)
            return True
        if following and self._kind != "table" and _is_table(line, following):
            self._begin("table", line)
            return True
        return False

    def _continue(self, line: _Line) -> None:
        if self._kind == "table" and self._in_quote() != line.quoted:
            # Unlike a paragraph, a table does not go on outside its quote.
            self._close()
        if self._kind in ("paragraph", "item", "table"):
            self._end = line.end
        else:
            self._begin("paragraph", line)

    def _is_item(self, item: re.Match[str], line: _Line) -> bool:
        """Say whether a list's mark begins an item: inside a paragraph only one with text, and only number 1."""
        if self._kind != "paragraph" or self._list_indent or line.quoted != self._in_quote():
            return True
        return bool(item[2]) and (not item[1][0].isdigit() or item[1][:-1] == "1")

    def _item(self, line: _Line, item: re.Match[str]) -> None:
        """Begin a list item; what its first line begins (a fence) is begun in it."""
        self._begin("item", line)
        spaces = len((item[2] or " ").expandtabs(4))
        self._list_indent = line.indent + len(item[1]) + (spaces if spaces <= 4 else 1)
        inside = line.body[item.end() :]
        if fence := _FENCE.match(inside):
            self._fence, self._fence_quoted, self._kind = fence[1], line.quoted, "fence"

    def _blank(self, line: _Line) -> None:
        # Indented code goes on after a blank line, everything else ends.
        if self._kind != "code":
            self._close()

    def _heading(self, line: _Line, level: int, title: str) -> None:
        self._close()
        self._found.append(Block(line.start, line.end, "heading", level, " ".join(title.split())))

    # -- fences -------------------------------------------------------------------------------------

    def _begin_fence(self, line: _Line, mark: str) -> None:
        self._begin("fence", line)
        if line.indent < self._list_indent:
            self._list_indent = 0
        self._fence, self._fence_quoted = mark, line.quoted

    def _in_fence(self, line: _Line) -> bool:
        """Take a line of the open fence; a fence ends with its quote or its list item too."""
        left = self._list_indent and line.body and line.indent < self._list_indent
        if (self._fence_quoted and not line.quoted) or left:
            self._close()
            return False
        self._end = line.end
        mark = line.body
        if mark and mark[0] == self._fence[0] and len(mark) >= len(self._fence) and not mark.strip(mark[0]):
            self._close()
        return True

    # -- the open block -----------------------------------------------------------------------------

    def _begin(self, kind: str, line: _Line) -> None:
        self._close()
        self._kind, self._start, self._end = kind, line.start, line.end

    def _close(self) -> None:
        if self._kind == "table":
            self._found.append(Block(self._start, self._end, "table"))
        elif self._kind in ("fence", "code"):
            self._found.append(Block(self._start, self._end, "code"))
        elif self._kind:
            self._found.append(Block(self._start, self._end))
        self._kind = ""

    def _in_quote(self) -> bool:
        return bool(_QUOTE.match(self._text, self._start, min(self._end, self._start + 8)))


def front_matter(text: str) -> int:
    """Return where the YAML front matter ends that a text may start with, 0 without."""
    if not text.startswith("---\n"):
        return 0
    position = 4
    while position < min(len(text), 20_000):
        stop = line_end(text, position, len(text))
        if text[position:stop].rstrip() in ("---", "..."):
            return stop if stop < len(text) else 0
        position = stop
    return 0


def _lines(text: str, position: int) -> Iterator[_Line]:
    while position < len(text):
        stop = line_end(text, position, len(text))
        shown = text[position : min(stop, position + MAX_LINE)]
        quoted = False
        quote = _QUOTE.match(shown)
        if quote:
            shown, quoted = shown[quote.end() :], True
        body = shown.strip()
        lead = shown[: len(shown) - len(shown.lstrip())] if body else ""
        yield _Line(position, stop, len(lead.expandtabs(4)), quoted, body)
        position = stop


def _without_marks(title: str) -> str:
    """Return a heading without the marks that may close it too."""
    bare = title.rstrip("#")
    return bare if not bare or bare[-1] in " \t" else title


def _is_table(line: _Line, following: _Line) -> bool:
    """Say whether a line is a table's head: the next one is dashes, of as many cells."""
    if "|" not in line.body or not _DELIMITERS.match(following.body) or line.quoted != following.quoted:
        return False
    return _cells(line.body) == _cells(following.body)


def _cells(row: str) -> int:
    return len(_CELL.split(row.removeprefix("|").removesuffix("|")))
