"""The app: takes the core's events, holds the state, and does what the actions say."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
import signal
import threading
import time
from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING

from textual import on
from textual.worker import Worker, WorkerState

from core import i18n
from core.errors import StudyError
from core.i18n import tr
from core.paths import Paths
from core.settings import Settings
from core.text import clean_line
from tui import (
    actions,
    agent_room,
    app_actions,
    commands,
    core_events,
    glyphs,
    messages,
    patches,
    terminal,
    themes,
    workers,
)
from tui.agent_room import AgentRoom
from tui.bridge import Bridge, CoreEvents
from tui.container_room import ContainerRoom
from tui.documents_room import DocumentsRoom
from tui.finder import Finder
from tui.lab_room import LabRoom
from tui.models_room import ModelsRoom
from tui.screens.bench import Bench
from tui.screens.room import Room
from tui.screens.sessions import SessionsScreen
from tui.screens.workbench import Layout, Workbench
from tui.state import Pending, State
from tui.telling import Telling
from tui.trace_room import TraceRoom
from tui.widgets.basics import Choices
from tui.widgets.composer import Composer
from tui.widgets.header import Header
from tui.widgets.message import Answer, Greeting, code_blocks

if TYPE_CHECKING:
    from core.runtime import Runtime

i18n.register("tui.i18n")
patches.install()

log = logging.getLogger(__name__)

GRACE_S = 15.0
"""Seconds a shutdown by signal may take before the process ends all the same."""

MAX_ERRORS = 8
"""Unexpected errors within :data:`ERROR_WINDOW_S` seconds after which the app gives up instead of looping."""

ERROR_WINDOW_S = 5.0


class StudyApp(Telling, inherit_bindings=False):
    """LLM Study on a terminal.

    Args:
        runtime: What runs behind; started after the first paint.
        settings: See :class:`core.settings.Settings`.
        paths: Where settings and saved texts go.
        session: ``new``, ``last`` or a session's id.
        notice: A sentence to show at the start.
        started: ``time.perf_counter()`` at the start of the program.
    """

    CSS_PATH = ["styles/study.tcss"]
    TITLE = "LLM Study"
    BINDINGS = actions.bindings("app")
    ENABLE_COMMAND_PALETTE = False
    COMMANDS = set()

    def __init__(
        self,
        runtime: Runtime,
        settings: Settings,
        paths: Paths,
        *,
        session: str = "new",
        notice: str = "",
        started: float | None = None,
    ) -> None:
        i18n.set_language(settings.lang or i18n.detect_language())
        glyphs.use_glyphs(ascii_only=settings.ascii or settings.glyphs_wide)
        self._theme_known = False
        super().__init__()
        self.runtime = runtime
        self.settings = settings
        self.paths = paths
        self.state = State(settings, paths)
        self.arrangement = Layout()
        self.bridge = Bridge(self)
        self.keys, self._unknown_keys = actions.keymap(settings.keymap)
        self.bench = Bench(self.state, self.arrangement, self.keys)
        self.trace_session = ""
        """The session whose runs and spans the trace has."""
        self.last_words = ""
        """A sentence for the terminal after the app has ended."""
        self.unexpected: list[BaseException] = []
        self._wanted_session, self._notice, self._started = session, notice, started or time.perf_counter()
        self._errors: deque[float] = deque(maxlen=MAX_ERRORS)
        self.finder = Finder(self)
        self.lab = LabRoom(self)
        self.models = ModelsRoom(self)
        self.container = ContainerRoom(self)
        self.agent = AgentRoom(self)
        self.traces = TraceRoom(self)
        self.documents = DocumentsRoom(self)
        self.sessions_wanted = False
        self.interrupted_at = 0.0
        self.span_wanted = ""
        for theme in themes.THEMES:
            self.register_theme(theme)
        known = settings.theme in self.available_themes
        self.theme = settings.theme if known else themes.NAMES[0]
        self._theme_known = known

    # -- start and end -----------------------------------------------------------------------------------

    def get_default_screen(self) -> Bench:
        """The workbench is the first screen."""
        return self.bench

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Give Textual's themes our own variables."""
        return themes.variable_defaults(self.current_theme)

    def on_mount(self) -> None:
        self.set_keymap(self.keys)
        self.runtime.subscribe(self.bridge.put)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            if threading.current_thread() is threading.main_thread():
                loop.add_signal_handler(number, self._leave_by_signal, number, loop)
        if not self.is_headless:
            terminal.watch(0, lambda: self._leave_by_signal(signal.SIGHUP, loop))

    def on_ready(self) -> None:
        # The first paint is out before the engine, the agent and their imports compete for the processor.
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        log.info("first paint after %.0f ms", (time.perf_counter() - self._started) * 1000)
        gc.collect()
        gc.freeze()
        gc.enable()
        self.runtime.start()
        # The first answer's Markdown: not needed for the first paint, ready before somebody has typed.
        threading.Thread(
            target=importlib.import_module, args=("tui.widgets.answer_text",), daemon=True
        ).start()
        workers.start(self, workers.open_session(self, self._wanted_session), "session")
        workers.start(self, workers.load_questions(self), "questions")
        self.documents.load()
        if self._notice:
            self.tell(self._notice)
        if not self._theme_known:
            self.tell(tr("theme.unknown", name=clean_line(self.settings.theme)), "warning")
        if self._unknown_keys:
            self.tell(tr("keymap.unknown", names=", ".join(map(clean_line, self._unknown_keys))), "warning")

    def _leave_by_signal(self, number: int, loop: asyncio.AbstractEventLoop) -> None:
        """Leave cleanly on SIGTERM and on a cut connection (SIGHUP); never hang on a dead terminal. Any thread: the loop
        may be waiting to write to it for ever."""
        log.info("leaving on signal %s", number)
        watchdog = threading.Timer(GRACE_S, os._exit, (128 + number,))
        watchdog.daemon = True
        watchdog.start()
        loop.call_soon_threadsafe(self.exit)

    # -- errors --------------------------------------------------------------------------------------------

    def report_unexpected(self, error: BaseException) -> None:
        """Log an error nobody foresaw, tell it in a sentence, and go on; give up when they come in a row."""
        self.unexpected.append(error)
        log.error("unexpected error", exc_info=error)
        self._errors.append(time.monotonic())
        failed = StudyError("error.unexpected", error=type(error).__name__, log=self.paths.log_file)
        many = len(self._errors) == MAX_ERRORS and self._errors[-1] - self._errors[0] < ERROR_WINDOW_S
        if many or not self._running or not self.is_mounted:
            self.last_words = str(failed)
            self._return_code = 1
            self._exit = True
            self._close_messages_no_wait()
        elif len(self._errors) < 3:
            self.tell(str(failed), "error")

    def _handle_exception(self, error: Exception) -> None:
        # Upstream prints a traceback on the terminal and ends the app.
        self.report_unexpected(error)

    @on(Worker.StateChanged)
    def _worker_changed(self, event: Worker.StateChanged) -> None:
        if event.state == WorkerState.ERROR and event.worker.error:
            self.show_error(event.worker.error)

    def show_error(self, error: BaseException) -> None:
        """Tell an error: what went wrong and what to do."""
        if isinstance(error, StudyError):
            self.tell(str(error), "error")
        elif not isinstance(error, asyncio.CancelledError):
            self.report_unexpected(error)

    def write_to_terminal(self, sequence: str) -> None:
        """Send an escape sequence of our own to the terminal."""
        if self._driver is not None:
            self._driver.write(sequence)

    # -- the core's events -----------------------------------------------------------------------------------

    async def on_core_events(self, event: CoreEvents) -> None:
        """Take what the core has to tell, in order."""
        for item in self.bridge.take():
            try:
                await core_events.apply(self, item)
            except Exception as error:
                self.report_unexpected(error)

    def show_figures(self) -> None:
        """Bring the numbers up to date where they are seen."""
        if isinstance(self.screen, Room):
            return  # The workbench is hidden; it shows them when it is back.
        self.bench.resources.show()
        self.bench.chat.show_strip()
        if self.state.sample and not self.state.session_messages:
            self.bench.chat.show_greeting()

    async def show_engine(self) -> None:
        """Bring everything that names the engine up to date."""
        for screen in dict.fromkeys((self.bench, self.screen)):
            screen.query(Header).refresh()
        self.bench.chat.show_greeting()
        self.show_figures()
        await self.bench.chat.show_pending()

    @on(Workbench.Arranged)
    def _arranged(self, event: Workbench.Arranged) -> None:
        if event.panes & {"resources", "strip"}:
            self.runtime.resume_telemetry()
            self.show_figures()
        else:
            self.runtime.pause_telemetry()
        if "trace" in event.panes and self.state.session_id and self.trace_session != self.state.session_id:
            workers.start(self, workers.load_trace(self, self.state.session_id), "trace")

    # -- sessions ----------------------------------------------------------------------------------------------

    @on(messages.SessionOpened)
    async def _session_opened(self, event: messages.SessionOpened) -> None:
        if event.session.id != self.state.session_id:
            self.agent.forget_session()
        self.state.session = event.session
        self.state.session_messages = len(event.turns)
        self.state.last_run = next((turn.run for turn in reversed(event.turns) if turn.run), None)
        self.state.begin_answer()
        if self.state.last_run:
            self.state.answer_memory = self.state.last_run.memory
        await self.bench.chat.show_turns(event.turns, more=event.more)
        self.agent.load(event.session.id, event.turns)
        self.trace_session = ""
        if "trace" in self.bench.seen():
            workers.start(self, workers.load_trace(self, event.session.id), "trace")
        await self.show_engine()
        await self.send_next()

    @on(messages.EarlierLoaded)
    async def _earlier_loaded(self, event: messages.EarlierLoaded) -> None:
        if event.session_id == self.state.session_id:
            await self.bench.chat.prepend(event.turns, more=event.more)

    @on(messages.TraceLoaded)
    def _trace_loaded(self, event: messages.TraceLoaded) -> None:
        if event.session_id == self.state.session_id:
            self.trace_session = event.session_id
            self.bench.trace.set_runs(event.runs, event.spans)
            if self.span_wanted:
                self.bench.trace.select(self.span_wanted)
                self.span_wanted = ""

    @on(messages.QuestionsLoaded)
    def _questions_loaded(self, event: messages.QuestionsLoaded) -> None:
        self.state.questions = list(dict.fromkeys([*event.questions, *self.state.questions]))

    @on(messages.SessionsLoaded)
    def _sessions_loaded(self, event: messages.SessionsLoaded) -> None:
        for session in event.sessions:
            if session.id == self.state.session_id:
                self.state.session = session
        self.bench.query_one(Header).refresh()
        if isinstance(self.screen, SessionsScreen):
            self.screen.set_sessions(event.sessions)
        elif self.sessions_wanted:
            self.sessions_wanted = False
            self.push_screen(
                SessionsScreen(event.sessions, self.state.session_id, datetime.now), self._continue
            )

    def _continue(self, session_id: str | None) -> None:
        if session_id and session_id != self.state.session_id:
            workers.start(self, workers.open_session(self, session_id), "session")
        elif session_id is None and self.state.session is None:
            workers.start(self, workers.open_session(self, "new"), "session")

    @on(SessionsScreen.Change)
    def _session_changed(self, event: SessionsScreen.Change) -> None:
        session = event.session
        if event.kind == "rename":
            workers.start(self, workers.rename(self, session, event.title), "sessions")
        elif event.kind == "export":
            workers.start(self, workers.export(self, session, ""), "export")
        elif any(live.session_id == session.id for live in self.state.live.values()):
            self.tell(tr("sessions.delete.running"), "warning")
        else:
            workers.start(self, workers.delete(self, session), "sessions")
            if session.id == self.state.session_id:
                workers.start(self, workers.open_session(self, "new"), "session")

    # -- asking ----------------------------------------------------------------------------------------------------

    @on(Composer.Sent)
    async def _sent(self, event: Composer.Sent) -> None:
        if commands.is_command(event.text):
            await commands.run_command(self, event.text)
        else:
            await self.ask(event.text)

    @on(Greeting.Try)
    async def _try(self, event: Greeting.Try) -> None:
        if event.text.startswith("/"):
            self.bench.chat.composer.text = event.text
            self.bench.chat.composer.move_cursor(self.bench.chat.composer.document.end)
            self.bench.chat.composer.focus()
        else:
            await self.ask(event.text)
            self.bench.chat.composer.focus()

    async def ask(self, text: str, *, docs: bool | str = False) -> None:
        """Accept a question; it is shown at once and sent as soon as it can be."""
        self.state.pending.append(Pending(text, docs))
        self.lab.warn_if_measuring()
        if self.bench.narrow or self.arrangement.view not in {None, "trace"}:
            self.bench.view(None)
        await self.send_next()
        await self.bench.chat.show_pending()
        self.bench.chat.transcript.anchor()

    async def send_next(self) -> None:
        """Hand the first question over that is not yet; the runtime queues what has to wait for an answer."""
        state = self.state
        if state.pending and state.session and not any(p.sent and not p.accepted for p in state.pending):
            first = next((p for p in state.pending if not p.sent), None)
            if first:
                first.sent = True
                workers.start(self, workers.ask(self, state.session_id, first), "ask", exclusive=False)
        await self.bench.chat.show_pending()

    @on(messages.Asked)
    async def _asked(self, event: messages.Asked) -> None:
        event.pending.accepted = True
        await self.send_next()

    @on(messages.AskFailed)
    async def _ask_failed(self, event: messages.AskFailed) -> None:
        if event.pending in self.state.pending:
            self.state.pending.remove(event.pending)
            composer = self.bench.chat.composer
            if not composer.text:
                composer.text = event.pending.text
                composer.move_cursor(composer.document.end)
            self.show_error(event.error)
        await self.bench.chat.show_pending()
        await self.send_next()

    @on(agent_room.AgentLoaded)
    async def _agent_loaded(self, event: agent_room.AgentLoaded) -> None:
        await self.agent.loaded(event)

    @on(agent_room.CostLoaded)
    def _cost_loaded(self, event: agent_room.CostLoaded) -> None:
        self.agent.cost_loaded(event)

    @on(agent_room.AnswerFailed)
    async def _answer_failed(self, event: agent_room.AnswerFailed) -> None:
        await self.agent.answer_failed(event)

    @on(Answer.Retry)
    async def _retry(self, event: Answer.Retry) -> None:
        if not self.state.generating:
            workers.start(self, workers.retry(self, event.run_id), "ask")

    @on(Answer.Resume)
    def _resume(self, event: Answer.Resume) -> None:
        if not self.state.generating:
            workers.start(self, workers.resume(self, event.run_id), "ask")

    def copy_text(self, text: str, *, code: bool = False) -> None:
        """Copy a message, or the last code block in it."""
        if code:
            blocks = code_blocks(text)
            if not blocks:
                self.tell(tr("copy.nothing"), "warning")
                return
            text = blocks[-1]
        workers.start(self, workers.copy(self, text), "copy")

    # -- finding ---------------------------------------------------------------------------------------------------

    @on(messages.MatchesFound)
    def _matches_found(self, event: messages.MatchesFound) -> None:
        self.finder.show(event.matches)

    @on(messages.WindowLoaded)
    async def _window_loaded(self, event: messages.WindowLoaded) -> None:
        await self.bench.chat.show_turns(event.turns, more=event.more)
        self.bench.chat.mark_match(event.match.id)

    def add_documents(self, text: str) -> None:
        """Add files or folders; how far it is shows in the documents pane."""
        self.documents.add(text)

    @on(messages.Told)
    def _told(self, event: messages.Told) -> None:
        self.tell(event.text, event.severity)

    @on(Choices.Clicked, "#keys")
    async def _key_clicked(self, event: Choices.Clicked) -> None:
        await app_actions.do(self, event.name)

    async def rebuild(self) -> None:
        """Build the workbench anew from the state (another language), the text being written kept."""
        draft = self.bench.chat.composer.text
        await self.bench.rebuild()
        if isinstance(self.screen, Room):
            await self.screen.rebuild()
        self.bench.chat.composer.text = draft
        self.trace_session = ""
        if self.state.session:
            workers.start(self, workers.open_session(self, self.state.session_id), "session")
        await self.show_engine()

    async def action_do(self, action_id: str, argument: str = "") -> None:
        """Do what an action of the table says: the one way in for keys, palette, slash commands and the footer."""
        await app_actions.do(self, action_id, argument)

    async def action_quit(self) -> None:
        """Textual's own way out, for the dialogs."""
        self.exit()
