"""The app's workers: each reads or waits off the interface's loop and posts what came of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from textual.worker import Worker

from core.i18n import tr
from core.session import Store, chat
from core.session.rows import Message as ChatMessage
from core.session.rows import Session
from tui import clipboard, exporting, messages
from tui.state import Pending, load_turns, questions

if TYPE_CHECKING:
    from tui.study import StudyApp


def start(app: StudyApp, work: Any, group: str, *, exclusive: bool = True) -> Worker[Any]:
    """Run a coroutine as a worker: a newer one of the group replaces it, an error ends as a sentence on screen."""
    return app.run_worker(work, group=group, exclusive=exclusive, exit_on_error=False)


async def store_of(app: StudyApp) -> Store:
    """Wait for the store.

    Raises:
        StudyError: The session file cannot be used.
    """
    return await asyncio.shield(asyncio.wrap_future(app.runtime.store_ready))


async def open_session(app: StudyApp, which: str) -> None:
    """Open a session (``new``, ``last`` or an id) and read its last messages."""
    store = await store_of(app)
    runtime = app.runtime
    session = await asyncio.wrap_future(
        runtime.new_session() if which == "new" else runtime.open_session(which)
    )
    turns, more = await asyncio.to_thread(load_turns, store, session.id)
    app.post_message(messages.SessionOpened(session, turns, more))


async def load_earlier(app: StudyApp, session_id: str, before_seq: int) -> None:
    """Read the messages before the window."""
    store = await store_of(app)
    turns, more = await asyncio.to_thread(load_turns, store, session_id, before_seq=before_seq)
    app.post_message(messages.EarlierLoaded(session_id, turns, more))


async def ask(app: StudyApp, session_id: str, pending: Pending) -> None:
    """Hand a question to the runtime; what follows comes as events."""
    try:
        pending.future = app.runtime.ask(session_id, pending.text, pending.docs)
        await asyncio.wrap_future(pending.future)
        app.post_message(messages.Asked(pending))
    except asyncio.CancelledError:
        return  # Taken back by the user.
    except Exception as error:
        app.post_message(messages.AskFailed(pending, error))


def cancel_ask(pending: Pending) -> None:
    """Take back a question that waits for the engine."""
    if pending.future:
        pending.future.cancel()


async def find(app: StudyApp, session_id: str, text: str) -> None:
    """Search the session's messages."""
    store = await store_of(app)
    found = await asyncio.to_thread(chat.search_messages, store, text, session_id=session_id, limit=500)
    app.post_message(messages.MatchesFound(text, found[::-1]))


async def load_around(app: StudyApp, session_id: str, match: ChatMessage) -> None:
    """Read the window that ends with a match far up."""
    store = await store_of(app)
    turns, more = await asyncio.to_thread(load_turns, store, session_id, before_seq=match.seq + 1)
    app.post_message(messages.WindowLoaded(turns, more, match))


async def load_trace(app: StudyApp, session_id: str) -> None:
    """Read a session's runs and spans."""
    store = await store_of(app)
    runs = await asyncio.to_thread(chat.runs, store, session_id)
    spans = await asyncio.to_thread(lambda: chat.spans(store, session_id=session_id))
    app.post_message(messages.TraceLoaded(session_id, runs, spans))


async def load_questions(app: StudyApp) -> None:
    """Read earlier questions for the input's history."""
    store = await store_of(app)
    app.post_message(messages.QuestionsLoaded(await asyncio.to_thread(questions, store)))


async def list_sessions(app: StudyApp) -> None:
    """Read the list of sessions."""
    store = await store_of(app)
    app.post_message(messages.SessionsLoaded(await asyncio.to_thread(chat.list_sessions, store)))


async def rename(app: StudyApp, session: Session, title: str) -> None:
    """Rename a session and read the list again."""
    await asyncio.wrap_future(chat.rename_session(await store_of(app), session.id, title))
    await list_sessions(app)


async def delete(app: StudyApp, session: Session) -> None:
    """Delete a session and read the list again."""
    await asyncio.wrap_future(chat.delete_session(await store_of(app), session.id))
    await list_sessions(app)


async def export(app: StudyApp, session: Session, target: str) -> None:
    """Write a session to files and say where."""
    try:
        paths = await asyncio.to_thread(exporting.export_session, await store_of(app), session, target)
    except OSError as error:
        app.post_message(messages.Told(tr("export.failed", reason=error.strerror or error), "error"))
        return
    app.post_message(messages.Told(tr("export.done", paths="\n".join(str(path) for path in paths))))


async def copy(app: StudyApp, text: str) -> None:
    """Copy a text and say which way it went."""
    way = await asyncio.to_thread(clipboard.copy, text, app.write_to_terminal)
    if way == "none":
        try:
            path = await asyncio.to_thread(exporting.save_text, app.paths.data, text)
        except OSError as error:
            app.post_message(messages.Told(tr("export.failed", reason=error.strerror or error), "error"))
            return
        app.post_message(messages.Told(tr("copy.none", path=path), "warning"))
        return
    app.post_message(messages.Told(tr(f"copy.{way}", count=len(text))))


async def retry(app: StudyApp, run_id: str) -> None:
    """Ask a run's question again."""
    await asyncio.wrap_future(app.runtime.retry(run_id))


async def resume(app: StudyApp, run_id: str) -> None:
    """Go on with a run from its last finished step."""
    await asyncio.wrap_future(app.runtime.resume_run(run_id))
