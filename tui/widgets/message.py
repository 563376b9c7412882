"""Messages of the chat: a question, an answer with its steps, receipt and sources."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget

from core.agent import semconv
from core.events import Citation, Span
from core.i18n import tr
from core.session.rows import Run
from core.text import break_long_lines, clean, clean_line
from tui import format
from tui.glyphs import glyphs
from tui.state import Turn
from tui.widgets.answer_support import counted, lines, marked
from tui.widgets.basics import Plain
from tui.widgets.tool_row import ToolRow, shown_in_chat, tool_name

if TYPE_CHECKING:
    from textual.widgets.markdown import MarkdownStream

    from core.agent.types import Cost

FLUSH_HZ = 15
"""How often streamed text is drawn. Each token on its own would starve the keyboard."""

SHOWN_CHARS = 60_000
"""Characters of one message drawn; the export has all of it."""

_FENCE = re.compile(r"^(`{3,}|~{3,})[^\n]*\n(.*?)^\1[`~]*\s*$", re.MULTILINE | re.DOTALL)


def code_blocks(text: str) -> list[str]:
    """Return the fenced code blocks of a Markdown text."""
    return [match.group(2).rstrip("\n") for match in _FENCE.finditer(text)]


def shown(text: str) -> str:
    """Return what is drawn of a foreign text: cleaned, long lines broken, cut at :data:`SHOWN_CHARS`."""
    text = break_long_lines(clean(text))
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}\n\n{tr('message.cut')}"


class Question(Plain, can_focus=True):
    """What the user asked."""

    def __init__(self, turn: Turn) -> None:
        super().__init__(shown(turn.message.content), classes="item question")
        self.message_id = turn.message.id
        self.seq = turn.message.seq
        self.text = turn.message.content


class Waiting(Plain, can_focus=True):
    """A question that waits, with what it waits for; ``waiting_id`` when it is in the queue on disk."""

    @dataclass
    class TakeBack(Message):
        """Put it back into the input."""

        waiting_id: str

    def __init__(self, text: str, waiting_id: str = "") -> None:
        super().__init__(classes="item waiting")
        self.text = text
        self.waiting_id = waiting_id
        self.can_focus = bool(waiting_id)
        self.set_class(bool(waiting_id), "-queued")

    def because(self, reason: str) -> None:
        """Say what it waits for."""
        mark = glyphs().wait
        self.show(Content.assemble(shown(self.text), "\n", (f"{mark} {reason}", "$warning")))

    def queued(self, place: int, count: int) -> None:
        """Say which place in the queue it has."""
        reason = tr("queue.place", place=place, count=count) if count > 1 else tr("queue.next")
        parts = (f"{glyphs().wait} {reason}", "$warning"), (f"  {tr('queue.take_back')}", "$quiet")
        self.show(Content.assemble((shown(self.text), "$quiet"), "\n", *parts))

    def take_back(self) -> None:
        """Ask for it to be put back."""
        if self.waiting_id:
            self.post_message(self.TakeBack(self.waiting_id))


class Source(Plain, can_focus=True):
    """``[1] handbook.md › Leave``: opens the passage in the documents pane."""

    @dataclass
    class Open(Message):
        """Show where this comes from."""

        citation: Citation

    def __init__(self, citation: Citation) -> None:
        marks = glyphs()
        name = clean_line(citation.document.replace("\\", "/").rsplit("/", 1)[-1])
        section = clean_line(citation.section)
        parts: list[str | tuple[str, str]] = [(f"[{citation.number}] ", "$accent"), name]
        if section:
            parts.append((f" {marks.section} {section}", "$quiet"))
        super().__init__(Content.assemble(*parts), classes="item source")
        self.citation = citation

    def on_click(self) -> None:
        self.post_message(self.Open(self.citation))


def receipt(run: Run, cost: Cost | None = None, width: int = 0, supported: str = "") -> str:
    """Return what an answer took: tokens, speed, time to first token, memory, money; before that how much of it is
    ``supported``.

    A price elsewhere (nobody paid it) is left out where the line, ``width`` cells, has no room for it.
    """
    items = [supported] if supported else []
    items.append(tr("answer.tokens", count=format.count(run.usage.output_tokens)))
    if run.tokens_per_s is not None:
        items.append(f"{format.rate(run.tokens_per_s)} tok/s")
    if run.ttft_ms is not None:
        items.append(f"TTFT {format.duration(run.ttft_ms)}")
    memory = run.memory
    if memory.peak_bytes is not None:
        text = tr("answer.memory", peak=format.size(memory.peak_bytes))
        if memory.before_bytes is not None:
            text += f" ({format.signed_size(memory.peak_bytes - memory.before_bytes)})".replace(" MiB)", ")")
        items.append(text)
    dot = f" {glyphs().dot} "
    money = format.cost(cost)
    line = dot.join([*items, money])
    fits = cell_len(line) <= width or (cost is not None and cost.local_usd is not None)
    return line if money and fits else dot.join(items)


def facts_used(spans: Iterable[Span]) -> list[str]:
    """Return the facts that were recalled into the prompts of a run, each once."""
    found: list[str] = []
    for span in spans:
        if span.kind == "memory":
            value: Any = span.attributes.get(semconv.FACTS_USED)
            for item in value if isinstance(value, list | tuple) else ():
                text = item.get("text", "") if isinstance(item, Mapping) else item
                found.append(clean_line(str(text), max_chars=160))
    return [text for text in dict.fromkeys(found) if text]


class Answer(Vertical):
    """An answer: its steps as rows, its text, then state, receipt and sources."""

    @dataclass
    class Retry(Message):
        """Ask the question of this answer again."""

        run_id: str

    @dataclass
    class Resume(Message):
        """Go on with this answer from its last finished step."""

        run_id: str

    def __init__(self, turn: Turn) -> None:
        # Imported with the first answer: Markdown costs a fifth of the start.
        from tui.widgets.answer_text import AnswerText

        super().__init__(classes="answer")
        self.turn = turn
        self.message_id = turn.message.id
        self.spans: dict[str, Span] = {span.id: span for span in turn.spans}
        self.rows: dict[str, ToolRow] = {}
        self._steps = Vertical(classes="steps")
        self._text = AnswerText("" if self.streaming else self._drawn(turn))
        self._status = Plain(classes="status")
        self._used = Plain(classes="used")
        self._notes = Plain(classes="notes")
        self._receipt = Plain(classes="receipt")
        self._sources = Vertical(classes="sources")
        self._buffer: list[str] = [turn.message.content] if self.streaming else []
        self._received = turn.message.content
        self._stream: MarkdownStream | None = None
        self._timer: Timer | None = None
        self.waits = ""
        """What the run waits for that is not the user, a sentence."""
        self.asking = False
        """Whether the run waits for the user's word."""
        self.cost: Cost | None = None

    @property
    def streaming(self) -> bool:
        """Whether the answer is being written."""
        return self.turn.message.status == "streaming"

    @property
    def resumable(self) -> bool:
        """Whether it ended before it was done, and not by the user's will."""
        return bool(self.turn.message.run_id) and self.turn.message.status in {"interrupted", "failed"}

    @property
    def text(self) -> str:
        """The answer as far as it is there."""
        return self._received if self.streaming else self.turn.message.content

    def compose(self) -> ComposeResult:
        yield self._steps
        yield self._text
        yield self._status
        yield self._used
        yield self._receipt
        yield self._notes
        yield self._sources

    async def on_mount(self) -> None:
        for span in self.spans.values():
            await self._show_span(span)
        if self.streaming:
            self._start_stream()
        else:
            await self._show_sources()
        self._show_status()

    def on_resize(self) -> None:
        self._show_status()

    def on_unmount(self) -> None:
        if self._timer:
            self._timer.stop()

    # -- while it is written -------------------------------------------------------------------------

    def _start_stream(self) -> None:
        self._stream = self._text.get_stream(self._text)
        self._timer = self.set_interval(1 / FLUSH_HZ, self._flush, pause=not self._buffer)

    def feed(self, text: str) -> None:
        """Take more text; it is drawn with the next flush."""
        self._received += text
        self._buffer.append(text)
        if self._timer:
            self._timer.resume()

    async def _flush(self) -> None:
        if self._stream is None or not self._buffer:
            if self._timer:
                self._timer.pause()
            return
        text = break_long_lines("".join(self._buffer))
        self._buffer.clear()
        if len(self._received) <= SHOWN_CHARS:
            await self._stream.write(text)
        self._show_status()

    async def replace(self, text: str) -> None:
        """Show another text instead of what was written so far; more may follow."""
        self._received = text
        self._buffer.clear()
        if self._stream:
            stream, self._stream = self._stream, None
            await stream.stop()
            await self._text.update("")
            self._stream = self._text.get_stream(self._text)
            self._buffer.append(text)
            if self._timer:
                self._timer.resume()
        self._show_status()

    async def put_span(self, span: Span) -> None:
        """Show a step that began or ended."""
        self.spans[span.id] = span
        await self._show_span(span)
        self._show_status()

    async def _show_span(self, span: Span) -> None:
        if span.id in self.rows:
            self.rows[span.id].show(span)
        elif shown_in_chat(span, self.spans):
            row = self.rows[span.id] = ToolRow(span)
            await self._steps.mount(row)

    async def finish(self, turn: Turn) -> None:
        """Show the answer as it is on disk now that it is over."""
        self.turn = turn
        if self._timer:
            self._timer.stop()
            self._timer = None
        self._buffer.clear()
        if self._stream:
            stream, self._stream = self._stream, None
            await stream.stop()
        await self._text.update(self._drawn(turn))
        for span in turn.spans:
            self.spans[span.id] = span
            await self._show_span(span)
        await self._show_sources()
        self._show_status()

    @staticmethod
    def _drawn(turn: Turn) -> str:
        """Return what is drawn of a finished answer, the sentences its documents do not bear out marked."""
        return shown(marked(turn.message.content, turn.message.support))

    # -- state, receipt, sources -----------------------------------------------------------------------

    def _show_status(self) -> None:
        message, marks = self.turn.message, glyphs()
        self._text.display = bool(self.text)
        text: Content | str = ""
        if message.status == "streaming":
            held = self.asking or self.waits
            doing = tr("status.asking") if self.asking else clean_line(self.waits) or self._doing()
            mark = marks.ask if self.asking else marks.wait if held else marks.run
            text = Content.styled(f"{mark} {doing}", "$warning" if held else "$accent")
        elif message.status == "cancelled":
            text = Content.styled(f"{marks.stop} {tr('status.cancelled')}", "$warning")
        elif message.status == "interrupted":
            text = Content.assemble(
                (f"{marks.cut} {tr('status.interrupted')}", "$warning"), (f" {tr('status.resume')}", "$quiet")
            )
        elif message.status == "failed":
            text = Content.assemble(
                (f"{marks.bad} {clean_line(message.error, max_chars=400) or tr('status.failed')}", "$error"),
                (f" {clean_line(message.fix, max_chars=400)}", "$foreground") if message.fix else "",
                (f" {tr('status.resume')}", "$quiet"),
            )
        self._status.display = bool(text)
        self._status.show(text)
        run = self.turn.run
        done = run is not None and message.status != "streaming" and run.usage.output_tokens > 0
        self._receipt.display = done
        if run and done:
            width = self._receipt.content_size.width or self.size.width - 2
            self._receipt.show(receipt(run, self.cost, width, counted(message.support)))
        notes = lines(message.support) if message.status == "complete" else []
        self._notes.display = bool(notes)
        self._notes.show("\n".join(notes))
        used = facts_used(self.spans.values())
        self._used.display = bool(used)
        if used:
            facts = "; ".join(f"“{text}”" for text in used)
            self._used.show(Content.styled(tr("answer.used", facts=facts), "$quiet"))

    def show_waits(self, text: str, *, asking: bool) -> None:
        """Say what the run waits for."""
        if (text, asking) != (self.waits, self.asking):
            self.waits, self.asking = text, asking
            self._show_status()

    def show_cost(self, cost: Cost | None) -> None:
        """Show what the answer took in money."""
        if cost is not self.cost:
            self.cost = cost
            self._show_status()

    def _doing(self) -> str:
        """Say in a few words what is going on: the running step, else that it writes."""
        if self._received:
            return tr("status.writing")
        running = [span for span in self.spans.values() if span.status == "running"]
        for span in reversed(running):
            if span.kind == "tool":
                return tr("status.tool", name=tool_name(span))
            if span.kind == "model":
                return tr("status.reading")
        return tr("status.thinking")

    async def _show_sources(self) -> None:
        await self._sources.remove_children()
        citations = self.turn.message.citations
        self._sources.display = bool(citations)
        if citations:
            await self._sources.mount_all([Source(citation) for citation in citations])


