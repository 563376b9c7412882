"""Help: the focused part in a few sentences, then every key; and what every number means."""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content

from core.i18n import tr
from tui import actions, format
from tui.figures import defined, figures
from tui.screens.dialogs import Dialog
from tui.state import State
from tui.widgets.basics import Plain

Part = str | tuple[str, str]


class TextScreen(Dialog):
    """A page of text to scroll; F1, q, Enter or Escape closes it."""

    BINDINGS = [
        Binding("q,enter,f1,question_mark", "close", show=False, priority=True),
    ]

    def __init__(self, title: str, content: Content) -> None:
        super().__init__()
        self._title, self._content = title, content

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -page"):
            yield Plain(self._title, classes="dialog-title")
            with VerticalScroll():
                yield Plain(self._content)
            yield Plain(tr("dialog.page.keys"), classes="dialog-note")

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()


def help_text(pane: str, keymap: Mapping[str, str]) -> Content:
    """Return the help: about ``pane`` first, then all actions by group with keys, command and meaning."""
    parts: list[Part] = [(f"{tr(f'pane.{pane}')}\n", "bold $accent"), f"{tr(f'help.{pane}')}\n"]
    for group in actions.GROUPS:
        parts.append((f"\n{tr(f'group.{group}')}\n", "bold $accent"))
        for action in actions.ACTIONS:
            if action.group == group:
                parts += _action_lines(action, keymap)
    parts += ["\n", (f"{tr('help.terminal.title')}\n", "bold $accent"), f"{tr('help.terminal')}\n"]
    return Content.assemble(*parts)


def _action_lines(action: actions.Action, keymap: Mapping[str, str]) -> list[Part]:
    keys = actions.key_labels(action, keymap)
    command = f"/{action.command}" if action.command else ""
    how = "  ".join(part for part in (keys, command) if part)
    return [
        (f"  {format.pad(how, 30) if cell_len(how) <= 30 else how + '  '}", "$accent"),
        (f"{action.title}", "bold"),
        (f"  {action.id}\n", "$quiet"),
        f"    {action.help}\n",
    ]


def numbers_text(state: State) -> Content:
    """Return every number of the resources pane with its present value, definition and unit."""
    current = figures(state)
    parts: list[Part] = []
    for section in defined():
        for name in section:
            value = (current.get(name) or current[f"{name}.0"]).value or format.none()
            parts += [
                (tr(f"figure.{name}"), "bold $accent"),
                f"  {value}\n",
                f"  {tr(f'figure.{name}.help')}\n",
            ]
        parts.append("\n")
    return Content.assemble(*parts)
