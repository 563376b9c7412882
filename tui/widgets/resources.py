"""The resources pane: what the machine and the engine do now, one line a figure."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.widget import Widget

from core.i18n import tr
from tui import actions, format
from tui.state import State
from tui.widgets.sparkline import RING, bar, spark


@dataclass(frozen=True)
class Figure:
    """One line of the pane. Its name and definition are the messages ``figure.<id>`` and ``figure.<id>.help``."""

    id: str
    value: str = ""
    graph: str = ""
    """History as a name in :attr:`State.history`, or ``""``."""
    high: float | None = None
    fraction: float | None = None
    """Draws a filled bar instead of a history."""
    tone: str = ""
    indent: int = 0


SECTIONS: tuple[tuple[str, ...], ...] = (
    ("cpu", "ram", "swap"),
    ("engine", "pss", "anon", "file", "engine_cpu"),
    ("context", "slots", "queue"),
    ("tps", "ttft"),
    ("answer", "peak"),
    ("container", "gpu"),
)
"""Every figure by its place in the pane; ``?`` explains them in the same order."""


def figures(state: State) -> dict[str, Figure]:
    """Return what every line says now."""
    sample, status, run = state.sample, state.status, state.last_run
    engine = tr(f"engine.state.{status.state}") if status else tr("engine.state.starting")
    tone = "error" if status and status.state == "down" else "warning" if not state.ready else ""
    pss = None
    if sample:
        pss = sample.engine_pss_bytes if sample.engine_pss_bytes is not None else sample.engine_rss_bytes
    num_ctx = (status and status.context_length) or state.settings.num_ctx
    used = (run.usage.input_tokens + run.usage.output_tokens if run else 0) or None
    slots = format.none()
    if status and status.slots is not None:
        slots = f"{status.slots_busy or 0}/{status.slots}"
    live_rate = sample.tokens_per_s if sample and state.generating else None
    rate = live_rate if live_rate is not None else (run.tokens_per_s if run else None)
    memory = state.answer_memory
    peak = memory.peak_bytes
    if peak is None:
        peak = max((v for v in state.history["answer"] if v is not None), default=None)
    lines = [
        Figure("cpu", format.percent(sample and sample.cpu_percent), "cpu", 100),
        Figure(
            "ram",
            format.of_total(sample and sample.memory_used_bytes, sample and sample.memory_total_bytes),
            "ram",
            100,
        ),
        Figure("swap", format.size(sample.swap_used_bytes if sample else None)),
        Figure("engine", engine, tone=tone),
        Figure("pss", format.size(pss), "pss"),
        Figure("anon", format.size(sample.engine_anon_bytes if sample else None), indent=1),
        Figure("file", format.size(sample.engine_file_bytes if sample else None), indent=1),
        Figure("engine_cpu", format.percent(sample and sample.engine_cpu_percent), indent=1),
        Figure(
            "context",
            f"{format.count(used)}/{num_ctx}" if used is not None else f"{format.none()}/{num_ctx}",
            fraction=(used / num_ctx if used is not None and num_ctx else None),
        ),
        Figure("slots", slots),
        Figure("queue", format.count(status.queue) if status else format.none()),
        Figure("tps", format.rate(rate), "tps"),
        Figure("ttft", format.duration(run.ttft_ms if run else None)),
        Figure("answer", "", "answer"),
        Figure("peak", format.size(peak), indent=1),
        Figure("container"),
        Figure("gpu"),
    ]
    return {
        line.id: line if line.value or line.graph else Figure(line.id, format.none(), tone="quiet")
        for line in lines
    }


class Figures(Widget):
    """All figures, a line each: name, small graph, value. One widget, so that a line that changed is one line drawn."""

    DEFAULT_CSS = "Figures { height: auto; width: 1fr; }"

    def __init__(self, state: State) -> None:
        super().__init__(id="figures")
        self.state = state
        # A blank line between two sections.
        self.names = [name for section in SECTIONS for name in (*section, "")][:-1]
        self._lines: dict[int, Content] = {}
        self._drawn_width = 0

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A line for each figure and between sections."""
        return len(self.names)

    def show(self) -> list[str]:
        """Draw the lines whose text changed. Returns their names."""
        current, width = figures(self.state), self.content_size.width
        if width != self._drawn_width:
            self.refresh()
            return []
        changed = []
        for y, name in enumerate(self.names):
            if name and not self._line(current[name], width).is_same(self._lines.get(y, Content(""))):
                self.refresh(Region(0, y, self.size.width, 1))
                changed.append(name)
        return changed

    def _line(self, figure: Figure, width: int) -> Content:
        """Write label, graph and value, together as wide as the pane."""
        label = " " * figure.indent + tr(f"figure.{figure.id}")
        value = format.fit(figure.value, max(0, width - 6))
        drawn = figure.graph or figure.fraction is not None
        label = format.pad(label, 6 if drawn else max(6, cell_len(label)))
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
        current, width = figures(self.state), self.content_size.width
        self._drawn_width = width
        lines = [self._line(current[name], width) if name else Content("") for name in self.names]
        self._lines = dict(enumerate(lines))
        return Content("\n").join(lines)


class ResourcesPane(VerticalScroll, can_focus=True):
    """The pane. :meth:`show` is called on every sample; nothing is drawn while it is hidden."""

    BINDINGS = actions.bindings("resources")

    class Explain(Message):
        """The user wants the numbers explained."""

    def __init__(self, state: State) -> None:
        super().__init__(id="resources", classes="pane")
        self.state = state
        self.border_title = tr("pane.resources")

    def compose(self) -> ComposeResult:
        yield Figures(self.state)

    def on_mount(self) -> None:
        self.show()

    def on_show(self) -> None:
        self.show()

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
