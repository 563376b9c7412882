"""An app that tells sentences in passing: on the bottom lines of the screen on top, each for a few seconds."""

from __future__ import annotations

import time

from textual import on
from textual.app import App

from tui.screens.told import ToldScreen
from tui.widgets.notices import Notice, NoticeLines, Severity, seconds_for


class Telling(App[None], inherit_bindings=False):
    """Keeps what is told, and has the screen on top show it."""

    def __init__(self) -> None:
        super().__init__()
        self.notices: list[Notice] = []
        """What is told now, the oldest first."""

    def tell(self, text: str, severity: str = "information") -> None:
        """Show a sentence for a few seconds. Never markup."""
        kind: Severity = (
            "error" if severity == "error" else "warning" if severity == "warning" else "information"
        )
        seconds = seconds_for(text, kind)
        # Told again, it is not told twice.
        self.notices = [notice for notice in self.notices if notice.text != text]
        self.notices.append(Notice(text, kind, time.monotonic() + seconds))
        self.set_timer(seconds, self._drop_notices)
        self._show_notices()

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: Severity = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Tell it: what widgets and Textual have to say goes the same way."""
        self.tell(message, severity)

    def _drop_notices(self) -> None:
        now = time.monotonic()
        self.notices = [notice for notice in self.notices if notice.until > now]
        self._show_notices()

    @on(NoticeLines.Dismissed)
    def _dismiss_notices(self) -> None:
        self.notices = []
        self._show_notices()

    def _show_notices(self) -> None:
        if isinstance(self.screen, ToldScreen):
            self.screen.show_notices()
