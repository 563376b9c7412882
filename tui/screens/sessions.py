"""The list of sessions: continue, rename, export, delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from core.i18n import tr
from core.session.rows import Session
from core.text import clean_line
from tui import actions
from tui.glyphs import glyphs
from tui.screens.dialogs import Ask, Confirm, Dialog
from tui.widgets.basics import Plain
from tui.widgets.rows import Row, RowList


class SessionsScreen(Dialog):
    """Gives the id of the session to continue, or ``None``."""

    BINDINGS = actions.bindings("sessions")

    @dataclass
    class Change(Message):
        """Rename (``title``), delete or export a session. The app answers with :meth:`set_sessions`."""

        kind: str
        session: Session
        title: str = ""

    def __init__(self, sessions: list[Session], current: str, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._sessions, self._current, self._now = sessions, current, now

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide"):
            yield Plain(tr("sessions.title"), classes="dialog-title")
            yield Input(placeholder=tr("dialog.pick.filter"), compact=True)
            yield RowList(classes="dialog-rows -many")
            yield Plain(tr("sessions.keys"), classes="dialog-note")

    def on_mount(self) -> None:
        self._show(self._current)
        self.query_one(RowList).focus()

    def set_sessions(self, sessions: list[Session]) -> None:
        """Show the list as it is now."""
        self._sessions = sessions
        self._show()

    def _show(self, select: str | None = None) -> None:
        words = self.query_one(Input).value.casefold().split()
        rows = [self._row(session) for session in self._sessions]
        rows = [row for row in rows if all(word in row.left[1][0].casefold() for word in words)]
        if not rows:
            said = tr("sessions.none" if self._sessions else "sessions.none.yet")
            rows = [Row("", ((said, "quiet"), ("", "")), selectable=False)]
        self.query_one(RowList).set_rows(rows, select=select)

    def _row(self, session: Session) -> Row:
        mark = ("* ", "accent") if session.id == self._current else ("  ", "")
        title = clean_line(session.title) or tr("session.untitled")
        if session.forked_from:
            title = f"{glyphs().fork} {title}"
        when = datetime.fromtimestamp(session.updated_at)
        same_day = when.date() == self._now().date()
        right = (
            (f"{clean_line(session.model)}  ", "quiet"),
            (tr("sessions.messages", count=session.message_count), "quiet"),
            (f"  {when:%H:%M}     " if same_day else f"  {when:%Y-%m-%d}", "quiet"),
        )
        return Row(session.id, (mark, (title, "")), right, data=session)

    @on(Input.Changed)
    def _typed(self) -> None:
        self._show()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.query_one(RowList).focus()

    @on(RowList.Chosen)
    def _chosen(self, event: RowList.Chosen) -> None:
        self.dismiss(event.row.id)

    def _selected(self) -> Session | None:
        row = self.query_one(RowList).current
        return row.data if row and isinstance(row.data, Session) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters are typed, not obeyed, while the filter has the focus."""
        return not (action.startswith("session_") and isinstance(self.focused, Input))

    def action_session_rename(self) -> None:
        """Ask for another title."""
        session = self._selected()
        if session is None:
            return

        def renamed(title: str | None) -> None:
            if title:
                self.post_message(self.Change("rename", session, title))

        self.app.push_screen(Ask(tr("sessions.rename"), value=session.title), renamed)

    def action_session_delete(self) -> None:
        """Delete after asking."""
        session = self._selected()
        if session is None:
            return

        def confirmed(yes: bool | None) -> None:
            if yes:
                self.post_message(self.Change("delete", session))

        title = clean_line(session.title) or tr("session.untitled")
        self.app.push_screen(
            Confirm(tr("sessions.delete", title=title, count=session.message_count)), confirmed
        )

    def action_session_export(self) -> None:
        """Export to files."""
        session = self._selected()
        if session:
            self.post_message(self.Change("export", session))
