"""Small questions: one line of text, yes or no, one of a list."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input

from core.i18n import tr
from core.text import clean_line
from tui.screens.told import ToldScreen
from tui.widgets.basics import Plain
from tui.widgets.composer import complete_path
from tui.widgets.rows import Row, RowList


class Dialog(ToldScreen, ModalScreen):  # type: ignore[type-arg]
    """A box over the workbench; Escape closes it without an answer."""

    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall")]
    """On a short screen the empty lines go, that the keys at the bottom stay."""

    BINDINGS = [
        Binding("escape", "close", show=False),
        Binding("ctrl+q,ctrl+c", "app.quit", show=False, priority=True),
    ]

    def action_close(self) -> None:
        """Close without an answer."""
        self.dismiss(None)


class Problem(Plain):
    """Says in a dialog what is wrong with what was entered."""

    def __init__(self) -> None:
        super().__init__(classes="dialog-note")

    def on_mount(self) -> None:
        self.display = False

    def say(self, text: str) -> None:
        """Show a sentence; empty: nothing is wrong."""
        self.display = bool(text)
        self.show(Content.styled(text, "$error"))


class Ask(Dialog):
    """One line of text, with path completion when asked for. Gives the text, or ``None``.

    Args:
        check: Says what is wrong with a text, or ``""``: what is wrong is shown, and the text stays to be put right.
    """

    @dataclass
    class Completed(Message):
        """Paths for what is typed."""

        typed: str
        paths: list[str]

    def __init__(
        self,
        title: str,
        *,
        value: str = "",
        note: str = "",
        paths: bool = False,
        select: bool = True,
        check: Callable[[str], str] | None = None,
    ) -> None:
        super().__init__()
        self._check = check
        self._title, self._value, self._note, self._paths = title, value, note, paths
        self._select = select
        """Whether the first letter replaces what is there."""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Plain(self._title, classes="dialog-title")
            yield Input(self._value, compact=True, select_on_focus=self._select)
            yield RowList(classes="dialog-rows")
            yield Problem()
            yield Plain(self._note or tr("dialog.ask.keys"), classes="dialog-note")

    def on_mount(self) -> None:
        self.query_one(RowList).display = False

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self.query_one(Problem).say("")
        if self._paths and event.value:
            self._complete(event.value)

    @work(group="complete", exclusive=True, exit_on_error=False)
    async def _complete(self, typed: str) -> None:
        self.post_message(self.Completed(typed, await asyncio.to_thread(complete_path, typed)))

    def on_ask_completed(self, event: Completed) -> None:
        """Offer the paths found, if they are for what is typed now."""
        if self.query_one(Input).value == event.typed:
            rows = self.query_one(RowList)
            rows.set_rows([Row(path, ((clean_line(path), ""),)) for path in event.paths])
            rows.display = bool(event.paths)

    def on_key(self, event: events.Key) -> None:
        rows = self.query_one(RowList)
        if event.key == "tab" and rows.display and rows.current and self.query_one(Input).has_focus:
            event.stop()
            event.prevent_default()
            self._take(rows.current.id)
        elif event.key in {"up", "down"} and rows.display and self.query_one(Input).has_focus:
            rows.action_cursor(-1 if event.key == "up" else 1)

    @on(RowList.Chosen)
    def _chosen(self, event: RowList.Chosen) -> None:
        self._take(event.row.id)

    def _take(self, path: str) -> None:
        box = self.query_one(Input)
        box.value = path
        box.cursor_position = len(path)
        box.focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        problem = self._check(text) if self._check else ""
        if problem:
            self.query_one(Problem).say(problem)
        else:
            self.dismiss(text or None)


class Confirm(Dialog):
    """Yes or no; no is the default. Gives ``True``, or ``None``."""

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Plain(self._question, classes="dialog-title")
            yield RowList(
                [Row("no", ((tr("dialog.no"), ""),)), Row("yes", ((tr("dialog.yes"), "error"),))],
                classes="dialog-rows",
            )
            yield Plain(tr("dialog.confirm.keys"), classes="dialog-note")

    def on_key(self, event: events.Key) -> None:
        if event.key in {"y", "n"}:
            # Without this the letter goes on to the screen below, where it may mean something.
            event.stop()
            event.prevent_default()
            self.dismiss(True if event.key == "y" else None)

    @on(RowList.Chosen)
    def _chosen(self, event: RowList.Chosen) -> None:
        self.dismiss(True if event.row.id == "yes" else None)


class Pick(Dialog):
    """One of a list, narrowed by typing. Gives the row's id, or ``None``."""

    def __init__(self, title: str, rows: Sequence[Row], *, current: str = "") -> None:
        super().__init__()
        self._title, self._rows, self._current = title, list(rows), current

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide"):
            yield Plain(self._title, classes="dialog-title")
            yield Input(placeholder=tr("dialog.pick.filter"), compact=True)
            yield RowList(self._rows, classes="dialog-rows -many")
            yield Plain(tr("dialog.pick.keys"), classes="dialog-note")

    def on_mount(self) -> None:
        self.query_one(RowList).set_rows(self._rows, select=self._current or None)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        words = event.value.casefold().split()
        found = [row for row in self._rows if all(word in _search_text(row) for word in words)]
        rows = self.query_one(RowList)
        rows.set_rows(found)
        rows.cursor = 0

    def on_key(self, event: events.Key) -> None:
        steps = {"up": -1, "down": 1}
        if event.key in steps and self.query_one(Input).has_focus:
            event.stop()
            self.query_one(RowList).action_cursor(steps[event.key])

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.query_one(RowList).action_choose()

    @on(RowList.Chosen)
    def _chosen(self, event: RowList.Chosen) -> None:
        self.dismiss(event.row.id)


def _search_text(row: Row) -> str:
    shown = "".join(text for text, _ in (*row.left, *row.right))
    return f"{shown} {row.data if isinstance(row.data, str) else ''}".casefold()
