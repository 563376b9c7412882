"""Blocks joined into chunks along the structure: the strategies ``headings`` and ``sentences``.

A chunk is small (about 150 to 350 Korean characters) because the embedding model averages over everything it
is given: a fact in a long chunk does not show in its vector. What belongs together stays together where it
fits: a heading with the text below it, a list item, a table, a table's row with its head.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.rag.chunking.blocks import Block
from core.rag.chunking.ruler import Ruler, sentences, width
from core.rag.chunking.types import Chunking

SEPARATOR = " › "
"""Between the headings of a section's path."""

MAX_TITLE = 120
"""Characters of one heading in a section's path."""

_DELIMITERS = re.compile(r"[>\s]*\|?[\s:|-]*-[\s:|-]*$")


@dataclass(slots=True)
class Span:
    """A chunk to be."""

    start: int
    end: int
    section: str = ""
    header: str = ""
    """Lines put before the text: the head of the table that the span starts in the middle of."""


class Path:
    """The headings above a place in the text."""

    def __init__(self) -> None:
        self._above: list[tuple[int, str]] = []

    def enter(self, block: Block) -> None:
        """Go on below a heading."""
        self._above = [item for item in self._above if item[0] < block.level]
        self._above.append((block.level, block.title[:MAX_TITLE]))

    def __str__(self) -> str:
        return SEPARATOR.join(title for _level, title in self._above if title)


def speaks(text: str) -> bool:
    """Say whether a text says anything: it has a letter, a digit or a picture; lines and stars alone do not."""
    return any(
        char.isalnum() or (char > "\u25ff" and unicodedata.category(char) in ("So", "Sk")) for char in text
    )


class Packer:
    """Joins neighbouring blocks of a section up to the size, and cuts those that are too large."""

    def __init__(self, ruler: Ruler, chunking: Chunking) -> None:
        self._ruler = ruler
        self._size = chunking.size
        self._limit = chunking.limit
        self._by_sentence = chunking.strategy == "sentences"
        #: A chunk is full from here on; neighbours given back with a sentence make up the size together.
        self._full = chunking.size // 4 if self._by_sentence else chunking.limit
        self._spans: list[Span] = []
        self._path = Path()
        self._run: Span | None = None
        self._bare = True
        """The run holds headings and ornament only: it may go on up to the limit."""

    def pack(self, blocks: Sequence[Block]) -> list[Span]:
        """Return the spans of ``blocks``, in order."""
        for block in blocks:
            if block.kind == "heading":
                self._heading(block)
            else:
                self._block(block)
        self._close()
        return self._spans

    def _heading(self, block: Block) -> None:
        start, end = self._ruler.trimmed(block.start, block.end)
        if self._run and (not self._bare or self._ruler.width(self._run.start, end) > self._size):
            self._close()
        # A heading with nothing below it but a deeper heading goes along with that one's text.
        self._path.enter(block)
        for piece in self._ruler.pieces(start, end, self._size):
            self._add(*piece, bare=True)

    def _block(self, block: Block) -> None:
        start, end = self._ruler.trimmed(block.start, block.end)
        begin = self._run.start if self._run and self._bare else start
        whole = self._ruler.width(begin, end) <= self._limit
        if whole and not (self._by_sentence and block.kind == "text"):
            self._add(start, end)
        elif block.kind == "table":
            self._rows(start, end)
        else:
            for piece in parts(self._ruler, block.kind, start, end, self._size):
                self._add(*piece)

    def _rows(self, start: int, end: int) -> None:
        header = table_head(self._ruler.text, start, end)
        shown = header if width(header) <= self._size // 2 else ""
        room = max(self._size // 2, self._size - width(shown))
        body = min(end, start + len(header) + 1)
        for piece in self._ruler.pieces(start, body, self._size):
            self._add(*piece)
        for piece in parts(self._ruler, "table", body, end, room):
            self._add(*piece, header=shown)

    def _add(self, start: int, end: int, *, header: str = "", bare: bool = False) -> None:
        start, end = self._ruler.trimmed(start, end)
        if start >= end:
            return
        bare = bare or not speaks(self._ruler.text[start:end])
        if self._run:
            joined = self._ruler.width(self._run.start, end) + width(self._run.header)
            if joined > (self._limit if self._bare or bare else self._size):
                self._close()
        if self._run is None:
            self._run, self._bare = Span(start, end, header=header), bare
        else:
            self._run.end = end
            self._bare = self._bare and bare
        if not self._bare and self._ruler.width(self._run.start, end) >= self._full:
            self._close()

    def _close(self) -> None:
        run, self._run = self._run, None
        if run is None:
            return
        run.section = str(self._path)
        last = self._spans[-1] if self._spans else None
        says = speaks(self._ruler.text[run.start : run.end])
        if last and (not says or self._is_rest(run, last)):
            joined = self._ruler.width(last.start, run.end) + width(last.header)
            if joined <= (self._size if says else self._limit):
                last.end = run.end
                return
        if says:
            self._spans.append(run)

    def _is_rest(self, run: Span, last: Span) -> bool:
        small = self._by_sentence and self._ruler.width(run.start, run.end) < self._full // 2
        return small and run.section == last.section and not run.header


def parts(ruler: Ruler, kind: str, start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    """Cut a stretch into its sentences, or its lines where those mean something; the larger ones at spaces."""
    found = sentences(ruler.text, start, end) if kind == "text" else lines(ruler.text, start, end)
    for piece in found:
        yield from ruler.pieces(*piece, size)


def lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the lines of a stretch, newlines included."""
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop + 1
        yield start, stop
        start = stop


def table_head(text: str, start: int, end: int) -> str:
    """Return a table's first line, with the row of dashes below it if there is one."""
    first = text.find("\n", start, end)
    if first < 0:
        return ""
    second = text.find("\n", first + 1, end)
    second = end if second < 0 else second
    if _DELIMITERS.match(text, first + 1, second):
        return text[start:second]
    return text[start:first]
