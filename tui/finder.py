"""Finding in the session: which messages match, and which of them is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.session.rows import Message
from tui import workers
from tui.widgets.chat import FindBar

if TYPE_CHECKING:
    from tui.study import StudyApp


class Finder:
    """The matches of the text in the search bar, oldest first; the newest is shown first."""

    def __init__(self, app: StudyApp) -> None:
        self._app = app
        self._matches: list[Message] = []
        self._place = 0

    def open(self, text: str = "") -> None:
        """Show the search bar, with a text when one is given."""
        bench = self._app.bench
        bench.focus_pane("chat")
        bar = bench.query_one(FindBar)
        bar.display = True
        bar.begin(text)

    def search(self, text: str) -> None:
        """Search the session for a text."""
        if text and self._app.state.session:
            workers.start(self._app, workers.find(self._app, self._app.state.session_id, text), "find")
        else:
            self.show([])

    def show(self, matches: list[Message]) -> None:
        """Take the matches; mark the newest."""
        self._matches, self._place = matches, len(matches) - 1
        self._mark()

    def step(self, step: int) -> None:
        """Go to the match ``step`` further down; past the last comes the first."""
        if self._matches:
            self._place = (self._place + step) % len(self._matches)
            self._mark()

    def _mark(self) -> None:
        app = self._app
        app.bench.query_one(FindBar).show_count(self._place + 1, len(self._matches))
        match = self._matches[self._place] if self._matches else None
        on_screen = app.bench.chat.mark_match(match.id if match else None)
        if match and not on_screen:
            workers.start(app, workers.load_around(app, app.state.session_id, match), "earlier")
