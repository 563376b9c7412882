"""The resources pane: what the machine and the engine do now, one line a figure, in columns where there is room."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

from core.i18n import tr
from tui import actions, format
from tui.figures import SECTIONS, WIDE, Figure, figures
from tui.state import State
from tui.widgets.sparkline import RING, bar, spark

WIDE_FROM = 56
"""Columns from which the pane shows every figure, with the finer sources read."""

COLUMN = 46
"""Least width of a column of the wide pane."""

GAP = 3

Column = tuple[str, ...]
"""Figures from top to bottom; ``""`` leaves a line blank, ``#name`` is a section's title."""


def arrangement(width: int) -> list[Column]:
    """Return the columns of figures that fit into ``width`` cells."""
    if width < WIDE_FROM:
        return [tuple(name for section in SECTIONS for name in (*section, ""))[:-1]]
    sections = [(f"#{title}", *names, "") for title, names in WIDE.items()]
    count = max(1, min(3, (width + GAP) // (COLUMN + GAP)))
    columns: list[list[str]] = [[] for _ in range(count)]
    order = {1: (0, 0, 0, 0, 0), 2: (0, 1, 1, 0, 0), 3: (0, 1, 2, 1, 2)}[count]
    for place, section in zip(order, sections, strict=True):
        columns[place] += section
    return [tuple(column[:-1]) for column in columns]


class Figures(Widget):
    """All figures, a line each: name, small graph, value. One widget, so that a line that changed is one line drawn."""

    DEFAULT_CSS = "Figures { height: auto; width: 1fr; }"

    def __init__(self, state: State) -> None:
        super().__init__(id="figures")
        self.state = state
        self._lines: dict[int, Content] = {}
        self._drawn_width = 0

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A line for each figure, title and gap of the longest column."""
        return max(len(column) for column in arrangement(width))

    def show(self) -> list[int]:
        """Draw the lines whose text changed. Returns their numbers."""
        width = self.content_size.width
        if width != self._drawn_width:
            self.refresh()
            return []
        changed = []
        for y, line in enumerate(self._drawn(width)):
            if not line.is_same(self._lines.get(y, Content(""))):
                self._lines[y] = line
                self.refresh(Region(0, y, self.size.width, 1))
                changed.append(y)
        return changed

    def render_line(self, y: int) -> Strip:
        """Draw one line: Textual's way over :meth:`render` would draw all of them for each that changed."""
        width = self.content_size.width
        if width != self._drawn_width:
            self.render()
        line = self._lines.get(y, Content(""))
        strips = Visual.to_strips(self, line, width, 1, self.visual_style)
        return strips[0] if strips else Strip.blank(width)

    def _drawn(self, width: int) -> list[Content]:
        columns, current = arrangement(width), figures(self.state)
        cell = (width - GAP * (len(columns) - 1)) // len(columns)
        lines = []
        for y in range(max(len(column) for column in columns)):
            parts: list[Content | str] = []
            for column in columns:
                name = column[y] if y < len(column) else ""
                parts += [self._line(current, name, cell), " " * GAP]
            lines.append(Content.assemble(*parts[:-1]))
        return lines

    def _line(self, current: dict[str, Figure], name: str, width: int) -> Content:
        if not name:
            return Content(" " * width)
        if name.startswith("#"):
            return Content.styled(format.pad(tr(f"figures.{name[1:]}"), width), "bold $accent")
        return self._figure(current[name], width)

    def _figure(self, figure: Figure, width: int) -> Content:
        """Write label, graph and value, together as wide as the column."""
        label = " " * figure.indent + (figure.label or tr(f"figure.{figure.id.split('.')[0]}"))
        value = format.fit(figure.value, max(0, width - 6))
        drawn = figure.graph or figure.fraction is not None
        least = 6 if width < WIDE_FROM and width < COLUMN else 16
        wanted = least if drawn else max(least, cell_len(label))
        label = format.pad(label, max(0, min(wanted, width - cell_len(value) - 2)))
        room = max(0, width - cell_len(label) - cell_len(value) - 2)
        middle = ""
        if figure.graph:
            low = None if figure.graph in {"pss", "answer"} else 0.0
            history = self.state.history[figure.graph]
            middle = spark(history, min(room, RING), low=low, high=figure.high)
        elif figure.fraction is not None:
            middle = bar(figure.fraction, room)
        tone = f"${figure.tone}" if figure.tone else "$foreground"
        return Content.assemble(
            (label, "$quiet"), " ", (format.pad(middle, room), "$graph"), " ", (value, tone)
        )

    def render(self) -> Content:
        """Draw every line."""
        self._drawn_width = self.content_size.width
        lines = self._drawn(self._drawn_width)
        self._lines = dict(enumerate(lines))
        return Content("\n").join(lines)


class ResourcesPane(VerticalScroll, can_focus=True):
    """The pane. :meth:`show` is called on every sample; nothing is drawn while it is hidden."""

    BINDINGS = actions.bindings("resources")

    class Explain(Message):
        """The user wants the numbers explained."""

    @dataclass
    class Detailed(Message):
        """Whether the finer figures are shown changed."""

        wanted: bool

    def __init__(self, state: State) -> None:
        super().__init__(id="resources", classes="pane")
        self.state = state
        self.border_title = tr("pane.resources")
        self._detailed = False

    def compose(self) -> ComposeResult:
        yield Figures(self.state)

    def on_mount(self) -> None:
        self.show()

    def on_show(self) -> None:
        self._tell()
        self.show()

    def on_hide(self) -> None:
        self._tell()

    def on_resize(self, event: events.Resize) -> None:
        self._tell()

    def _tell(self) -> None:
        wanted = bool(self.display) and self.content_size.width >= WIDE_FROM
        if wanted != self._detailed:
            self._detailed = wanted
            self.post_message(self.Detailed(wanted))

    def show(self) -> None:
        """Bring every line up to date."""
        if self.display and self.children:
            self.query_one(Figures).show()

    def action_explain(self) -> None:
        """Ask for the definitions."""
        self.post_message(self.Explain())


def strip(state: State) -> str:
    """Return the one line that stands in for the pane on a narrow screen."""
    current = figures(state)
    names = ("cpu", "ram", "pss", "tps")
    labels = {"pss": tr("strip.engine")}
    return "  ".join(f"{labels.get(name, tr(f'figure.{name}'))} {current[name].value}" for name in names)
