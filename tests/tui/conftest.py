"""Fixtures of the interface's tests: the real app and store over a labelled fake runtime."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from textual.app import App
from textual.pilot import Pilot

from core import i18n
from core.paths import default_paths
from core.settings import Settings
from tests.tui.fakes import FakeRuntime
from tui import glyphs
from tui.study import StudyApp

DEADLINE_S = 10.0


def text_of(app: App[Any]) -> str:
    """What is on screen, line by line."""
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in line).rstrip() for line in lines)


async def wait_until(pilot: Pilot[Any], condition: Callable[[], Any], what: str = "") -> Any:
    """Wait for a condition, up to a deadline; returns what it gave."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        await pilot.pause()
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"never came true: {what or condition}\n{text_of(pilot.app)}")
        await asyncio.sleep(0.01)


@dataclass
class Bench:
    """An app being driven."""

    app: StudyApp
    pilot: Pilot[Any]
    runtime: FakeRuntime

    async def until(self, condition: Callable[[], Any], what: str = "") -> Any:
        return await wait_until(self.pilot, condition, what)

    async def type(self, text: str) -> None:
        """Type as a terminal would send it."""
        for letter in text:
            await self.pilot.press("space" if letter == " " else "ctrl+j" if letter == "\n" else letter)

    async def ask(self, text: str) -> None:
        self.app.bench.chat.composer.focus()
        self.app.bench.chat.composer.text = text
        await self.pilot.press("enter")
        await self.until(lambda: not self.app.bench.chat.composer.text, "the question was sent")

    def screen_text(self) -> str:
        """What is on screen, line by line."""
        return text_of(self.app)

    async def sees(self, text: str) -> None:
        await self.until(lambda: text in self.screen_text(), f"{text!r} on screen")


@pytest.fixture
def runs(tmp_path: Path) -> Any:
    """Return a context manager that runs the app: ``async with runs(size=(120, 36)) as bench``."""

    @asynccontextmanager
    async def run(
        size: tuple[int, int] = (120, 36),
        *,
        session: str = "new",
        ready: bool = True,
        prepare: Callable[[FakeRuntime], None] | None = None,
        **changes: Any,
    ) -> AsyncIterator[Bench]:
        settings = replace(Settings(lang="en"), **changes)
        paths = default_paths(tmp_path / "data")
        paths.ensure()
        runtime = FakeRuntime(settings, paths)
        if prepare:
            prepare(runtime)
        app = StudyApp(runtime, settings, paths, session=session)  # type: ignore[arg-type]
        try:
            async with app.run_test(size=size, notifications=True) as pilot:
                bench = Bench(app, pilot, runtime)
                if ready:
                    await bench.until(
                        lambda: app.state.session and app.state.ready, "session open, engine ready"
                    )
                    await pilot.pause()
                yield bench
                assert not app.unexpected, app.unexpected
        finally:
            runtime.stop()
            i18n.set_language("en")
            glyphs.use_glyphs(ascii_only=False)

    return run


class SvgExtension(SingleFileSnapshotExtension):
    """Screens as SVG files, without what differs from run to run."""

    _write_mode = WriteMode.TEXT
    file_extension = "svg"

    def serialize(self, data: Any, **kwargs: Any) -> str:
        text = re.sub(r"terminal-\d+", "terminal-0", str(data))
        return re.sub(r"<!-- .*? -->", "", text)


@pytest.fixture
def svg(snapshot: Any) -> Any:
    return snapshot.use_extension(SvgExtension)
