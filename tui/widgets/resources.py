"""The resources pane: what the machine and the engine do now, one line a figure."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
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
    used = run.usage.input_tokens + run.usage.output_tokens if run else None
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


class FigureLine(Widget):
    """One figure: name, small graph, value. Redraws only when its text changed."""

    DEFAULT_CSS = "FigureLine { height: 1; width: 1fr; }"

    def __init__(self, name: str) -> None:
        super().__init__(id=f"figure-{name}")
        self._figure = Figure(name)
        self._history: tuple[float | None, ...] = ()
        self._text = ("", "", "")

    def show(self, figure: Figure, state: State) -> None:
        """Show a figure's new value."""
        self._figure = figure
        self._history = tuple(state.history[figure.graph]) if figure.graph else ()
        if self._layout() != self._text:
            self.refresh()

    def _layout(self) -> tuple[str, str, str]:
        """Return label, graph and value, together as wide as the pane."""
        figure, width = self._figure, self.content_size.width
        label = " " * figure.indent + tr(f"figure.{figure.id}")
        value = format.fit(figure.value, max(0, width - 6))
        label = format.pad(label, max(5, cell_len(label) if not (figure.graph or figure.fraction) else 5))
        room = width - cell_len(label) - cell_len(value) - 2
        middle = ""
        if figure.graph:
            low = None if figure.graph in {"pss", "answer"} else 0.0
            middle = spark(self._history, min(room, RING), low=low, high=figure.high)
        elif figure.fraction is not None:
            middle = bar(figure.fraction, room)
        return label, format.pad(middle, room) if room > 0 else "", value

    def render(self) -> Content:
        """Draw the line."""
        self._text = label, graph, value = self._layout()
        tone = f"${self._figure.tone}" if self._figure.tone else "$foreground"
        return Content.assemble((label, "$quiet"), " ", (graph, "$graph"), " ", (value, tone))


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
        for index, section in enumerate(SECTIONS):
            for name in section:
                line = FigureLine(name)
                line.set_class(index > 0 and name == section[0], "-section")
                yield line

    def on_mount(self) -> None:
        self.show()

    def on_show(self) -> None:
        self.show()

    def show(self) -> None:
        """Bring every line up to date."""
        if self.display and self.children:
            current = figures(self.state)
            for line in self.query(FigureLine):
                line.show(current[line.id.removeprefix("figure-")], self.state)  # type: ignore[union-attr]

    def action_explain(self) -> None:
        """Ask for the definitions."""
        self.post_message(self.Explain())


def strip(state: State) -> str:
    """Return the one line that stands in for the pane on a narrow screen."""
    current = figures(state)
    names = ("cpu", "ram", "pss", "tps")
    labels = {"pss": tr("strip.engine")}
    return "  ".join(f"{labels.get(name, tr(f'figure.{name}'))} {current[name].value}" for name in names)
