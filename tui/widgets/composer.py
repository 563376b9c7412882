"""The input: several lines, history at its edges, slash commands and paths completed as they are typed."""

from __future__ import annotations

import asyncio
import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len
from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import TextArea

from core.i18n import tr
from core.text import clean, clean_line
from tui import actions, format
from tui.widgets.rows import Row, RowList

SEND_DELAY = 0.05
"""Seconds between Enter and sending: an input method may commit its last syllable after the key."""

MAX_LINES = 8
MAX_PATHS = 40


class Composer(TextArea):
    """The text being written. Enter sends what is there a moment later, never what was there at the key."""

    BINDINGS = actions.bindings("composer")

    @dataclass
    class Sent(Message):
        """The user sent this."""

        text: str

    @dataclass
    class Typed(Message):
        """The text changed."""

        text: str

    def __init__(self, history: Callable[[], list[str]]) -> None:
        super().__init__(
            id="composer",
            soft_wrap=True,
            show_line_numbers=False,
            tab_behavior="focus",
            compact=True,
            highlight_cursor_line=False,
            placeholder=tr("composer.placeholder"),
        )
        # A blinking caret would redraw twice a second for ever.
        self.cursor_blink = False
        self._history = history
        self._place: int | None = None
        self._draft = ""

    # -- sending -------------------------------------------------------------------------------------

    def action_send(self) -> None:
        """Send after a moment, or take the completion that is marked."""
        # Enter is looked at by the app; what was typed or pasted before it may still wait here.
        self.call_later(self._send_or_complete)

    def _send_or_complete(self) -> None:
        if not self._take_completion(whole=True):
            self.set_timer(SEND_DELAY, self._send_live_text)

    def _send_live_text(self) -> None:
        text = self.text.strip()
        if text:
            self.post_message(self.Sent(text))
            self._place = None
            self.text = ""

    def put_back(self, text: str) -> None:
        """Take a question back, before what is being written."""
        self.text = f"{text}\n{self.text}" if self.text else text
        self.move_cursor(self.document.end)
        self.focus()

    def action_newline(self) -> None:
        """Start a new line."""
        self.insert("\n")

    async def _on_paste(self, event: events.Paste) -> None:
        event.text = clean(event.text)
        await super()._on_paste(event)
        event.prevent_default()

    # -- history and completion ------------------------------------------------------------------------

    @property
    def _completion(self) -> Completion | None:
        return self.screen.query_one_optional(Completion)

    def _take_completion(self, *, whole: bool = False) -> bool:
        """Put the marked completion in. With ``whole``, not when what is typed is complete already."""
        completion = self._completion
        row = completion.current if completion and completion.display else None
        # The list may still be for what was typed a moment ago: pasted text and its Enter arrive together.
        if (
            row is None
            or not str(row.data).startswith(self.text)
            or (whole and (self.text.strip() == str(row.data).strip() or row.id.startswith("path:")))
        ):
            return False
        self.text = str(row.data)
        self.move_cursor(self.document.end)
        if whole and not self.text.endswith(" "):
            # A command that takes nothing is done with its name.
            self.set_timer(SEND_DELAY, self._send_live_text)
        return True

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "tab" and self._take_completion():
            event.stop()
            event.prevent_default()
            return
        await super()._on_key(event)

    def action_cursor_up(self, select: bool = False) -> None:
        """Move up; on the first line go back in history."""
        completion = self._completion
        if completion and completion.display:
            completion.action_cursor(-1)
        elif not select and self.get_cursor_up_location()[0] == self.cursor_location[0] and self._on_edge(-1):
            self._recall(-1)
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        """Move down; on the last line go forward in history."""
        completion = self._completion
        if completion and completion.display:
            completion.action_cursor(1)
        elif not select and self._place is not None and self._on_edge(1):
            self._recall(1)
        else:
            super().action_cursor_down(select)

    def _on_edge(self, direction: int) -> bool:
        line = self.wrapped_document.location_to_offset(self.cursor_location).y
        return line == 0 if direction < 0 else line >= self.wrapped_document.height - 1

    def _recall(self, step: int) -> None:
        questions = self._history()
        if not questions:
            return
        place = len(questions) if self._place is None else self._place
        if self._place is None:
            self._draft = self.text
        place += step
        if place < 0:
            return
        if place >= len(questions):
            self._place = None
            self.text = self._draft
        else:
            self._place = place
            self.text = questions[place]
        self.move_cursor(self.document.end if step > 0 else (0, len(self.document.get_line(0))))

    @on(TextArea.Changed)
    def _changed(self) -> None:
        self._fit()
        self.post_message(self.Typed(self.text))

    def _on_resize(self) -> None:
        super()._on_resize()
        self._fit()

    def _fit(self) -> None:
        self.styles.height = max(1, min(MAX_LINES, self.wrapped_document.height))


