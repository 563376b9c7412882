"""What the trace asks for: calls made again, sessions forked, runs replayed, commands copied, files written."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.content import Content

from core.events import Span
from core.i18n import tr
from core.session.rows import Run
from core.text import clean_line
from tui import workers
from tui.screens.dialogs import Ask, Pick
from tui.screens.help import TextScreen
from tui.widgets.rows import Row

if TYPE_CHECKING:
    from core.agent.replay.desk import Traces
    from core.agent.types import Cost
    from core.session import Store
    from core.settings import Settings
    from tui.study import StudyApp

MOST_REPEATS = 50


class TraceRoom:
    """Asks, then has the runtime do it."""

    def __init__(self, app: StudyApp) -> None:
        self._app = app

    def do(self, action: str, item: Run | Span) -> None:
        """Do what is asked for with a run or a step."""
        getattr(self, f"_{action}")(item)

    async def desk(self) -> Traces:
        """Wait for the store; the runtime's recorded runs."""
        await workers.store_of(self._app)
        return await asyncio.to_thread(lambda: self._app.runtime.traces)

    def _start(self, work: Any, group: str) -> None:
        workers.start(self._app, work, group, exclusive=False)

    def _run_of(self, item: Run | Span) -> Run | None:
        return item if isinstance(item, Run) else self._app.bench.trace.runs.get(item.run_id)

    # -- what it took -----------------------------------------------------------------------------------

    def _cost(self, item: Run | Span) -> None:
        async def work() -> None:
            from core.cost.words import report

            store = await workers.store_of(self._app)
            settings = self._app.settings
            # The price list takes a moment to read: not in the interface's loop.
            cost = await asyncio.to_thread(_cost_of, store, item, settings)
            self._app.bench.trace.show_cost(item.id, list(report(cost, settings)))

        self._start(work(), "trace-cost")

    # -- a call again ------------------------------------------------------------------------------------

    def _count(self, title: str, value: int, then: Any) -> None:
        def given(text: str | None) -> None:
            if not text:
                return
            if not text.isdecimal() or not 1 <= int(text) <= MOST_REPEATS:
                self._app.tell(tr("trace.count.bad", most=MOST_REPEATS), "warning")
                return
            then(int(text))

        note = tr("trace.count.note", most=MOST_REPEATS)
        self._app.push_screen(Ask(title, value=str(value), note=note), given)

    def _rerun(self, span: Span) -> None:
        from tui.screens.trace_repeat import RepeatScreen, Series

        def go(n: int) -> None:
            series = Series("", lambda desk: desk.rerun(span.id, n), n, of=span.id)
            title = tr("trace.rerun.title", name=clean_line(span.name, max_chars=60))
            self._app.push_screen(RepeatScreen(self, title, [series], span))

        self._count(tr("trace.rerun.ask"), 3, go)

    def _determinism(self, span: Span) -> None:
        from tui.screens.trace_repeat import RepeatScreen, Series

        prompt = _prompt_of(span)
        if not prompt:
            self._app.tell(tr("trace.no_prompt"), "warning")
            return

        def go(k: int) -> None:
            series = [
                Series(tr("trace.seeded"), lambda desk: desk.determinism(prompt, k, True), k),
                Series(tr("trace.unseeded"), lambda desk: desk.determinism(prompt, k, False), k),
            ]
            title = tr("trace.determinism.title", prompt=clean_line(prompt, max_chars=60))
            if self._app.settings.temperature == 0:
                title = f"{title}\n{tr('trace.greedy')}"
            self._app.push_screen(RepeatScreen(self, title, series, None))

        self._count(tr("trace.determinism.ask"), 5, go)

    def _curl(self, span: Span) -> None:
        async def work() -> None:
            desk = await self.desk()
            text = await asyncio.to_thread(desk.curl, span.id)
            await workers.copy(self._app, text)
            self._app.push_screen(TextScreen(tr("trace.curl.title"), Content(text)))

        self._start(work(), "curl")

    # -- whole runs --------------------------------------------------------------------------------------

    def _fork(self, item: Run | Span) -> None:
        from tui.screens.trace_fork import ForkDialog, Forked

        run = self._run_of(item)
        at = item.id if isinstance(item, Span) else self._app.bench.trace.first_span(item.id)
        if run is None or not at:
            return
        tool = item if isinstance(item, Span) and item.kind == "tool" else None
        original = str(tool.attributes.get("gen_ai.tool.call.result", "")) if tool else run.question
        title = (
            tr("trace.fork.tool", tool=clean_line(str(tool.attributes.get("gen_ai.tool.name", ""))))
            if tool
            else tr("trace.fork.question")
        )

        def given(edit: Forked | None) -> None:
            if edit is None:
                return
            text = edit.text if edit.text != original else None
            model = edit.model if edit.model and edit.model != run.model else None
            words = {"tool_result": text} if tool else {"prompt": text}
            self._start(self._make_fork(run, at, model, words), "fork")

        self._app.push_screen(ForkDialog(title, original, run.model), given)

    async def _make_fork(self, run: Run, at: str, model: str | None, words: dict[str, str | None]) -> None:
        desk = await self.desk()
        session = await asyncio.wrap_future(desk.fork(run.session_id, at, model=model, **words))
        await workers.open_session(self._app, session.id)
        self._app.bench.view(None)
        self._app.bench.focus_pane("chat")
        self._app.tell(tr("trace.fork.done", title=clean_line(session.title, max_chars=60)))

    def _replay(self, item: Run | Span) -> None:
        from tui.screens.trace_repeat import CompareScreen

        run = self._run_of(item)
        if run is None:
            return

        def given(model: str | None) -> None:
            if model:
                self._app.push_screen(CompareScreen(self, run, model))

        self._app.push_screen(
            Ask(tr("trace.replay.ask"), value=run.model, note=tr("trace.replay.note")), given
        )

    def _correct(self, item: Run | Span) -> None:
        run = self._run_of(item)
        if run is not None:
            self._start(self._ask_tool(run), "correct")

    async def _ask_tool(self, run: Run) -> None:
        desk = await self.desk()
        tools = await asyncio.to_thread(lambda: self._app.runtime.tools.list())
        rows = [Row("none", ((tr("trace.correct.none"), ""),))]
        rows += [Row(one.name, ((clean_line(one.name), ""),)) for one in tools]

        async def correct(tool: str) -> None:
            await asyncio.wrap_future(desk.correct_route(run.id, tool))
            self._app.tell(tr("trace.corrected", tool=tool, question=clean_line(run.question, max_chars=60)))

        def given(tool: str | None) -> None:
            if tool:
                self._start(correct(tool), "correct")

        title = tr("trace.correct.ask", question=clean_line(run.question, max_chars=80))
        self._app.push_screen(Pick(title, rows), given)

    def _export(self, item: Run | Span) -> None:
        run = self._run_of(item)
        if run is None:
            return
        ids = {
            "run-otlp": (run.id, "otlp"),
            "otlp": (run.session_id, "otlp"),
            "jsonl": (run.session_id, "jsonl"),
        }
        rows = [Row(name, ((tr(f"trace.export.{name}"), ""),)) for name in ids]

        async def work(name: str) -> None:
            desk = await self.desk()
            what, form = ids[name]
            path = await asyncio.wrap_future(desk.export(what, Path.cwd(), form))  # type: ignore[arg-type]
            self._app.tell(tr("export.done", paths=path))

        def given(name: str | None) -> None:
            if name:
                self._start(work(name), "export")

        self._app.push_screen(Pick(tr("trace.export.ask"), rows), given)


def _cost_of(store: Store, item: Run | Span, settings: Settings) -> Cost:
    from core.cost.desk import of_call, of_runs

    return of_call(item, settings) if isinstance(item, Span) else of_runs(store, settings, run_id=item.id)


def _prompt_of(span: Span) -> str:
    """The last thing a user says in a recorded request."""
    body = span.attributes.get("app.request.body")
    messages = body.get("messages") if isinstance(body, dict) else None
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            return str(message.get("content", ""))
    return ""
