"""Recording a run: spans and streamed text go to disk first, then to whoever watches."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from typing import Any

from core.agent import semconv
from core.errors import StudyError
from core.events import (
    Event,
    RunStarted,
    Span,
    SpanEnded,
    SpanKind,
    SpanStarted,
    SpanStatus,
    TextReplaced,
    TokenDelta,
)
from core.session import Store, chat
from core.telemetry import energy
from core.text import clean

SHOW_EVERY_S = 0.04
"""Streamed text is handed on at most this often: a terminal shows no more, and each event costs."""

SAVE_EVERY_S = 0.2
"""Streamed text is on disk at most this much later than on screen."""

_parent: ContextVar[str | None] = ContextVar("span_parent", default=None)


class Recorder:
    """Writes one run's spans and answer text as they happen."""

    def __init__(self, store: Store, emit: Callable[[Event], None], run: RunStarted) -> None:
        self.store = store
        self.run = run
        self._emit = emit
        self._raw = ""
        self._text: list[str] = []
        self._unsaved: list[str] = []
        self._unshown: list[str] = []
        self._show_timer: asyncio.TimerHandle | None = None
        self._save_timer: asyncio.TimerHandle | None = None
        self._shown_at = 0.0

    @contextlib.asynccontextmanager
    async def span(
        self, name: str, kind: SpanKind, attributes: dict[str, Any]
    ) -> AsyncIterator[dict[str, Any]]:
        """Record a step. What the body adds to the yielded attributes is stored when it ends."""
        attributes = dict(attributes)
        span = Span(
            chat.new_id(),
            self.run.run_id,
            _parent.get(),
            name,
            kind,
            "running",
            time.time(),
            None,
            dict(attributes),
        )
        began = time.perf_counter()
        counters = energy.read() if kind == "model" else {}
        await self._put(span)
        self._emit(SpanStarted(self.run.session_id, span))
        token = _parent.set(span.id)
        status: SpanStatus = "ok"
        try:
            yield attributes
        except asyncio.CancelledError:
            status = "cancelled"
            raise
        except BaseException as error:
            status = "error"
            attributes[semconv.ERROR_TYPE] = (
                error.key if isinstance(error, StudyError) else type(error).__name__
            )
            attributes[semconv.ERROR_MESSAGE] = clean(str(error), max_chars=2000)
            raise
        finally:
            _parent.reset(token)
            joules = energy.joules_since(counters) if counters else None
            if joules is not None:
                attributes[semconv.ENERGY_J] = joules
            ended = dataclasses.replace(
                span,
                name=str(attributes.pop("name", name)),
                status=attributes.pop("status", status),
                duration_ms=(time.perf_counter() - began) * 1000,
                attributes=attributes,
            )
            # Shielded: a cancelled step must still be written as cancelled.
            await asyncio.shield(self._put(ended))
            self._emit(SpanEnded(self.run.session_id, ended))

    async def _put(self, span: Span) -> None:
        await asyncio.wrap_future(chat.put_span(self.store, self.run.session_id, span))

    async def note(self, name: str, kind: SpanKind, start: float, attributes: dict[str, Any]) -> None:
        """Record a step that is over: it began at ``start`` (Unix seconds), perhaps in another process."""
        span = Span(
            chat.new_id(), self.run.run_id, _parent.get(), name, kind, "ok", start, (time.time() - start) * 1e3, attributes
        )  # fmt: skip
        await self._put(span)
        self._emit(SpanStarted(self.run.session_id, span))
        self._emit(SpanEnded(self.run.session_id, span))

    # -- the answer's text ------------------------------------------------------------------------

    def mark(self) -> int:
        """Remember where the answer is now, for :meth:`rewind`."""
        return len(self.text)

    async def rewind(self, mark: int, *, text: str | None = None) -> None:
        """Take back what came after a mark: a call that broke off is made again, and must not be said twice.

        Args:
            text: What the answer is instead, whole.
        """
        kept = self.text[:mark] if text is None else text
        if kept == self.text and not self._raw:
            return
        for timer in (self._show_timer, self._save_timer):
            if timer:
                timer.cancel()
        self._show_timer = self._save_timer = None
        self._raw, self._unsaved, self._unshown = "", [], []
        self._text = [kept] if kept else []
        ids = self.run
        await asyncio.wrap_future(chat.set_text(self.store, ids.session_id, ids.assistant_message_id, kept))
        self._emit(TextReplaced(ids.run_id, ids.session_id, ids.assistant_message_id, kept))

    @property
    def text(self) -> str:
        """The answer so far, cleaned."""
        return "".join(self._text)

    def add_text(self, raw: str) -> None:
        """Take streamed text from the model: shown within 40 ms and saved within 250 ms of coming here."""
        # An escape sequence may be split over chunks: hold back what could be the beginning of one.
        self._raw += raw
        start = self._raw.rfind("\x1b")
        cut = start if start >= 0 and len(self._raw) - start < 64 else len(self._raw)
        text, self._raw = clean(self._raw[:cut]), self._raw[cut:]
        if text:
            self._text.append(text)
            self._unsaved.append(text)
            self._unshown.append(text)
            self._schedule()

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        if self._show_timer is None:
            wait = max(0.0, self._shown_at + SHOW_EVERY_S - loop.time())
            if wait:
                self._show_timer = loop.call_later(wait, self._show)
            else:
                self._show()
        if self._save_timer is None:
            self._save_timer = loop.call_later(SAVE_EVERY_S, self._save)

    def _show(self) -> None:
        self._show_timer = None
        self._shown_at = asyncio.get_running_loop().time()
        text, self._unshown = "".join(self._unshown), []
        if text:
            self._emit(TokenDelta(self.run.run_id, self.run.session_id, self.run.assistant_message_id, text))

    def _save(self) -> None:
        self._save_timer = None
        text, self._unsaved = "".join(self._unsaved), []
        if text:
            chat.append_text(self.store, self.run.session_id, self.run.assistant_message_id, text)

    def finish_text(self) -> str:
        """Hand on what is held back and return the whole answer."""
        held, self._raw = clean(self._raw), ""
        if held:
            for pile in (self._text, self._unsaved, self._unshown):
                pile.append(held)
        for timer in (self._show_timer, self._save_timer):
            if timer:
                timer.cancel()
        self._save()
        self._show()
        return self.text
