"""The service's container: how it is, starting and stopping it, its log as it grows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual import on
from textual.containers import Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import RichLog

from core.containers.types import ContainerStatus
from core.i18n import tr
from core.text import clean_line
from tui import actions, container_room, format
from tui.container_room import LOG_LINES, READ_EVERY_S, ContainerRoom
from tui.glyphs import glyphs
from tui.screens.dialogs import Confirm
from tui.screens.room import Room
from tui.state import State
from tui.widgets.basics import Choices, Plain, SplitLine
from tui.widgets.sparkline import bar

Part = str | tuple[str, str]

TONE = {
    "healthy": "$success",
    "running": "$success",
    "starting": "$warning",
    "pulling": "$warning",
    "unhealthy": "$error",
    "exited": "$error",
}
KEYS = [
    "container_start",
    "container_stop",
    "container_restart",
    "container_gpu",
    "container_follow",
    "container_cancel",
]


def facts(status: ContainerStatus | None, *, gpu: bool) -> Content:
    """Return what is known of the container, a line each."""
    if status is None:
        return Content.styled(tr("containerui.unknown"), "$quiet")
    limit = format.size(status.memory_limit) if status.memory_limit is not None else tr("container.no_limit")
    share = None
    if status.memory_bytes is not None and status.memory_limit:
        share = status.memory_bytes / status.memory_limit
    state: list[Part] = [(tr(f"container.state.{status.state}"), f"bold {TONE.get(status.state, '$quiet')}")]
    if status.exit_code is not None and status.state == "exited":
        state.append((f"  {tr('containerui.exit', code=status.exit_code)}", "$quiet"))
    if status.name:
        state.append((f"  {clean_line(status.name, max_chars=60)}", "$quiet"))
    memory: list[Part] = [f"{format.size(status.memory_bytes)} / {limit}"]
    if share is not None:
        tone = "$error" if share > 0.95 else "$warning" if share > 0.85 else "$graph"
        memory.append((f"  {bar(min(1.0, share), 20)} {format.percent(share * 100)}", tone))
    killed = status.oom_killed or bool(status.oom_kills)
    kills: list[Part] = [
        (tr("containerui.oom.yes") if killed else _yes_no(status.oom_killed), "$error" if killed else "")
    ]
    if status.oom_kills is not None:
        kills.append((f"  {tr('containerui.oom.kills', count=status.oom_kills)}", "$quiet"))
    lines: list[tuple[str, list[Part]]] = [
        ("state", state),
        ("image", [clean_line(status.image, max_chars=120) or format.none()]),
        ("url", [clean_line(status.url, max_chars=120) or format.none()]),
        ("cpu", [format.percent(status.cpu_percent)]),
        ("memory", memory),
        ("restarts", [format.count(status.restarts)]),
        ("oom", kills),
    ]
    if status.health and status.state != "healthy":
        lines.append(("health", [clean_line(status.health, max_chars=200)]))
    lines.append(("gpu", [tr(f"containerui.gpu.{'on' if gpu else 'off'}")]))
    parts: list[Part] = []
    for name, value in lines:
        parts += [(format.pad(tr(f"containerui.{name}"), 14), "$quiet"), " ", *value, "\n"]
    return Content.assemble(*parts[:-1])


def _yes_no(value: bool | None) -> str:
    return format.none() if value is None else tr(f"containerui.oom.{'yes' if value else 'no'}")


class ContainerScreen(Room):
    """The screen. What it shows is :class:`tui.container_room.ContainerRoomState`."""

    BINDINGS = actions.bindings("container")
    HELP = "container"

    def __init__(self, state: State, keys: Mapping[str, str], room: ContainerRoom) -> None:
        super().__init__(state, keys)
        self.room = room
        self._timer: Timer | None = None

    def body(self) -> Iterable[Widget]:
        log = RichLog(
            max_lines=LOG_LINES,
            wrap=True,
            markup=False,
            highlight=False,
            auto_scroll=True,
            min_width=20,
            id="container-log",
        )
        yield Vertical(
            SplitLine(Content.styled(tr("pane.container"), "bold $accent"), id="container-title"),
            Plain(id="container-facts"),
            Plain(id="container-said"),
            SplitLine(id="container-log-title"),
            log,
            id="container-body",
        )

    @property
    def log_view(self) -> RichLog:
        """The log."""
        return self.query_one(RichLog)

    def on_mount(self) -> None:
        self.room.attach(self.post_message)
        self.show()
        self._write(tuple(self.room.state.lines))
        self.log_view.focus()
        self.room.begin()
        self._timer = self.set_interval(READ_EVERY_S, self.room.refresh)

    def on_unmount(self) -> None:
        if self._timer:
            self._timer.stop()
        self.room.attach(None)
        self.room.end()

    def lay_out(self) -> None:
        """Show what the size asks for."""
        super().lay_out()
        self.show_keys(KEYS)

    async def rebuild(self) -> None:
        """Build it anew, in the language of now."""
        await super().rebuild()
        self.show()
        self._write(tuple(self.room.state.lines))
        self.log_view.focus()

    def show(self) -> None:
        """Bring everything but the log up to date."""
        state = self.room.state
        self.query_one("#container-facts", Plain).show(facts(state.status, gpu=state.gpu))
        self.query_one("#container-said", Plain).show(self._said())
        follows = tr("containerui.following" if state.follow else "containerui.standing")
        self.query_one("#container-log-title", SplitLine).show(
            Content.styled(tr("containerui.log"), "bold $accent"), Content.styled(follows, "$quiet")
        )
        self.log_view.auto_scroll = state.follow

    def _said(self) -> Content:
        """What goes on, what is wrong with what to try next, or what to do now."""
        state = self.room.state
        parts: list[Part] = []
        if state.doing:
            progress = state.progress
            said = (
                clean_line(progress.text, max_chars=300)
                if progress
                else tr(f"containerui.doing.{state.doing}")
            )
            parts += [(f"\n{glyphs().run} ", "$accent"), said]
            if progress and progress.total_bytes:
                done = progress.done_bytes or 0
                share = min(1.0, done / progress.total_bytes)
                amount = f"{format.size(done)} / {format.size(progress.total_bytes)}"
                parts += ["\n", (bar(share, 30), "$graph"), f" {format.percent(share * 100)}  {amount}"]
        if state.message:
            parts += [("\n" + state.message, "$error")]
            if state.fix:
                parts += ["\n", (f"{glyphs().arrow} ", "$accent"), state.fix]
        elif state.hint and not state.doing:
            parts += ["\n", (f"{glyphs().arrow} ", "$accent"), state.hint]
        return Content.assemble(*parts)

    def _write(self, lines: tuple[str, ...], *, anew: bool = False) -> None:
        if anew:
            self.log_view.clear()
        for line in lines:
            self.log_view.write(line)

    @on(container_room.StatusKnown)
    def _status_known(self) -> None:
        self.show()

    @on(container_room.LogGrew)
    def _log_grew(self, event: container_room.LogGrew) -> None:
        self._write(event.lines, anew=event.anew)

    @on(Choices.Clicked, "#room-keys")
    async def _key_clicked(self, event: Choices.Clicked) -> None:
        await self.run_action(event.name)

    # -- actions -------------------------------------------------------------------------------------------

    def action_container_start(self) -> None:
        """Start it and wait until it is healthy."""
        self.room.up()

    def action_container_stop(self) -> None:
        """Stop and remove it after asking."""

        def confirmed(yes: bool | None) -> None:
            if yes:
                self.room.down()

        self.app.push_screen(Confirm(tr("containerui.down.confirm")), confirmed)

    def action_container_restart(self) -> None:
        """Restart it."""
        self.room.restart()

    def action_container_gpu(self) -> None:
        """Start it next time with or without a graphics card."""
        self.room.state.gpu = not self.room.state.gpu
        self.show()

    def action_container_follow(self) -> None:
        """Let the log stream, or stand still."""
        self.room.set_follow(not self.room.state.follow)

    def action_container_cancel(self) -> None:
        """Give up starting."""
        self.room.cancel()
