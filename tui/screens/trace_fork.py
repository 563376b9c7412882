"""The question, or a tool's result, edited before a conversation goes on from there in a session of its own."""

from __future__ import annotations

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Input, TextArea

from core.i18n import tr
from tui.screens.dialogs import Dialog
from tui.widgets.basics import Plain


@dataclass(frozen=True)
class Forked:
    """What the user wrote."""

    text: str
    model: str


class ForkDialog(Dialog):
    """A text to edit and a model. Gives :class:`Forked`, or ``None``."""

    BINDINGS = [
        Binding("ctrl+s", "fork", show=False, priority=True),
        Binding("tab", "app.focus_next", show=False, priority=True),
    ]

    def __init__(self, title: str, text: str, model: str) -> None:
        super().__init__()
        self._title, self._text, self._model = title, text, model

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide"):
            yield Plain(self._title, classes="dialog-title")
            yield TextArea(self._text, id="fork-text", classes="fork-text", compact=True)
            yield Plain(tr("trace.fork.model"), classes="fork-label")
            yield Input(self._model, id="fork-model", compact=True)
            yield Plain(tr("trace.fork.keys"), classes="dialog-note")

    def on_mount(self) -> None:
        area = self.query_one(TextArea)
        area.focus()
        area.move_cursor(area.document.end)

    def action_fork(self) -> None:
        """Fork with what is written: keys that came before this one may still be on their way into the field."""
        (self.focused or self).call_later(self._give)

    def _give(self) -> None:
        self.dismiss(Forked(self.query_one(TextArea).text.strip(), self.query_one(Input).value.strip()))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_fork()
