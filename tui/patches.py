"""Guards against what Textual 8.2.8 does not handle yet: the only place that touches its private names.

Each says which upstream report it answers and when it can go; ``tests/tui/test_patches.py`` holds each.
Guard (ii), the kitty keyboard on iTerm2, has to act before Textual is imported: :mod:`tui.terminal`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from textual import _xterm_parser, events
from textual.binding import Binding
from textual.geometry import Offset
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widget import Widget

SEQUENCE_LIMIT = 512
"""Characters of one escape sequence before it is given up as garbage."""

_ORPHAN = re.compile(r"\[<\d{1,4};-?\d{1,5};-?\d{1,5}[Mm]")
"""A whole mouse report; an orphan when no ESC stands before it."""
_BEGUN = re.compile(r"\[<[\d;-]*")
_REST = re.compile(r"[\d;-]*[Mm]?")


def install() -> None:
    """Put the guards in place. Calling it again changes nothing."""
    _allow_long_commits()
    _drop_broken_mouse_reports()
    _contain_handler_errors()


def _allow_long_commits() -> None:
    """Guard (iii): let an input method commit a phrase at once.

    Under the kitty protocol five Hangul syllables arrive as one sequence of 36 bytes; Textual gives up at 32 and
    types the bytes. https://github.com/Textualize/textual/issues/6562 (the limit is what is left of it).
    Can go when ``_MAX_SEQUENCE_SEARCH_THRESHOLD`` is 256 or more upstream.
    """
    _xterm_parser._MAX_SEQUENCE_SEARCH_THRESHOLD = SEQUENCE_LIMIT


def _drop_broken_mouse_reports() -> None:
    """Guard (iv): a mouse report cut in two by a slow link is not typed into the prompt.

    https://github.com/Textualize/textual/pull/6580 (not merged at 8.2.8). After a time-out the parser hands an
    unfinished sequence back as single keys, and its end follows as more keys; a report that lost its ESC looks
    the same. Can go when merged.
    """
    parser = _xterm_parser.XTermParser
    if getattr(parser, "_study_guarded", False):
        return
    original_feed, original_tick = parser.feed, parser.tick

    def feed(self: Any, data: str) -> Iterable[Message]:
        if getattr(self, "_study_report_cut", False) and data:
            self._study_report_cut = False
            data = data[_REST.match(data).end() :]  # type: ignore[union-attr]
            if not data:
                return ()
        if "[<" in data:
            data = _without_orphans(data, getattr(self, "_study_last", ""))
        self._study_last = data[-1:]
        return original_feed(self, data)

    def tick(self: Any) -> Iterable[Message]:
        messages = list(original_tick(self))
        text = "".join(item.character or "" for item in messages if isinstance(item, events.Key))
        if len(text) > 1 and _BEGUN.fullmatch(text):
            self._study_report_cut = True
            return ()
        return messages

    parser.feed = feed  # type: ignore[method-assign]
    parser.tick = tick  # type: ignore[method-assign]
    parser._study_guarded = True  # type: ignore[attr-defined]


def _without_orphans(data: str, before: str) -> str:
    """Remove mouse reports that have lost their ESC. ``before`` is the character read before ``data``."""

    def keep(match: re.Match[str]) -> str:
        previous = data[match.start() - 1] if match.start() else before
        return match.group() if previous == "\x1b" else ""

    return _ORPHAN.sub(keep, data)


def _contain_handler_errors() -> None:
    """An exception in a message handler is logged and told in a sentence; the widget goes on.

    Upstream ends the widget's message loop and the app, with a traceback on the terminal. No report: it is
    by design there. Can go when Textual offers a hook that decides.
    """
    if getattr(MessagePump, "_study_guarded", False):
        return
    original = MessagePump._dispatch_message

    async def dispatch(self: MessagePump, message: Message) -> None:
        try:
            await original(self, message)
        except Exception as error:
            report = getattr(self.app, "report_unexpected", None)
            if report is None:
                raise
            report(error)

    MessagePump._dispatch_message = dispatch  # type: ignore[method-assign]
    MessagePump._study_guarded = True  # type: ignore[attr-defined]


class GuardedScreen(Screen[Any]):
    """Guard (i): a mouse press on a widget that is just being replaced counts as a miss.

    https://github.com/Textualize/textual/issues/6643 (fix in pull request 6645, open at 8.2.8): a click while
    Markdown updates fails with ``'NoneType' object has no attribute 'region'``. Can go when that is released.

    And the focus moves before the next key is looked at: over a slow line several keys arrive at once, and
    Shift+Tab, Enter must not be given to the part that is being left.
    """

    BINDINGS = [Binding("shift+tab", "app.focus_previous", show=False, priority=True)]

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        """Return the widget under a cell, ``(None, None)`` for one that left the screen meanwhile."""
        try:
            widget, offset = super().get_widget_and_offset_at(x, y)
        except (AttributeError, LookupError):
            return None, None
        if widget is not None and not widget.is_attached:
            return None, None
        return widget, offset
