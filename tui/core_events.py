"""What each event of the core does to the state and to what is on screen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.events import (
    ContainerChanged,
    ContainerLog,
    ContextMeasured,
    EngineChanged,
    Event,
    IngestProgress,
    LabChanged,
    ModelsChanged,
    Notice,
    PermissionAnswered,
    PermissionAsked,
    PullChanged,
    QueueChanged,
    RunEnded,
    RunStarted,
    RunWaits,
    Sample,
    Span,
    SpanEnded,
    SpanStarted,
    StoreChanged,
    TextReplaced,
    TokenDelta,
)
from core.session import chat
from tui import workers
from tui.state import Live, load_run

if TYPE_CHECKING:
    from tui.study import StudyApp


async def apply(app: StudyApp, event: Event) -> None:
    """Take one event."""
    match event:
        case TokenDelta():
            _token(app, event)
        case TextReplaced():
            await _replaced(app, event)
        case Sample():
            app.state.take_sample(event)
            app.show_figures()
            if app.screen.id == "timeline":
                app.screen.take_sample(event)
        case SpanStarted() | SpanEnded():
            await _span(app, event.session_id, event.span)
        case RunStarted():
            await _run_started(app, event)
        case RunEnded():
            await _run_ended(app, event)
        case EngineChanged():
            app.state.status = event.status
            await app.show_engine()
        case IngestProgress():
            app.documents.progress(event)
        case LabChanged():
            app.lab.changed(event)
        case PullChanged():
            app.models.pull_changed(event.pull)
        case ModelsChanged():
            app.models.changed()
        case ContainerChanged():
            app.container.changed(event.status, event.progress)
        case ContainerLog():
            app.container.log(event.lines)
        case PermissionAsked() | PermissionAnswered() | QueueChanged() | ContextMeasured() | RunWaits():
            await app.agent.apply(event)
        case StoreChanged():
            # What else changes in the store than documents comes with an event of its own.
            app.documents.store_changed(event)
        case Notice():
            app.tell(event.text, event.severity)


def _token(app: StudyApp, event: TokenDelta) -> None:
    live = app.state.live.get(event.run_id)
    if live:
        live.text += event.text
    if event.session_id == app.state.session_id:
        app.bench.chat.feed(event.message_id, event.text)


async def _replaced(app: StudyApp, event: TextReplaced) -> None:
    live = app.state.live.get(event.run_id)
    if live:
        live.text = event.text
    answer = app.bench.chat.answer(event.message_id) if event.session_id == app.state.session_id else None
    if answer:
        await answer.replace(event.text)


async def _span(app: StudyApp, session_id: str, span: Span) -> None:
    live = app.state.live.get(span.run_id)
    if live:
        live.spans[span.id] = span
    if session_id == app.state.session_id:
        await app.bench.chat.put_span(span.run_id, span)
        if app.trace_session == session_id:
            app.bench.trace.put_span(span)


async def _run_started(app: StudyApp, event: RunStarted) -> None:
    state = app.state
    state.live[event.run_id] = Live(event.run_id, event.session_id, event.assistant_message_id)
    if event.session_id != state.session_id:
        return
    state.begin_answer()
    store = app.runtime.store
    if store is None:
        return
    ids = (event.user_message_id, event.assistant_message_id)
    turns = await asyncio.to_thread(load_run, store, event.session_id, ids)
    state.session = await asyncio.to_thread(chat.get_session, store, event.session_id) or state.session
    question = next((turn.message.content for turn in turns if turn.message.role == "user"), "")
    accepted = next((item for item in state.pending if item.sent and item.text == question), None)
    if accepted:
        state.pending.remove(accepted)
    if question and question not in state.questions[-1:]:
        state.questions.append(question)
    await app.bench.chat.begin(turns)
    run = next((turn.run for turn in turns if turn.run), None)
    if run and app.trace_session == event.session_id:
        app.bench.trace.put_run(run)
    await app.show_engine()


async def _run_ended(app: StudyApp, event: RunEnded) -> None:
    state = app.state
    state.live.pop(event.run_id, None)
    store = app.runtime.store
    if event.session_id == state.session_id and store is not None:
        turns = await asyncio.to_thread(load_run, store, event.session_id, (event.message_id,))
        state.answer_memory = event.memory
        for turn in turns:
            state.last_run = turn.run or state.last_run
            await app.bench.chat.end(turn)
            if turn.run and app.trace_session == event.session_id:
                app.bench.trace.put_run(turn.run)
        if not turns:
            workers.start(app, workers.open_session(app, event.session_id), "session")
    if app.screen.id == "timeline":
        app.screen.run_ended(event.run_id)
    app.agent.run_ended(event.session_id, event.run_id)
    app.show_figures()
    await app.send_next()
