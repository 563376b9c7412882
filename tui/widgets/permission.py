"""A tool's question to the user, as a row of the conversation: what, with which arguments, what leaves the machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message

from core.i18n import tr
from core.text import clean, clean_line
from tui import actions
from tui.glyphs import glyphs
from tui.widgets.basics import Choices, Plain

if TYPE_CHECKING:
    from core.agent.types import Answer, PermissionRequest

GUARD_S = 0.6
"""Seconds after it appeared in which letters still go to the input: whoever is typing did not mean the question."""

VALUE_CHARS = 600
"""Characters of one argument shown; the trace has all of it."""

JAMO = {"ㅛ": "once", "ㅁ": "always", "ㅜ": "deny"}
"""What y, a and n give while a Korean input method is on."""


class PermissionRow(Vertical, can_focus=True):
    """One question. Takes y, a and n while it has the focus; any other letter goes on to the input."""

    BINDINGS = actions.bindings("permission")
    CHOICES: ClassVar[dict[str, Answer]] = {
        "permission_once": "once",
        "permission_always": "always",
        "permission_deny": "deny",
    }

    @dataclass
    class Answered(Message):
        """The user's word."""

        request: PermissionRequest
        answer: Answer

    @dataclass
    class Typed(Message):
        """A letter that is no answer."""

        text: str

    def __init__(
        self,
        request: PermissionRequest,
        place: int,
        count: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(classes="item permission")
        self.request = request
        self._place, self._count = place, count
        self._clock = clock
        self._shown_at = clock()
        self._sent = False
        self._typing = False
        """A letter was passed on: the next ones are the same word's, even before the focus has moved."""

    def compose(self) -> ComposeResult:
        yield Plain(classes="permission-text")
        yield Choices(id="permission-keys", gap=3)
        yield Plain(tr("permission.reach"), classes="permission-reach")

    def on_mount(self) -> None:
        self.show(self._place, self._count)
        self._show_way(here=self.has_focus)
        labels = {name: actions.BY_ID[name] for name in self.CHOICES}
        keys = getattr(self.app, "keys", {})
        self.query_one(Choices).show(
            [
                (name, actions.key_labels(action, keys), tr(f"action.{name}"))
                for name, action in labels.items()
            ]
        )

    def show(self, place: int, count: int) -> None:
        """Show the question, the ``place``-th of ``count`` that wait."""
        marks, request = glyphs(), self.request
        head = tr("permission.asks", tool=clean_line(request.tool, max_chars=60))
        parts: list[str | tuple[str, str]] = [(f"{marks.ask} {head}", "bold $warning")]
        if count > 1:
            parts.append((f"  {tr('permission.place', place=place, count=count)}", "$quiet"))
        for name, value in request.arguments.items():
            text = clean(str(value), max_chars=VALUE_CHARS).strip()
            parts += [(f"\n{clean_line(str(name), max_chars=40)}  ", "$quiet"), text]
        leaves = clean_line(request.leaves, max_chars=VALUE_CHARS) or tr("permission.nothing")
        parts.append((f"\n{marks.arrow} {leaves}", "$foreground"))
        self.query_one(".permission-text", Plain).show(Content.assemble(*parts))

    def _show_way(self, here: bool) -> None:
        # Letters go to the input while it has the focus: say how to get here.
        self.query_one(".permission-reach").display = not here

    def on_focus(self) -> None:
        self._typing = False
        self._show_way(here=True)

    def on_blur(self) -> None:
        self._show_way(here=False)

    # -- answering -------------------------------------------------------------------------------------

    def _answer(self, answer: Answer) -> None:
        if not self._sent:
            self._sent = True
            self.add_class("-sent")
            self.post_message(self.Answered(self.request, answer))

    def again(self) -> None:
        """Take an answer again: the last one could not be handed over."""
        self._sent = False
        self.remove_class("-sent")

    def action_permission_once(self) -> None:
        """Allow it this time."""
        self._answer("once")

    def action_permission_always(self) -> None:
        """Allow it from now on."""
        self._answer("always")

    def action_permission_deny(self) -> None:
        """Do not allow it."""
        self._answer("deny")

    @on(Choices.Clicked, "#permission-keys")
    def _clicked(self, event: Choices.Clicked) -> None:
        event.stop()
        self._answer(self.CHOICES[event.name])

    def on_key(self, event: events.Key) -> None:
        if not event.is_printable or not event.character:
            return
        early = self._typing or self._clock() - self._shown_at < GUARD_S
        if not early and event.character in JAMO:
            event.stop()
            event.prevent_default()
            self._answer(JAMO[event.character])  # type: ignore[arg-type]
        elif early or event.key not in self._bindings.key_to_bindings:
            event.stop()
            event.prevent_default()
            self._typing = True
            self.post_message(self.Typed(event.character))
