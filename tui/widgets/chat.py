"""The chat: a bounded window of messages over the store's rows, the search bar and the input."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from core.events import Span
from core.i18n import tr
from tui import actions, format
from tui.glyphs import glyphs
from tui.state import WINDOW, Pending, State, Turn
from tui.widgets.basics import Plain
from tui.widgets.composer import Composer, ComposerBox
from tui.widgets.message import (
    Answer,
    Greeting,
    Question,
    Source,
    Suggestion,
    Waiting,
    message_of,
)
from tui.widgets.resources import strip
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
    class FindStep(Message):
        """Go to the next (1) or previous (-1) match."""

        step: int

    class Left(Message):
        """The cursor went past the last item."""

    @property
    def messages(self) -> Vertical:
        """What holds the messages. At least as high as the view: an anchor would push a short chat to the bottom."""
        return self.query_one("#messages", Vertical)

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


class EarlierLine(Plain):
    """Stands for the messages before the window."""

    def __init__(self, before_seq: int) -> None:
        super().__init__(tr("chat.earlier"), classes="earlier")
        self.before_seq = before_seq

    def on_click(self) -> None:
        self.post_message(Transcript.Earlier(self.before_seq))


class FindBar(Horizontal):
    """Search within the session: text, and which match of how many."""

    @dataclass
    class Changed(Message):
        """Search for this."""

        text: str

    def on_mount(self) -> None:
        self.display = False

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(Transcript.FindStep(1))

    def on_key(self, event: events.Key) -> None:
        if event.key in {"up", "down"}:
            event.stop()
            self.post_message(Transcript.FindStep(-1 if event.key == "up" else 1))

    def begin(self, text: str) -> None:
        """Put the cursor in; with a text, search it."""
        if not self.children:
            label = Plain(tr("find.label"), classes="find-label")
            self.mount(label, Input(id="find-input", compact=True), Plain(id="find-count"))
        box = self.query_one(Input)
        box.focus()
        if text:
            box.value = text
        else:
            box.action_end()

    def show_count(self, place: int, count: int) -> None:
        """Say which match is shown."""
        if not self.children:
            return
        self.query_one("#find-count", Plain).show(
            tr("find.count", place=place, count=count) if count else tr("find.none")
        )


class ChatPane(Vertical):
    """Messages above, the input below."""

    def __init__(self, state: State) -> None:
        super().__init__(id="chat", classes="pane")
        self.state = state
        self.border_title = tr("pane.chat")

    def compose(self) -> ComposeResult:
        with Transcript(id="transcript"), Vertical(id="messages"):
            yield Greeting()
        yield FindBar(id="find")
        yield Plain(id="strip")
        yield ComposerBox(lambda: self.state.questions)

    def on_mount(self) -> None:
        self.transcript.anchor()
        self.show_strip()
        self.show_greeting()

    @property
    def transcript(self) -> Transcript:
        """The scrolling part."""
        return self.query_one(Transcript)

    @property
    def composer(self) -> Composer:
        """The input."""
        return self.query_one(Composer)

    def answers(self) -> list[Answer]:
        """Return the answers shown, oldest first."""
        return list(self.query(Answer))

    def answer(self, message_id: str) -> Answer | None:
        """Return an answer shown, by its message's id."""
        return next((answer for answer in self.query(Answer) if answer.message_id == message_id), None)

    # -- the transcript --------------------------------------------------------------------------------

    async def show_turns(self, turns: list[Turn], *, more: bool) -> None:
        """Show a session's window of messages in place of what is there."""
        transcript = self.transcript
        with self.app.batch_update():
            await transcript.messages.remove_children()
            widgets = [_widget(turn) for turn in turns]
            if more:
                widgets.insert(0, EarlierLine(turns[0].message.seq))
            if not turns:
                widgets = [Greeting()]
            await transcript.messages.mount_all(widgets)
            for live in self.state.live.values():
                self._catch_up(live.message_id, live.text)
        transcript.anchor()
        await self.show_pending()
        self.show_greeting()

    def _catch_up(self, message_id: str, text: str) -> None:
        """Give an answer being written what arrived before it was shown and is not on disk yet."""
        answer = self.answer(message_id)
        if answer and answer.streaming and len(text) > len(answer.text):
            answer.feed(text[len(answer.text) :])

    async def prepend(self, turns: list[Turn], *, more: bool) -> None:
        """Show earlier messages above, the place on screen kept."""
        transcript = self.transcript
        await transcript.query(EarlierLine).remove()
        first = next(iter(transcript.messages.children), None)
        widgets = [_widget(turn) for turn in turns]
        if more and turns:
            widgets.insert(0, EarlierLine(turns[0].message.seq))
        transcript.release_anchor()
        await transcript.messages.mount_all(widgets, before=first)
        if first is not None:
            self.call_after_refresh(transcript.scroll_to_widget, first, animate=False, top=True)

    async def begin(self, turns: list[Turn]) -> None:
        """Show a question that was accepted, and its answer to come."""
        transcript = self.transcript
        await transcript.query(Greeting).remove()
        await transcript.query(Waiting).remove()
        shown = {question.message_id for question in transcript.query(Question)}
        widgets = [_widget(turn) for turn in turns if turn.message.id not in shown]
        if any(turn.message.id in shown for turn in turns) and self.answers():
            # A retry: the unfinished answer was replaced on disk too.
            last = self.answers()[-1]
            if last.turn.message.status != "complete":
                await last.remove()
        await transcript.messages.mount_all(widgets)
        await self._prune()
        transcript.anchor()
        await self.show_pending()

    async def _prune(self) -> None:
        """Take messages beyond the window off the screen; they stay in the store."""
        transcript = self.transcript
        messages = [child for child in transcript.messages.children if isinstance(child, (Question, Answer))]
        extra = messages[: max(0, len(messages) - 2 * WINDOW)]
        if extra:
            await transcript.query(EarlierLine).remove()
            for child in extra:
                await child.remove()
            kept = messages[len(extra)]
            seq = kept.turn.message.seq if isinstance(kept, Answer) else kept.seq
            await transcript.messages.mount(EarlierLine(seq), before=kept)

    def feed(self, message_id: str, text: str) -> None:
        """Add streamed text to an answer."""
        answer = self.answer(message_id)
        if answer:
            answer.feed(text)

    async def put_span(self, run_id: str, span: Span) -> None:
        """Show a step that began or ended in its answer."""
        for answer in reversed(self.answers()):
            if answer.turn.message.run_id == run_id:
                await answer.put_span(span)
                return

    async def end(self, turn: Turn) -> None:
        """Show an answer that is over."""
        answer = self.answer(turn.message.id)
        if answer:
            await answer.finish(turn)

    # -- waiting questions, greeting, strip ---------------------------------------------------------------

    async def show_pending(self) -> None:
        """Show the questions that wait, each with its reason."""
        transcript = self.transcript
        waiting = list(transcript.query(Waiting))
        if [row.text for row in waiting] != [item.text for item in self.state.pending]:
            await transcript.query(Waiting).remove()
            waiting = [Waiting(item.text) for item in self.state.pending]
            if waiting:
                await transcript.query(Greeting).remove()
                await transcript.messages.mount_all(waiting)
        for row, item in zip(waiting, self.state.pending, strict=True):
            row.because(self._reason(item))

    def _reason(self, item: Pending) -> str:
        status = self.state.status
        if self.state.generating or not item.sent:
            return tr("waiting.turn") if self.state.session else tr("waiting.session")
        if status and status.state == "down":
            return status.detail or tr("engine.state.down")
        if not self.state.ready:
            detail = status.detail if status else ""
            return detail or tr("waiting.engine")
        return tr("waiting.accepted")

    def show_greeting(self) -> None:
        """Bring the greeting up to date with what was found."""
        for greeting in self.query(Greeting):
            if greeting.children:
                greeting.show(greeting_text(self.state))

    def show_strip(self) -> None:
        """Bring the narrow screen's line of figures up to date."""
        line = self.query_one("#strip", Plain)
        if line.display:
            line.show(Content.styled(strip(self.state), "$quiet"))

    # -- finding -------------------------------------------------------------------------------------------

    def mark_match(self, message_id: str | None) -> bool:
        """Mark the message that matches and bring it into view. False when it is not on screen."""
        found = False
        for item in self.query(".item"):
            message = message_of(item)
            hit = (
                message is not None
                and message.message_id == message_id
                and (item.has_class("question") or item.has_class("answer-text"))
            )
            item.set_class(hit, "-match")
            if hit:
                found = True
                self.transcript.release_anchor()
                self.transcript.scroll_to_widget(item, animate=False)
                if not isinstance(self.screen.focused, Input):
                    item.focus(scroll_visible=False)
        return found


def greeting_text(state: State) -> Content:
    """Say what was found on this machine: engine, model, memory."""
    status, sample = state.status, state.sample
    parts: list[str | tuple[str, str]] = []
    if status is None or not state.ready:
        reason = status.detail if status and status.detail else tr("waiting.engine")
        mark = glyphs().bad if status and status.state == "down" else glyphs().wait
        parts.append((f"{mark} {reason}", "$error" if status and status.state == "down" else "$warning"))
    else:
        route = tr(f"greeting.route.{status.route}") if status.route else ""
        kind = tr(f"engine.kind.{status.kind}")
        parts.append(tr("greeting.engine", kind=kind, version=status.version, model=status.model))
        parts.append((f"  {route}", "$quiet"))
    if sample and sample.memory_total_bytes:
        memory = tr(
            "greeting.memory",
            available=format.size(sample.memory_available_bytes),
            total=format.size(sample.memory_total_bytes),
        )
        parts.append(f"\n{memory}")
    return Content.assemble(*parts)


def _widget(turn: Turn) -> Widget:
    return Question(turn) if turn.message.role == "user" else Answer(turn)
