"""The app's own actions, one method each, for the ids of :mod:`tui.actions` that are not a widget's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from core.i18n import set_language, tr
from core.settings import save_setting
from core.text import clean_line
from tui import commands, workers
from tui.screens.dialogs import Ask
from tui.screens.help import TextScreen, help_text
from tui.widgets.message import Answer, Question, message_of

if TYPE_CHECKING:
    from tui.study import StudyApp

TWICE_S = 2.0
"""Two Ctrl+C within this many seconds quit."""


async def stop(app: StudyApp) -> None:
    """Stop the answer; with none being written take back the waiting question; else go back one step."""
    state, bench = app.state, app.bench
    if bench.query_one("#find").display:
        bench.back()
    elif state.generating:
        app.runtime.cancel(state.session_id)
    elif state.pending:
        taken = state.pending.pop()
        workers.cancel_ask(taken)
        composer = bench.chat.composer
        if not composer.text:
            composer.text = taken.text
            composer.move_cursor(composer.document.end)
        await bench.chat.show_pending()
    else:
        bench.back()


def retry(app: StudyApp) -> None:
    """Ask the last question again."""
    answers = app.bench.chat.answers()
    if app.state.generating or not answers or not answers[-1].turn.message.run_id:
        app.tell(tr("retry.nothing"), "warning")
    else:
        workers.start(app, workers.retry(app, answers[-1].turn.message.run_id), "ask")


def message_to_copy(app: StudyApp) -> Question | Answer | None:
    """Return the focused message, else the last answer."""
    focused = message_of(app.bench.focused)
    answers = app.bench.chat.answers()
    return focused or (answers[-1] if answers else None)


def copy(app: StudyApp, *, code: bool) -> None:
    """Copy a message, or the last code block in it."""
    message = message_to_copy(app)
    if message is None or not message.text:
        app.tell(tr("copy.nothing"), "warning")
    else:
        app.copy_text(message.text, code=code)


async def interrupt(app: StudyApp, last: float) -> float:
    """Copy what is selected; else stop; twice quits. Returns when it was pressed."""
    now = time.monotonic()
    selected = app.bench.get_selected_text() or app.bench.chat.composer.selected_text
    if selected:
        app.copy_text(selected)
        return 0.0
    if now - last < TWICE_S:
        app.exit()
    elif app.state.generating or app.state.pending:
        await stop(app)
    else:
        app.tell(tr("interrupt.hint"))
    return now


def rename(app: StudyApp, title: str = "") -> None:
    """Rename this session, asking when no title is given."""
    session = app.state.session
    if session is None:
        return

    def renamed(new: str | None) -> None:
        if new:
            workers.start(app, workers.rename(app, session, new), "sessions")

    if title:
        renamed(title)
    else:
        app.push_screen(Ask(tr("sessions.rename"), value=session.title), renamed)


def export(app: StudyApp, target: str = "") -> None:
    """Write this session to files."""
    if app.state.session:
        workers.start(app, workers.export(app, app.state.session, target), "export")


def show_help(app: StudyApp) -> None:
    """Explain the focused part, then every key."""
    app.push_screen(TextScreen(tr("help.title"), help_text(app.bench.focused_pane(), app.keys)))


def set_theme(app: StudyApp, name: str) -> None:
    """Change the colours and remember them."""
    if name not in app.available_themes:
        app.tell(tr("theme.unknown", name=clean_line(name)), "warning")
        return
    app.theme = name
    save(app, "theme", name)


async def set_lang(app: StudyApp, name: str) -> None:
    """Change the language and remember it. The screen is built anew from the state."""
    if name not in commands.LANGUAGES:
        app.tell(tr("lang.unknown", name=clean_line(name)), "warning")
        return
    set_language("ko" if name == "ko" else "en")
    save(app, "lang", name)
    await app.rebuild()


def save(app: StudyApp, name: str, value: str) -> None:
    """Write a setting; a read-only file is told, and the change holds for now."""
    try:
        save_setting(app.paths.config_file, name, value)
    except OSError as error:
        app.tell(tr("settings.unsaved", reason=error.strerror or error), "warning")
