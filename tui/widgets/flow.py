"""Short pieces of text that flow over lines and are never broken inside: a key stays with what it does."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

LEAST = 8
"""Cells the tail needs to be shown at all."""


class Flow(Widget):
    """Pieces, as many to a line as fit; as high as it needs. A piece wider than the line is cut."""

    DEFAULT_CSS = "Flow { height: auto; width: 1fr; }"

    def __init__(self, *, id: str, gap: str = "  ", tail: bool = False) -> None:
        """``tail``: the last piece never begins a line, it is cut to the room that is left."""
        super().__init__(id=id)
        self._tail = tail
        self._pieces: list[Content] = []
        self._gap = gap

    def show(self, pieces: Sequence[Content]) -> None:
        """Show other pieces; an empty one begins a new line. Nothing happens when they are shown already."""
        pieces = list(pieces)
        same = len(pieces) == len(self._pieces) and all(
            new.is_same(old) for new, old in zip(pieces, self._pieces, strict=True)
        )
        if not same:
            width = self.content_size.width
            moved = not width or len(self._lines(pieces, width)) != len(self._lines(self._pieces, width))
            self._pieces = pieces
            self.refresh(layout=moved)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the lines there are at this width."""
        return len(self._lines(self._pieces, width))

    def render(self) -> Content:
        """Draw the lines."""
        return Content("\n").join(self._lines(self._pieces, self.content_size.width))

    def _lines(self, pieces: Sequence[Content], width: int) -> list[Content]:
        if not self._tail or len(pieces) < 2:
            return lines_of(pieces, width, self._gap)
        *lines, last = lines_of(pieces[:-1], width, self._gap) or [Content("")]
        room = width - last.cell_length - len(self._gap)
        if room >= LEAST:
            last = Content.assemble(last, self._gap, pieces[-1].truncate(room, ellipsis=True))
        return [*lines, last]


def lines_of(pieces: Sequence[Content], width: int, gap: str) -> list[Content]:
    """Return the lines some pieces make at a width."""
    lines: list[Content] = []
    line = Content("")
    for piece in pieces:
        if not piece.plain:
            if line.plain:
                lines.append(line)
            line = Content("")
            continue
        if line.plain and line.cell_length + len(gap) + piece.cell_length > width:
            lines.append(line)
            line = Content("")
        if piece.cell_length > width > 0:
            piece = piece.truncate(width, ellipsis=True)
        line = Content.assemble(line, gap, piece) if line.plain else piece
    return [*lines, line] if line.plain else lines
