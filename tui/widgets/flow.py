"""Short pieces of text that flow over lines and are never broken inside: a key stays with what it does."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget


class Flow(Widget):
    """Pieces, as many to a line as fit; as high as it needs. A piece wider than the line is cut."""

    DEFAULT_CSS = "Flow { height: auto; width: 1fr; }"

    def __init__(self, *, id: str, gap: str = "  ") -> None:
        super().__init__(id=id)
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
            moved = not width or len(lines_of(pieces, width, self._gap)) != len(
                lines_of(self._pieces, width, self._gap)
            )
            self._pieces = pieces
            self.refresh(layout=moved)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the lines there are at this width."""
        return len(lines_of(self._pieces, width, self._gap))

    def render(self) -> Content:
        """Draw the lines."""
        return Content("\n").join(lines_of(self._pieces, self.content_size.width, self._gap))


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