def message_of(widget: Widget | None) -> Question | Answer | None:
    """Return the message a focused item belongs to."""
    for node in widget.ancestors_with_self if widget else ():
        if isinstance(node, (Question, Answer)):
            return node
    return None


class Greeting(Vertical):
    """The empty chat: what was found here and three things to try."""

    @dataclass
    class Try(Message):
        """A suggestion was chosen."""

        text: str

    def compose(self) -> ComposeResult:
        yield Plain(tr("greeting.title"), classes="greeting-title")
        yield Plain(classes="greeting-found")
        yield Plain(tr("greeting.try"), classes="greeting-try")
        for number in (1, 2, 3):
            yield Suggestion(number)

    def show(self, found: str, documents: int) -> None:
        """Say what was found: engine, model, memory. Where there are documents, asking them is worth a try."""
        self.query_one(".greeting-found", Plain).show(found)
        suggestion = list(self.query(Suggestion))[1]
        if documents:
            suggestion.say("/ask ", tr("greeting.ask.why", count=format.count(documents)))
        else:
            suggestion.say(tr("greeting.try.2"), tr("greeting.try.2.why"))


class Suggestion(Plain, can_focus=True):
    """One thing to try; Enter or a click uses it."""

    def __init__(self, number: int) -> None:
        super().__init__(classes="item suggestion")
        self.text = ""
        self.say(tr(f"greeting.try.{number}"), tr(f"greeting.try.{number}.why"))

    def say(self, text: str, why: str) -> None:
        """Suggest this, and say why."""
        self.text = text
        self.show(Content.assemble((f"{glyphs().closed} ", "$accent"), text, (f"  {why}", "$quiet")))

    def use(self) -> None:
        """Take the suggestion."""
        self.post_message(Greeting.Try(self.text))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.use()
