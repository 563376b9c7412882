"""The app's own actions, one method each, for the ids of :mod:`tui.actions` that are not a widget's."""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Literal

from core.i18n import set_language, tr
from core.settings import save_setting
from core.text import clean_line
from tui import commands, workers
from tui.documents_query import parse
from tui.screens.dialogs import Ask
from tui.screens.help import TextScreen, help_keys, help_text
from tui.screens.room import Room
from tui.widgets.message import Answer, Question, message_of

if TYPE_CHECKING:
    from tui.study import StudyApp

TWICE_S = 2.0
"""Two Ctrl+C within this many seconds quit."""


async def stop(app: StudyApp, _: str = "") -> None:
    """Stop the answer; with none being written take back the waiting question; else go back one step."""
    state, bench = app.state, app.bench
    if bench.query_one("#find").display:
        bench.back()
    elif state.generating or state.permissions:
        app.runtime.cancel(state.session_id)
    elif state.pending:
        taken = state.pending.pop()
        workers.cancel_ask(taken)
        composer = bench.chat.composer
        if not composer.text:
            composer.text = taken.text
            composer.move_cursor(composer.document.end)
        await bench.chat.show_pending()
    elif not bench.chat.composer.text and bench.focused is bench.chat.composer and app.agent.take_back():
        await bench.chat.show_pending()
    else:
        bench.back()


def retry(app: StudyApp, _: str = "") -> None:
    """Ask the last question again."""
    answers = app.bench.chat.answers()
    if app.state.generating or not answers or not answers[-1].turn.message.run_id:
        app.tell(tr("retry.nothing"), "warning")
    else:
        workers.start(app, workers.retry(app, answers[-1].turn.message.run_id), "ask")


def resume(app: StudyApp, _: str = "") -> None:
    """Go on with the last answer that was cut off or failed."""
    answers = app.bench.chat.answers()
    if app.state.generating or not answers or not answers[-1].resumable:
        app.tell(tr("resume.nothing"), "warning")
    else:
        workers.start(app, workers.resume(app, answers[-1].turn.message.run_id or ""), "ask")


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


async def interrupt(app: StudyApp, _: str = "") -> None:
    """Copy what is selected; else stop; twice quits."""
    now, last = time.monotonic(), app.interrupted_at
    app.interrupted_at = now
    selected = app.bench.get_selected_text() or app.bench.chat.composer.selected_text
    if selected:
        app.copy_text(selected)
        app.interrupted_at = 0.0
    elif now - last < TWICE_S:
        app.exit()
    elif app.state.generating or app.state.pending:
        await stop(app)
    else:
        app.tell(tr("interrupt.hint"))


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


def show_help(app: StudyApp, _: str = "") -> None:
    """Explain the focused part, then every key."""
    room = app.screen.HELP if isinstance(app.screen, Room) else ""
    place = room or app.bench.focused_pane()
    app.push_screen(TextScreen(tr("help.title"), help_text(place, app.keys), help_keys(place, app.keys)))


def set_theme(app: StudyApp, name: str) -> None:
    """Change the colours and remember them; without a name, choose from the list."""
    if not name:
        commands.pick_theme(app)
        return
    if name not in app.available_themes:
        app.tell(tr("theme.unknown", name=clean_line(name)), "warning")
        return
    app.theme = name
    save(app, "theme", name)


async def set_lang(app: StudyApp, name: str) -> None:
    """Change the language and remember it; without a name, choose. The screen is built anew from the state."""
    if not name:
        commands.pick_language(app)
        return
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


_IN = re.compile(
    r'(?P<where>(?:in|컬렉션):(?:"[^"]+"|[^\s"]+))\s+(?P<question>\S.*)', re.DOTALL | re.IGNORECASE
)
"""A question to one collection: ``in:wiki How …``, named as in the documents' search box."""


async def ask_documents(app: StudyApp, text: str) -> None:
    """Ask about the documents only, after ``in:NAME`` about those of a collection; without a question, begin writing one."""
    begins = _IN.match(text)
    if begins and begins["question"]:
        known = app.documents.state.shelf.collections
        query = parse(begins["where"], known)
        if query.problem:
            app.tell(query.problem, "warning")
            _write(app, f"/ask {text}")
            return
        # By its name: that is what the step and the trace show.
        await app.ask(begins["question"], docs=next(one.name for one in known if one.id in query.collections))
        return
    if text:
        await app.ask(text, docs=True)
        return
    _write(app, "/ask ")
    app.bench.focus_pane("chat")


def _write(app: StudyApp, text: str) -> None:
    """Put a text into the composer, to go on with."""
    composer = app.bench.chat.composer
    composer.text = text
    composer.move_cursor(composer.document.end)


def documents(app: StudyApp, query: str) -> None:
    """Go to the documents; with a text, search them."""
    app.bench.focus_pane("documents")
    if query:
        app.bench.documents.search(query)


def add_documents(app: StudyApp, path: str) -> None:
    """Add a file or a folder, asking for it when none is named."""
    if path:
        app.documents.add(path)
    else:
        app.documents.ask_add()


