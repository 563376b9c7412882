"""Where the context window of the last model call went, on one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from core.i18n import tr
from tui import format
from tui.glyphs import glyphs
from tui.state import State

if TYPE_CHECKING:
    from core.agent.types import Budget

MIN_HEIGHT = 20
"""Lines of the terminal below which the chat needs this one too."""

PARTS: tuple[tuple[str, str], ...] = (
    ("system", "$secondary"),
    ("tools", "$quiet"),
    ("memory", "$success"),
    ("retrieved", "$graph"),
    ("history", "$quiet"),
    ("question", "$accent"),
    ("reserve", "$line"),
    ("free", "$line"),
)
"""The parts of ``num_ctx`` in the order they are sent, each with its colour."""


def part_mark(part: str) -> str:
    """Return what a part is drawn with: parts differ in shape too where there is no colour."""
    marks = glyphs()
    place = [name for name, _ in PARTS].index(part)
    return marks.parts[place]


def sizes(budget: Budget) -> dict[str, int]:
    """Return every part's tokens; ``free`` is what nothing takes."""
    found = {name: int(getattr(budget, name)) for name, _ in PARTS if name != "free"}
    return {**found, "free": max(0, budget.num_ctx - sum(found.values()))}


def cells(budget: Budget, width: int) -> dict[str, int]:
    """Share ``width`` cells out by tokens: a part that is there gets one at least, ``free`` gives way first."""
    tokens = sizes(budget)
    total = sum(tokens.values()) or 1
    shares = {name: count * width / total for name, count in tokens.items()}
    given = {name: max(1, int(share)) if tokens[name] else 0 for name, share in shares.items()}
    by_rest = sorted(shares, key=lambda name: shares[name] - int(shares[name]), reverse=True)
    for name in by_rest:
        if sum(given.values()) < width and tokens[name]:
            given[name] += 1
    while sum(given.values()) > width:
        largest = max(given, key=lambda name: (given[name] > 1, given[name]))
        given[largest] -= 1
    return given


def bar(budget: Budget, width: int) -> Content:
    """Draw the bar."""
    given, tones = cells(budget, width), dict(PARTS)
    return Content.assemble(
        *((part_mark(name) * count, tones[name]) for name, count in given.items() if count)
    )


def warnings(budget: Budget) -> list[str]:
    """Say what did not fit, in a few words each."""
    found = []
    if budget.cut_by_server:
        found.append(tr("context.cut_by_server"))
    for name in ("dropped", "summarised", "cut_results"):
        if getattr(budget, name):
            found.append(tr(f"context.{name}", count=getattr(budget, name)))
    return found


class ContextBar(Widget):
    """``context ███▓▓▒░░░░  412/2 048 · 3 messages left out``; a click opens the numbers."""

    class Open(Message):
        """Show the numbers, and what was left out."""

    def __init__(self, state: State) -> None:
        super().__init__(id="context")
        self.state = state
        self._budget: Budget | None = None
        self.display = False

    def show(self) -> None:
        """Bring it up to date; it is hidden until a model call was measured."""
        shown = self.state.budget is not None and self.app.size.height >= MIN_HEIGHT
        if self.state.budget is not self._budget or shown != self.display:
            self._budget = self.state.budget
            self.display = shown
            self.refresh()

    def render(self) -> Content:
        """Draw what fits: the figures first, the bar in the rest."""
        budget, width, marks = self._budget, self.content_size.width, glyphs()
        if budget is None:
            return Content("")
        used = format.count(budget.reported if budget.reported is not None else budget.prompt)
        about = "" if budget.counted or budget.reported is not None else marks.about
        numbers = f"{about}{used}/{format.count(budget.num_ctx)}"
        told = f" {marks.dot} ".join(warnings(budget))
        name = tr("context.name")
        right = Content.assemble(
            (numbers, "$quiet"), (f" {marks.dot} {marks.bad} {told}" if told else "", "$warning")
        )
        head = Content.styled(f"{name} ", "$quiet")
        room = width - head.cell_length - right.cell_length - 1
        if room < 8:
            return Content.assemble(head, right).truncate(width, ellipsis=True)
        return Content.assemble(head, bar(budget, min(room, 60)), " ", right)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(self.Open())
