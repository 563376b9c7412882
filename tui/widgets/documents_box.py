"""The documents pane's search box."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.widgets import Input

from tui.pasted_paths import looks_like_paths


class SearchBox(Input):
    """The search box; files dropped on the terminal while it has the focus are not typed into it."""

    @dataclass
    class Dropped(Message):
        """Paths were pasted or dropped."""

        text: str

    def _on_paste(self, event: events.Paste) -> None:
        if looks_like_paths(event.text):
            event.stop()
            event.prevent_default()
            self.post_message(self.Dropped(event.text))
