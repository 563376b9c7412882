"""What the app knows of the service's container, whether its screen is open or not, and the work it starts for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from textual.message import Message

from core.containers.types import ContainerStatus, UpProgress
from core.errors import StudyError
from core.i18n import tr
from core.text import clean, clean_line
from tui import workers

if TYPE_CHECKING:
    from core.containers.desk import Containers
    from tui.study import StudyApp

LOG_LINES = 1000
"""Lines of the log that are kept; earlier ones are the container's own."""

LOG_CHARS = 600
"""Characters of one line that are shown."""

FIRST_LINES = 200

READ_EVERY_S = 2.0
"""While its screen is open, the container is asked how it is this often."""


@dataclass
class ContainerRoomState:
    """What is known of the container, and what the user chose on its screen."""

    status: ContainerStatus | None = None
    progress: UpProgress | None = None
    doing: str = ""
    """``up``, ``down`` or ``restart`` while it goes on."""
    message: str = ""
    """What is wrong, a sentence."""
    fix: str = ""
    """What to try next, a sentence."""
    hint: str = ""
    """What to do with it now, a sentence."""
    gpu: bool = False
    follow: bool = True
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LOG_LINES))


@dataclass
class StatusKnown(Message):
    """The container's state, an error, or what is being done changed."""


@dataclass
class LogGrew(Message):
    """Lines of the log arrived; ``anew``: they stand in the place of all before."""

    lines: tuple[str, ...]
    anew: bool = False


class ContainerRoom:
    """The container as the app sees it."""

    def __init__(self, app: StudyApp) -> None:
        self._app = app
        self.state = ContainerRoomState()
        self._tell: Callable[[Message], Any] | None = None
        self._change: asyncio.Future[Any] | None = None

    def open(self) -> None:
        """Show the container, or leave it."""
        from tui.screens.container import ContainerScreen

        app = self._app
        if isinstance(app.screen, ContainerScreen):
            app.screen.action_leave()
        else:
            app.push_screen(ContainerScreen(app.state, app.keys, self))

    def attach(self, tell: Callable[[Message], Any] | None) -> None:
        """Say who hears of it: the open screen's ``post_message``."""
        self._tell = tell

    def _post(self, message: Message) -> None:
        if self._tell:
            self._tell(message)

    # -- events ------------------------------------------------------------------------------------------

    def changed(self, status: ContainerStatus, progress: UpProgress | None) -> None:
        """Take the container's state."""
        state = self.state
        before = (state.status, state.progress)
        state.status = status
        state.progress = progress if state.doing else None
        if (state.status, state.progress) != before:
            self._post(StatusKnown())
        begun = progress is not None and progress.step == "health"
        if begun and self._tell and not (before[1] and before[1].step == "health"):
            # From now on there is a log to read: what the service says as it starts.
            workers.start(self._app, self._read_log(), "container-log")

    def log(self, lines: tuple[str, ...]) -> None:
        """Take lines of its log."""
        if self._tell and self.state.follow:
            shown = tuple(map(_log_line, lines[-LOG_LINES:]))
            self.state.lines.extend(shown)
            self._post(LogGrew(shown))

    # -- work --------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The screen is open: read state and log, and go on reading."""
        workers.start(self._app, self._read(), "container-read")
        workers.start(self._app, self._read_log(), "container-log")

    def end(self) -> None:
        """The screen is closed."""
        workers.start(self._app, self._follow(False), "container-log")

    def refresh(self) -> None:
        """Read the state again."""
        if not self.state.doing:
            workers.start(self._app, self._read(), "container-read")

    def set_follow(self, on: bool) -> None:
        """Let the log stream, or stand still; streaming again reads what was missed."""
        self.state.follow = on
        self._post(StatusKnown())
        workers.start(self._app, self._read_log() if on else self._follow(False), "container-log")

    def up(self) -> None:
        """Start the container."""
        self._do("up", lambda desk: desk.up(gpu=self.state.gpu))

    def down(self) -> None:
        """Stop and remove it."""
        self._do("down", lambda desk: desk.down())

    def restart(self) -> None:
        """Restart it."""
        self._do("restart", lambda desk: desk.restart())

    def cancel(self) -> None:
        """Give up what is being done."""
        if self._change:
            self._change.cancel()

    async def _desk(self) -> Containers:
        # Its modules are loaded with the first use: not on the interface's loop.
        return await asyncio.to_thread(lambda: self._app.runtime.containers)

    def _do(self, what: str, begin: Callable[[Containers], Any]) -> None:
        state = self.state
        if state.doing:
            self._app.tell(tr("containerui.busy"), "warning")
            return
        state.doing, state.message, state.fix, state.hint = what, "", "", ""
        self._post(StatusKnown())
        workers.start(self._app, self._doing(what, begin), "container-do", exclusive=False)

    async def _doing(self, what: str, begin: Callable[[Containers], Any]) -> None:
        state = self.state
        try:
            desk = await self._desk()
            if what == "down":
                await asyncio.to_thread(desk.follow, False)
            self._change = asyncio.ensure_future(asyncio.wrap_future(begin(desk)))
            status = await self._change
            if isinstance(status, ContainerStatus):
                state.status = status
                state.hint = self._hint(status)
                if state.hint and self._tell is None:
                    self._app.tell(state.hint)
            if what == "down":
                state.hint = tr("container.down")
        except asyncio.CancelledError:
            if self._change is None or not self._change.cancelled():
                raise
            state.hint = tr("containerui.cancelled")
        except StudyError as error:
            self._failed(error, told=self._tell is None)
        finally:
            self._change, state.doing, state.progress = None, "", None
            self._post(StatusKnown())
        if self._tell:
            await self._read_log()

    def _hint(self, status: ContainerStatus) -> str:
        engine = self._app.state.status
        if engine and engine.kind == "docker":
            return ""
        url = clean_line(status.url, max_chars=80)
        return tr("containerui.switch", url=url) if status.url else ""

    def _failed(self, error: StudyError, *, told: bool = False) -> None:
        self.state.message = clean_line(error.message, max_chars=1000)
        self.state.fix = clean_line(error.fix, max_chars=600)
        if told:
            self._app.tell(str(error), "error")

    async def _read(self) -> None:
        state = self.state
        before = (state.status, state.message, state.fix)
        try:
            desk = await self._desk()
            state.status = await asyncio.wrap_future(desk.status())
            # An error of the last attempt stays until something is tried again, or it works all the same.
            if state.status.state in {"running", "healthy"}:
                state.message = state.fix = ""
        except StudyError as error:
            state.status = None
            self._failed(error)
        if (state.status, state.message, state.fix) != before:
            self._post(StatusKnown())

    async def _read_log(self) -> None:
        state = self.state
        try:
            desk = await self._desk()
            lines = await asyncio.wrap_future(desk.logs(FIRST_LINES))
        except StudyError:
            lines = ()  # Why there is none, the state says.
        shown = tuple(map(_log_line, lines))
        state.lines.clear()
        state.lines.extend(shown)
        self._post(LogGrew(shown, anew=True))
        if shown and state.follow:
            await self._follow(True)

    async def _follow(self, on: bool) -> None:
        desk = await self._desk()
        await asyncio.to_thread(desk.follow, on)


def _log_line(line: str) -> str:
    return clean(line, max_chars=LOG_CHARS).expandtabs(4).replace("\n", " ")