class Completion(RowList, can_focus=False):
    """What the slash command or path being typed could become."""

    def __init__(self) -> None:
        super().__init__(id="completion")
        self.display = False


class ComposerBox(Vertical):
    """The input with its completions above."""

    def __init__(self, history: Callable[[], list[str]]) -> None:
        super().__init__(id="composer-box")
        self._history = history

    def compose(self) -> ComposeResult:
        yield Completion()
        yield Composer(self._history)

    def on_composer_typed(self, event: Composer.Typed) -> None:
        """Offer what could follow."""
        text = event.text
        completion = self.query_one(Completion)
        if not text.startswith("/") or "\n" in text:
            completion.display = False
            return
        name, space, argument = text[1:].partition(" ")
        action = actions.BY_COMMAND.get(name)
        if space and action and action.argument == "path":
            self._complete_path(f"/{name} ", argument)
            return
        rows = [] if space else [_command_row(item) for item in actions.commands(name)]
        self._offer(rows)

    def _offer(self, rows: list[Row]) -> None:
        completion = self.query_one(Completion)
        completion.set_rows(rows, select=rows[0].id if rows else None)
        completion.display = bool(rows)

    @work(group="complete", exclusive=True, exit_on_error=False)
    async def _complete_path(self, before: str, typed: str) -> None:
        paths = await asyncio.to_thread(complete_path, typed)
        self.post_message(PathsFound(before, typed, paths))

    def on_paths_found(self, event: PathsFound) -> None:
        """Offer the paths, if the text is still the one they complete."""
        if self.query_one(Composer).text == event.before + event.typed:
            self._offer(
                [
                    Row(f"path:{path}", ((clean_line(path), ""),), data=event.before + path)
                    for path in event.paths
                ]
            )

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        """A click on a completion takes it."""
        event.stop()
        composer = self.query_one(Composer)
        composer.text = str(event.row.data)
        composer.move_cursor(composer.document.end)


@dataclass
class PathsFound(Message):
    """Paths that complete what is typed."""

    before: str
    typed: str
    paths: list[str]


def _command_row(action: actions.Action) -> Row:
    argument = f" {tr(f'argument.{action.argument}')}" if action.argument else ""
    name = f"/{action.command}"
    return Row(
        action.command,
        ((name, "accent"), (format.pad(argument, max(1, 18 - cell_len(name))), "quiet"), (action.title, "")),
        data=f"/{action.command}" + (" " if action.argument else ""),
    )


def complete_path(typed: str) -> list[str]:
    """Return paths beginning with ``typed``, folders with a slash at the end. Blocking.

    Hidden ones only when their dot is typed. An unreadable folder completes to nothing. Hangul is found however the
    file system spells it (whole syllables, or letters as macOS writes them).
    """
    if typed == "~":
        return ["~/"]
    head, _, beginning = typed.rpartition("/")
    shown = f"{head}/" if "/" in typed else ""
    folder = Path(shown or ".").expanduser()
    wanted = unicodedata.normalize("NFC", beginning)
    found: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if unicodedata.normalize("NFC", entry.name).startswith(wanted) and (
                    beginning.startswith(".") or not entry.name.startswith(".")
                ):
                    found.append(f"{shown}{entry.name}{'/' if entry.is_dir() else ''}")
    except OSError:
        return []
    return sorted(found)[:MAX_PATHS]
