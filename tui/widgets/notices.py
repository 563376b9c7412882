"""What the app tells in passing: sentences on the bottom line of whatever screen is on top, for a few seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from tui.widgets.basics import Plain

Severity = Literal["information", "warning", "error"]

MOST = 3
"""Sentences seen at once; older ones give way."""

SHORT_S = 5.0
ERROR_S = 10.0
"""Seconds a sentence stays, and one that tells an error."""

CELLS_PER_S = 20
"""Cells somebody reads in a second: a long sentence stays longer."""


@dataclass(frozen=True)
class Notice:
    """A sentence and when it has been there long enough (seconds, monotonic)."""

    text: str
    severity: Severity
    until: float


def seconds_for(text: str, severity: Severity) -> float:
    """Return for how many seconds a sentence stays."""
    return max(ERROR_S if severity == "error" else SHORT_S, cell_len(text) / CELLS_PER_S)


class NoticeLines(Vertical):
    """The sentences, each over the whole width, in rows of their own.

    Textual's toasts lie over the panes, and its compositor cuts what is drawn at every border hidden beneath it: a
    syllable of two cells that stands on one is lost. Nothing is beneath these rows.
    """

    class Dismissed(Message):
        """They were clicked: read."""

    def compose(self) -> ComposeResult:
        for _ in range(MOST):
            yield Plain(classes="notice")

    def show(self, notices: Sequence[Notice]) -> None:
        """Show the newest of these."""
        shown = list(notices[-MOST:])
        for place, line in enumerate(self.query(Plain)):
            line.display = place < len(shown)
            if line.display:
                line.show(shown[place].text)
                for severity in ("information", "warning", "error"):
                    line.set_class(shown[place].severity == severity, f"-{severity}")
        self.display = bool(shown)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(self.Dismissed())
