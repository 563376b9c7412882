"""The reader: a whole document as its chunks in order. Only what is in sight is wrapped and drawn.

A chunk that was not in sight yet has a guessed height, so that a document of 20,000 chunks opens at once; when it
comes into sight it is wrapped, and what the reader looks at stays where it is.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from core.events import Hit
from core.i18n import tr
from core.text import break_long_lines, clean, clean_line
from tui import format
from tui.documents_query import mark_pattern
from tui.glyphs import glyphs

if TYPE_CHECKING:
    from core.rag import ChunkView

GUTTER = 2
KEPT = 300
"""Wrapped chunks kept."""
_PIECE = re.compile(r"\S+[^\S\n]*|[^\S\n]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One drawn line: a part of a chunk's text, the marked stretches in it, and whether it is in the best passage."""

    text: str
    marks: tuple[tuple[int, int], ...] = ()
    best: bool = False


class Reader(ScrollView, can_focus=True):
    """Chunks with thin boundaries. The place is the chunk at the top, or the one that was gone to."""

    BINDINGS = [
        Binding("up,k", "by(-1)", show=False),
        Binding("down,j", "by(1)", show=False),
        Binding("pageup", "by_page(-1)", show=False),
        Binding("pagedown,space", "by_page(1)", show=False),
        Binding("home", "edge(-1)", show=False),
        Binding("end", "edge(1)", show=False),
    ]
    COMPONENT_CLASSES = {"reader--rule", "reader--place", "reader--mark", "reader--best", "reader--quiet"}

    @dataclass
    class Moved(Message):
        """Another chunk is the one being read."""

        place: int

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.chunks: Sequence[ChunkView] = ()
        self.place = 0
        self.document_id = ""
        self._hits: Mapping[str, Hit] = {}
        self._spans: list[tuple[int, int, int]] = []
        """Best passages inside the document: start, end, number."""
        self._pattern: re.Pattern[str] | None = None
        self._terms: tuple[str, ...] = ()
        self._heights: list[int] = []
        self._exact = bytearray()
        self._starts: list[int] = [0]
        self._wrapped: OrderedDict[int, list[Line]] = OrderedDict()
        self._width = 0
        self._settling = False
        self._wanted: int | None = None

    # -- what is read --------------------------------------------------------------------------------

    def show(
        self,
        document_id: str,
        chunks: Sequence[ChunkView],
        place: int = 0,
        *,
        terms: tuple[str, ...] = (),
        hits: Sequence[Hit] = (),
    ) -> None:
        """Read a document from a chunk on.

        Args:
            document_id: Of the document.
            chunks: All of it, in order.
            place: The chunk to go to.
            terms: Beginnings of words to mark.
            hits: What a search found in this document: their best chunks get a bar at the side.
        """
        same = document_id == self.document_id and chunks is self.chunks
        self.document_id, self.chunks = document_id, chunks
        self._terms, self._pattern = terms, mark_pattern(terms)
        self._hits = {hit.chunk_id: hit for hit in hits}
        self._spans = [
            (hit.hit_start, hit.hit_end, n) for n, hit in enumerate(hits) if hit.hit_end > hit.hit_start
        ]
        self._wrapped.clear()
        if not same:
            self._width = 0
        self.place = min(place, max(0, len(chunks) - 1))
        self._measure()
        self.go(self.place)
        self.refresh()

    def hit(self, place: int) -> Hit | None:
        """Return what a search found at a chunk."""
        return self._hits.get(self.chunks[place].chunk_id) if 0 <= place < len(self.chunks) else None

    @property
    def chunk(self) -> ChunkView | None:
        """The chunk being read."""
        return self.chunks[self.place] if self.place < len(self.chunks) else None

    def go(self, place: int) -> None:
        """Bring a chunk to the top."""
        if not self.chunks:
            return
        place = max(0, min(len(self.chunks) - 1, place))
        if not self._width:
            self._wanted = place  # Not laid out yet.
            self.place = place
            return
        moved = place != self.place
        self.place = place
        self._settling = True
        try:
            self._fill(place)
            self._to(self._starts[place])
        finally:
            self._settling = False
        self._settle()
        self.refresh()
        if moved:
            self.post_message(self.Moved(place))

    def next_hit(self, step: int) -> bool:
        """Go to the next chunk (or the one before) that was found or has a marked word. False when there is none."""
        count = len(self.chunks)
        for distance in range(1, count + 1):
            place = (self.place + step * distance) % count
            chunk = self.chunks[place]
            if chunk.chunk_id in self._hits or (self._pattern and self._pattern.search(chunk.text)):
                self.go(place)
                return True
        return False

    # Never animated: heights on the way are only guesses, and each would be made exact.
    def action_by(self, lines: int) -> None:
        """Scroll by lines."""
        self._to(round(self.scroll_y) + lines)

    def action_by_page(self, pages: int) -> None:
        """Scroll by screenfuls, a line of the last one left."""
        self._to(round(self.scroll_y) + pages * max(1, self.size.height - 1))

    def action_edge(self, direction: int) -> None:
        """Go to the beginning or the end."""
        self._to(0 if direction < 0 else self._starts[-1])
        if direction > 0:
            # What came into sight may be higher than was guessed.
            self._to(self._starts[-1])

    # -- measuring -----------------------------------------------------------------------------------

    def on_resize(self) -> None:
        self._measure()

    def _measure(self) -> None:
        """Guess every height at this width; what is in sight is made exact."""
        width = self.scrollable_content_region.width - GUTTER
        if width <= 0 or not self.chunks:
            self.virtual_size = Size(1, 0)
            return
        if width == self._width and len(self._heights) == len(self.chunks):
            self._settle()
            return
        place = self._wanted if self._wanted is not None else self.place
        self._wanted = None
        self._width = width
        self._wrapped.clear()
        # Half of a Korean text's characters are two cells wide, of an English one none: a guess is enough.
        self._heights = [2 + len(chunk.text) * 3 // (2 * width) for chunk in self.chunks]
        self._exact = bytearray(len(self.chunks))
        self._sum()
        self.go(place)

    def _sum(self) -> None:
        self._starts = [0, *itertools.accumulate(self._heights)]
        size = Size(max(1, self.scrollable_content_region.width), self._starts[-1])
        if size != self.virtual_size:
            self.virtual_size = size

    def _to(self, y: int) -> None:
        self.scroll_to(y=y, animate=False, force=True, immediate=True)

    def _fill(self, place: int, above: int = 0) -> bool:
        """Wrap from a chunk on until the screen is full. True when a height was not as guessed.

        Args:
            above: Lines of the first chunk that are out of sight.
        """
        changed, room = False, self.size.height + above + 1
        while place < len(self.chunks) and room > 0:
            if not self._exact[place]:
                height = 1 + len(self._lines(place))
                self._exact[place] = 1
                if height != self._heights[place]:
                    self._heights[place] = height
                    changed = True
            room -= self._heights[place]
            place += 1
        if changed:
            self._sum()
        return changed

    def _at(self, y: int) -> int:
        return max(0, min(len(self.chunks) - 1, bisect.bisect_right(self._starts, y) - 1))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if not self._settling:
            self._settle()
            self._follow()

    def _settle(self) -> None:
        """Make exact what is in sight; the first chunk that was exact already stays where it is."""
        if not self._width or not self.chunks or self._settling:
            return
        self._settling = True
        try:
            for _ in range(6):
                top = round(self.scroll_y)
                first = self._at(top)
                last = self._at(top + self.size.height - 1)
                anchor = next((i for i in range(first, last + 1) if self._exact[i]), first)
                offset = self._starts[anchor] - top
                if not self._fill(first, top - self._starts[first]):
                    break
                self._to(self._starts[anchor] - offset)
        finally:
            self._settling = False

    def _follow(self) -> None:
        """The chunk being read is in sight: when it no longer is, it is the one at the top."""
        if not self.chunks or not self._width:
            return
        top = round(self.scroll_y)
        start, end = self._starts[self.place], self._starts[self.place + 1]
        at_end = top >= self.max_scroll_y
        if (
            end <= top
            or start >= top + self.size.height
            or (not at_end and start > top and self._at(top) != self.place)
        ):
            place = self._at(top)
            if place != self.place:
                self.place = place
                self.refresh()
                self.post_message(self.Moved(place))

    # -- drawing -------------------------------------------------------------------------------------

    def _lines(self, place: int) -> list[Line]:
        known = self._wrapped.get(place)
        if known is not None:
            self._wrapped.move_to_end(place)
            return known
        lines = self._wrap(self.chunks[place])
        self._wrapped[place] = lines
        if len(self._wrapped) > KEPT:
            self._wrapped.popitem(last=False)
        return lines

    def _wrap(self, chunk: ChunkView) -> list[Line]:
        raw = break_long_lines(clean(chunk.text)).rstrip("\n")
        best = self._best(chunk, raw)
        text = raw.replace("\t", "    ")
        found = [match.span() for match in self._pattern.finditer(text)] if self._pattern else []
        lines, index = [], 0
        for start, end in wrap(text, self._width):
            marks = []
            while index < len(found) and found[index][1] <= start:
                index += 1
            for a, b in itertools.takewhile(lambda span, end=end: span[0] < end, found[index:]):
                marks.append((max(a, start) - start, min(b, end) - start))
            inside = any(a < max(end, start + 1) and start < b for a, b in best)
            lines.append(Line(text[start:end], tuple(marks), inside))
        return lines

    def _best(self, chunk: ChunkView, raw: str) -> list[tuple[int, int]]:
        """Return the stretches of a chunk's drawn text that lie in a best passage."""
        hit = self._hits.get(chunk.chunk_id)
        # A table's header may stand before the chunk's own text.
        shift = max(0, len(chunk.text) - (chunk.char_end - chunk.char_start)) if chunk.char_end else 0
        spans = []
        for start, end, _ in self._spans:
            a, b = max(start, chunk.char_start), min(end, chunk.char_end)
            if a < b:
                spans.append((a - chunk.char_start + shift, b - chunk.char_start + shift))
        if hit and not spans and hit.hit_end <= hit.hit_start:
            spans = [(0, len(raw))]
        tabs = raw.count
        return [(a + 3 * tabs("\t", 0, a), b + 3 * tabs("\t", 0, b)) for a, b in spans]

    def render_line(self, y: int) -> Strip:
        """Draw one line: a chunk's boundary or a line of its text."""
        width = self.scrollable_content_region.width
        base = self.rich_style
        line = y + round(self.scroll_offset.y)
        if not self.chunks or not self._width or line >= self._starts[-1]:
            return Strip.blank(width, base)
        place = self._at(line)
        index = line - self._starts[place]
        if index == 0:
            return self._boundary(place, width, base)
        lines = self._lines(place)
        if index > len(lines):
            return Strip.blank(width, base)
        return self._text_line(lines[index - 1], width, base)

    def _boundary(self, place: int, width: int, base: Style) -> Strip:
        marks, chunk = glyphs(), self.chunks[place]
        here = place == self.place
        dot = f" {marks.dot} "
        parts = [
            str(place + 1),
            clean_line(chunk.section, max_chars=200),
            tr("documents.page", page=chunk.page)
            if chunk.page is not None and not chunk.section.startswith("p. ")
            else "",
            tr("documents.line", line=chunk.line) if getattr(chunk, "line", 0) else "",
        ]
        title = dot.join(part for part in parts if part)
        if cell_len(title) > width - 12:
            # No room for the whole path: the last heading says most.
            parts[1] = parts[1].rpartition(" › ")[2]
            title = dot.join(part for part in parts if part)
        if cell_len(title) > width - 12:
            title = dot.join(part for part in parts[:2] if part)
        hit = self._hits.get(chunk.chunk_id)
        score = f" {hit.score:.2f} " if hit else ""
        rule = marks.plot_axis
        title = format.fit(title, width - 6 - cell_len(score))
        fill = width - 4 - cell_len(title) - cell_len(score) - 1
        style = base + self.get_component_rich_style(f"reader--{'place' if here else 'quiet'}", partial=True)
        line = base + self.get_component_rich_style("reader--rule", partial=True)
        segments = [
            Segment(rule * 2 + " ", line),
            Segment(title, style),
            Segment(" " + rule * max(0, fill), line),
            Segment(score, base + self.get_component_rich_style("reader--best", partial=True)),
            Segment(rule, line),
        ]
        return Strip(segments).adjust_cell_length(width, base)

    def _text_line(self, line: Line, width: int, base: Style) -> Strip:
        gutter = glyphs().prompt if line.best else " "
        segments = [Segment(f"{gutter} ", base + self.get_component_rich_style("reader--best", partial=True))]
        mark = base + self.get_component_rich_style("reader--mark", partial=True)
        place = 0
        for start, end in line.marks:
            segments += [Segment(line.text[place:start], base), Segment(line.text[start:end], mark)]
            place = end
        segments.append(Segment(line.text[place:], base))
        return Strip([one for one in segments if one.text]).adjust_cell_length(width, base)


def wrap(text: str, width: int) -> list[tuple[int, int]]:
    """Return where each drawn line of a text starts and ends: broken at spaces, inside a word only when it must be."""
    spans: list[tuple[int, int]] = []
    place = 0
    for line in text.split("\n"):
        end = place + len(line)
        if len(line) * 2 <= width or cell_len(line) <= width:
            spans.append((place, end))
        else:
            spans += [(place + a, place + b) for a, b in _wrap_line(line, width)]
        place = end + 1
    return spans


def _wrap_line(line: str, width: int) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    start, used = 0, 0
    for match in _PIECE.finditer(line):
        piece, at = match.group(), match.start()
        wide = cell_len(piece.rstrip())
        if used and used + wide > width:
            spans.append((start, at))
            start, used = at, 0
        if wide > width:
            for offset, char in enumerate(piece.rstrip(), at):
                size = cell_len(char)
                if used + size > width:
                    spans.append((start, offset))
                    start, used = offset, 0
                used += size
            used += len(piece) - len(piece.rstrip())
        else:
            used += cell_len(piece)
    spans.append((start, len(line)))
    return spans
