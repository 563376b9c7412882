"""Help: the focused part in a few sentences, then every key; and what every number means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
from tui.widgets.flow import Flow

Part = str | tuple[str, str]


class TextScreen(Dialog):
    """A page of text to scroll; F1, q, Enter or Escape closes it."""

    BINDINGS = [
        Binding("q,enter,f1,question_mark", "close", show=False, priority=True),
    ]

    def __init__(self, title: str, content: Content, keys: Sequence[Content] = ()) -> None:
        """``keys``: pieces to stand above the text."""
        super().__init__()
        self._title, self._content, self._keys = title, content, keys

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -page"):
            yield Plain(self._title, classes="dialog-title")
            with VerticalScroll():
                if self._keys:
                    yield Flow(id="page-keys", gap="   ")
                yield Plain(self._content)
            yield Plain(tr("dialog.page.keys"), classes="dialog-note")

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        for line in self.query(Flow):
            line.show(self._keys)


def help_keys(pane: str, keymap: Mapping[str, str]) -> list[Content]:
    """Return the keys of ``pane`` alone, each with what it is called: what most people open the help for."""
    scopes = {"composer", "chat"} if pane == "chat" else {pane}
    here = [action for action in actions.ACTIONS if action.scope in scopes]
    if pane in {"chat", "resources", "documents", "trace"}:
        here += [actions.BY_ID[name] for name in ("zoom", "next_pane")]
    pieces = []
    for action in here:
        labels = actions.key_labels(action, keymap).split(" ")
        # Where a widget handles them itself the keys are a pair, such as left and right; else one will do.
        keys = " ".join(labels[:1] if action.bound else labels)
        if keys:
            pieces.append(Content.assemble((keys, "$accent"), f" {action.title}"))
    return pieces


def help_text(pane: str, keymap: Mapping[str, str]) -> Content:
    """Return the help: about ``pane`` first, then all actions by group with keys, command and meaning; its own first."""
    parts: list[Part] = [(f"{tr(f'pane.{pane}')}\n", "bold $accent"), f"{tr(f'help.{pane}')}\n"]
    own = {action.group for action in actions.ACTIONS if action.scope == pane}
    for group in sorted(actions.GROUPS, key=lambda group: group not in own):
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
