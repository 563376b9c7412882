"""The chat: a bounded window of messages over the store's rows, the search bar and the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
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
from tui.widgets.context_bar import ContextBar
from tui.widgets.message import Answer, Greeting, Question, Waiting, message_of
from tui.widgets.permission import PermissionRow
from tui.widgets.resources import strip
from tui.widgets.transcript import EarlierLine, Transcript

if TYPE_CHECKING:
    from core.agent.types import PermissionRequest


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
        yield ContextBar(self.state)
        yield Plain(id="strip")
        yield ComposerBox(lambda: self.state.questions)

    def on_mount(self) -> None:
        self.transcript.anchor()
        self.show_strip()
        self.show_greeting()

    def on_resize(self) -> None:
        self.context.show()

    def on_descendant_focus(self) -> None:
        self.show_hint()

    def on_descendant_blur(self) -> None:
        self.show_hint()

    def show_hint(self) -> None:
        """Say in the empty input what to press: for the item the cursor is on, else what to write."""
        names = self.transcript.hints(self.screen.focused)
        keymap = getattr(self.app, "keys", {})
        parts = [
            f"{actions.key_labels(actions.BY_ID[name], keymap).split(' ')[0]} {tr(f'action.{name}.short')}"
            for name in names
        ]
        back = f"{actions.key_label('escape')} {tr('composer.back')}"
        self.composer.placeholder = "  ".join([*parts, back]) if parts else tr("composer.placeholder")

    @property
    def transcript(self) -> Transcript:
        """The scrolling part."""
        return self.query_one(Transcript)

    @property
    def context(self) -> ContextBar:
        """The line that says where the context window went."""
        return self.query_one(ContextBar)

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
        await self.show_permissions()
        self.show_costs()
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
        await transcript.query(PermissionRow).remove()
        await self._prune()
        transcript.anchor()
        await self.show_pending()
        await self.show_permissions()

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
        """Show the questions that wait: those in the queue with their place, then those not handed over yet."""
        transcript, queue = self.transcript, self.state.queue
        wanted = [*queue, *(("", item.text) for item in self.state.pending)]
        waiting = list(transcript.query(Waiting))
        if [(row.waiting_id, row.text) for row in waiting] != wanted:
            await transcript.query(Waiting).remove()
            waiting = [Waiting(text, waiting_id) for waiting_id, text in wanted]
            if waiting:
                await transcript.query(Greeting).remove()
                await transcript.messages.mount_all(waiting)
        for place, row in enumerate(waiting[: len(queue)], 1):
            row.queued(place, len(queue))
        for row, item in zip(waiting[len(queue) :], self.state.pending, strict=False):
            row.because(self._reason(item))

    async def show_permissions(self) -> None:
        """Show the first question of the run to the user under its answer; take off one that is answered."""
        transcript, open_ones = self.transcript, self.state.permissions
        rows = list(transcript.query(PermissionRow))
        first = open_ones[0] if open_ones else None
        had_focus = any(row.has_focus for row in rows)
        for row in rows:
            if first is None or row.request.id != first.id:
                await row.remove()
        for answer in self.answers():
            self._show_waits(answer)
        if first is not None:
            row = next((row for row in rows if row.request.id == first.id), None)
            if row is None:
                await self._ask(first, focus=had_focus or self._may_take_focus())
            else:
                row.show(1, len(open_ones))
        elif had_focus:
            self.composer.focus()

    async def _ask(self, request: PermissionRequest, *, focus: bool) -> None:
        transcript = self.transcript
        row = PermissionRow(request, 1, len(self.state.permissions))
        below = next(iter(transcript.query(Waiting)), None)
        await transcript.query(Greeting).remove()
        await transcript.messages.mount(row, before=below)
        transcript.anchor()
        if focus:
            row.focus(scroll_visible=False)

    def _may_take_focus(self) -> bool:
        """Whether nobody is typing: the input has the focus and is empty."""
        return self.screen.is_current and self.composer.has_focus and not self.composer.text

    def show_waits(self, run_id: str) -> None:
        """Say in an answer what its run waits for."""
        for answer in reversed(self.answers()):
            if answer.turn.message.run_id == run_id:
                self._show_waits(answer)
                return

    def _show_waits(self, answer: Answer) -> None:
        run_id = answer.turn.message.run_id or ""
        asking = any(request.run_id == run_id for request in self.state.permissions)
        answer.show_waits(self.state.waits.get(run_id, ""), asking=asking)

    def show_costs(self) -> None:
        """Bring the money in the receipts up to date."""
        for answer in self.answers():
            answer.show_cost(self.state.costs.get(answer.turn.message.run_id or ""))

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
                greeting.show(greeting_text(self.state), len(self.state.documents.shelf.documents))

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