def documents_list(app: StudyApp, mode: Literal["failed", "tasks"]) -> None:
    """Go to a list of the documents pane."""
    app.documents.load_jobs()
    app.bench.focus_pane("documents")
    app.bench.documents.go(mode)


def sessions(app: StudyApp, _: str = "") -> None:
    """List the sessions."""
    app.sessions_wanted = True
    workers.start(app, workers.list_sessions(app), "sessions")


def new_session(app: StudyApp, _: str = "") -> None:
    """Start an empty session."""
    workers.start(app, workers.open_session(app, "new"), "session")
    app.bench.focus_pane("chat")


def show_timeline(app: StudyApp, _: str = "") -> None:
    """Show the memory of the session's last answer."""
    # Its plots are loaded when first wanted.
    from tui.screens.timeline import open_timeline

    open_timeline(app)


async def source(app: StudyApp, purpose: Literal["pull", "fit"], name: str) -> None:
    """Go to the models and ask what to download or estimate; a name is looked up at once."""
    from tui.screens.models import ModelsScreen

    if not isinstance(app.screen, ModelsScreen):
        app.models.open()
    # The dialog wants the screen below it mounted.
    app.call_later(lambda: app.models.ask_source(purpose, name))


def with_model(app: StudyApp, name: str, do: Callable[[str], None]) -> None:
    """Do something with the model named; without a name, the models' screen has them all."""
    if name:
        do(name)
    else:
        app.models.open()


async def unqueue(app: StudyApp, _: str = "") -> None:
    """Take the last waiting question back into the input."""
    if app.agent.take_back():
        await app.bench.chat.show_pending()
    else:
        app.tell(tr("queue.empty"), "warning")


def remember(app: StudyApp, text: str) -> None:
    """Add a fact to the memory; without one, ask for it."""
    if text:
        app.agent.remember(text)
        return

    def given(fact: str | None) -> None:
        if fact:
            app.agent.remember(fact)

    app.push_screen(Ask(tr("memory.add"), note=tr("memory.add.note")), given)


Doing = Callable[["StudyApp", str], Awaitable[None] | None]

DO: Mapping[str, Doing] = {
    "stop": stop,
    "retry": retry,
    "resume": resume,
    "ask_documents": ask_documents,
    "find": lambda app, text: app.finder.open(text),
    "copy": lambda app, _: copy(app, code=False),
    "copy_code": lambda app, _: copy(app, code=True),
    "trace": lambda app, _: app.bench.toggle_trace(),
    "resources": lambda app, _: app.bench.focus_pane("resources"),
    "documents": documents,
    "lab": lambda app, _: app.lab.open(),
    "models": lambda app, _: app.models.open(),
    "container": lambda app, _: app.container.open(),
    "pull": lambda app, name: source(app, "pull", name),
    "fit": lambda app, name: source(app, "fit", name),
    "use": lambda app, name: with_model(app, name, app.models.use),
    "load": lambda app, name: with_model(app, name, app.models.load_model),
    "unload": lambda app, name: with_model(app, name, app.models.unload),
    "timeline": show_timeline,
    "context": lambda app, _: app.agent.explain(),
    "memory": lambda app, text: app.agent.open_memory(text),
    "remember": remember,
    "unqueue": unqueue,
    "next_pane": lambda app, _: app.bench.next_pane(),
    "zoom": lambda app, _: app.bench.maximize_pane(),
    "narrower": lambda app, _: app.bench.resize_pane(-2),
    "wider": lambda app, _: app.bench.resize_pane(2),
    "add_documents": add_documents,
    "documents_sync": lambda app, _: app.documents.sync(),
    "documents_failed": lambda app, _: documents_list(app, "failed"),
    "documents_tasks": lambda app, _: documents_list(app, "tasks"),
    "documents_collections": lambda app, _: app.documents.collections(),
    "documents_check": lambda app, _: app.documents.check(),
    "documents_repair": lambda app, _: app.documents.check(repair=True),
    "sessions": sessions,
    "new_session": new_session,
    "rename": rename,
    "export": export,
    "palette": lambda app, _: commands.pick_action(app),
    "help": show_help,
    "theme": set_theme,
    "lang": set_lang,
    "interrupt": interrupt,
    "quit": lambda app, _: app.exit(),
}
"""What each action of scope ``app`` does. The text is what stood after its slash command, else empty."""


ANYWHERE = frozenset(
    {
        *(
            "lab",
            "timeline",
            "memory",
            "remember",
            "models",
            "container",
            "pull",
            "fit",
            "use",
            "load",
            "unload",
        ),
        *("palette", "help", "theme", "lang", "interrupt", "quit"),
    }
)
"""Actions that leave the room one is in as it is; every other one goes to the workbench first."""


async def do(app: StudyApp, action_id: str, argument: str = "") -> None:
    """Do one action."""
    while action_id not in ANYWHERE and isinstance(app.screen, Room):
        await app.pop_screen()
    doing = DO[action_id](app, argument)
    if inspect.isawaitable(doing):
        await doing
