"""The messages of the chat and what the cursor does in them."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events, on
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widget import Widget

from core.i18n import tr
from tui import actions
from tui.widgets.basics import Plain
from tui.widgets.composer import Composer
from tui.widgets.message import Answer, Source, Suggestion, Waiting, message_of
from tui.widgets.permission import PermissionRow
from tui.widgets.tool_row import ToolRow


class Transcript(VerticalScroll, can_focus=False):
    """The messages. Sticks to the end until the user scrolls away."""

    BINDINGS = actions.bindings("chat")

    @dataclass
    class Earlier(Message):
        """Load messages before ``before_seq``."""

        before_seq: int

    @dataclass
    class CopyMessage(Message):
        """Copy a message's text, or the last code block in it."""

        text: str
        code: bool

    @dataclass
    class ShowSpan(Message):
        """Open the trace at a span."""

        run_id: str
        span_id: str | None

    @dataclass
    class ShowTimeline(Message):
        """Open the memory timeline of a run."""

        run_id: str

    @dataclass
    class Explain(Message):
        """Show everything an answer took."""

        message_id: str

    @dataclass
    class FindStep(Message):
        """Go to the next (1) or previous (-1) match."""

        step: int

    class Left(Message):
        """The cursor went past the last item."""

    @property
    def messages(self) -> Vertical:
        """What holds the messages. At least as high as the view: an anchor would push a short chat to the bottom."""
        return self.query_one("#messages", Vertical)

    def hints(self, focused: Widget | None) -> tuple[str, ...]:
        """Return the actions that do something with an item, the likeliest first."""
        if isinstance(focused, Suggestion):
            return ("item_open",)
        if isinstance(focused, Waiting):
            return ("item_take_back",)
        message = message_of(focused)
        if not isinstance(message, Answer):
            return ("copy_item",) if message else ()
        if isinstance(focused, ToolRow | Source):
            return ("item_open", "item_trace", "copy_item")
        resume = ("item_resume",) if message.resumable else ()
        return (*resume, "copy_item", "retry_item", "item_trace", "item_timeline", "item_explain")

    def items(self) -> list[Widget]:
        """Return what the cursor can stand on, top to bottom."""
        return [item for item in self.query(".item") if item.focusable]

    def _step(self, step: int) -> None:
        items = self.items()
        focused = self.screen.focused
        place = items.index(focused) + step if focused in items else (len(items) - 1 if step < 0 else 0)
        if place >= len(items):
            self.post_message(self.Left())
        elif place >= 0:
            items[place].focus()
        else:
            self.scroll_home(animate=False)
            self.load_earlier()

    def action_item_previous(self) -> None:
        """Move to the item above."""
        self._step(-1)

    def action_item_next(self) -> None:
        """Move to the item below."""
        self._step(1)

    def action_item_open(self) -> None:
        """Open the focused step, source or suggestion."""
        focused = self.screen.focused
        if isinstance(focused, ToolRow):
            focused.toggle()
        elif isinstance(focused, Source):
            focused.post_message(Source.Open(focused.citation))
        elif isinstance(focused, Suggestion):
            focused.use()

    def action_item_trace(self) -> None:
        """Open the trace at the focused step or answer."""
        focused = self.screen.focused
        message = message_of(focused)
        if isinstance(message, Answer) and message.turn.run:
            span = focused.span.id if isinstance(focused, ToolRow) else None
            self.post_message(self.ShowSpan(message.turn.run.id, span))

    def action_item_timeline(self) -> None:
        """Open the memory timeline of the focused answer."""
        message = message_of(self.screen.focused)
        if isinstance(message, Answer) and message.turn.message.run_id:
            self.post_message(self.ShowTimeline(message.turn.message.run_id))

    def action_item_explain(self) -> None:
        """Show everything the focused answer took."""
        message = message_of(self.screen.focused)
        if isinstance(message, Answer):
            self.post_message(self.Explain(message.message_id))

    def action_item_take_back(self) -> None:
        """Put the focused waiting question back into the input."""
        if isinstance(self.screen.focused, Waiting):
            self.screen.focused.take_back()

    def _copy(self, *, code: bool) -> None:
        message = message_of(self.screen.focused)
        if message:
            self.post_message(self.CopyMessage(message.text, code))

    def action_copy_item(self) -> None:
        """Copy the focused message."""
        self._copy(code=False)

    def action_copy_item_code(self) -> None:
        """Copy the focused message's last code block."""
        self._copy(code=True)

    def action_retry_item(self) -> None:
        """Ask the focused answer's question again."""
        message = message_of(self.screen.focused)
        if isinstance(message, Answer) and message.turn.message.run_id:
            self.post_message(Answer.Retry(message.turn.message.run_id))

    def action_item_resume(self) -> None:
        """Go on with the focused answer from its last finished step."""
        message = message_of(self.screen.focused)
        if isinstance(message, Answer) and message.resumable:
            self.post_message(Answer.Resume(message.turn.message.run_id or ""))

    def action_find_next(self) -> None:
        """Go to the next match."""
        self.post_message(self.FindStep(1))

    def action_find_previous(self) -> None:
        """Go to the previous match."""
        self.post_message(self.FindStep(-1))

    def load_earlier(self) -> None:
        """Ask for earlier messages, when there are any."""
        earlier = self.query(EarlierLine)
        if earlier:
            self.post_message(self.Earlier(earlier.first().before_seq))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        if self.scroll_offset.y == 0:
            self.load_earlier()

    @on(PermissionRow.Typed)
    def _typed(self, event: PermissionRow.Typed) -> None:
        """A letter that is no answer belongs to the input."""
        event.stop()
        composer = self.screen.query_one(Composer)
        composer.focus()
        composer.insert(event.text)


class EarlierLine(Plain):
    """Stands for the messages before the window."""

    def __init__(self, before_seq: int) -> None:
        super().__init__(tr("chat.earlier"), classes="earlier")
        self.before_seq = before_seq

    def on_click(self) -> None:
        self.post_message(Transcript.Earlier(self.before_seq))
