"""What the app knows of the agent beside the answers: permission questions, waiting questions, context, cost, memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from textual.message import Message

from core.errors import StudyError
from core.events import (
    ContextMeasured,
    PermissionAnswered,
    PermissionAsked,
    QueueChanged,
    RunWaits,
)
from core.i18n import tr
from tui import workers
from tui.screens.help import TextScreen
from tui.screens.room import Room
from tui.state import Turn
from tui.widgets.header import Header
from tui.widgets.message import Answer
from tui.widgets.permission import PermissionRow

if TYPE_CHECKING:
    from core.agent.types import Answer as Word
    from core.agent.types import Budget, Cost, Fact, PermissionRequest
    from tui.study import StudyApp

AgentEvent = PermissionAsked | PermissionAnswered | QueueChanged | ContextMeasured | RunWaits


@dataclass
class AgentLoaded(Message):
    """What of a session waits, and what it took, is read."""

    session_id: str
    permissions: list[PermissionRequest]
    queue: tuple[tuple[str, str], ...]
    budget: Budget | None
    costs: dict[str, Cost]


@dataclass
class CostLoaded(Message):
    """What one run took is computed."""

    session_id: str
    run_id: str
    cost: Cost


@dataclass
class AnswerFailed(Message):
    """The user's word could not be handed over."""

    request: PermissionRequest
    error: Exception


@dataclass
class FactsLoaded(Message):
    """The facts are read, or those that are near a query."""

    facts: list[Fact]
    query: str = ""


@dataclass
class MemoryState:
    """What the memory screen shows, kept while it is closed."""

    facts: list[Fact] = field(default_factory=list)
    forgotten: list[Fact] = field(default_factory=list)
    """What can be brought back, last one last."""
    loaded: bool = False


class AgentRoom:
    """Takes the agent's events and asks the runtime for what it needs to know."""

    def __init__(self, app: StudyApp) -> None:
        self._app = app
        self.memory = MemoryState()

    # -- events ------------------------------------------------------------------------------------------

    async def apply(self, event: AgentEvent) -> None:
        """Take one event."""
        app, state = self._app, self._app.state
        if isinstance(event, PermissionAsked | PermissionAnswered):
            await self._permission(event)
        elif event.session_id != state.session_id:
            return
        elif isinstance(event, QueueChanged):
            await self._queue(event.waiting)
        elif isinstance(event, ContextMeasured):
            state.budget = event.budget
            app.bench.chat.context.show()
        elif event.text:
            state.waits[event.run_id] = event.text
            app.bench.chat.show_waits(event.run_id)
        else:
            state.waits.pop(event.run_id, None)
            app.bench.chat.show_waits(event.run_id)

    async def _permission(self, event: PermissionAsked | PermissionAnswered) -> None:
        state, request = self._app.state, event.request
        if request.session_id != state.session_id:
            if isinstance(event, PermissionAsked):
                self._app.tell(tr("permission.elsewhere", tool=request.tool), "warning")
            return
        state.permissions = [known for known in state.permissions if known.id != request.id]
        if isinstance(event, PermissionAsked):
            state.permissions.append(request)
        await self.show_permissions()

    async def show_permissions(self) -> None:
        """Bring the question on screen, or take it off."""
        await self._app.bench.chat.show_permissions()
        self.refresh_headers()

    async def _queue(self, waiting: tuple[tuple[str, str], ...]) -> None:
        state = self._app.state
        state.queue = waiting
        # What was handed over and is in the queue now is shown as what is on disk.
        queued = [text for _, text in waiting]
        for item in [item for item in state.pending if item.sent]:
            if item.text in queued:
                queued.remove(item.text)
                state.pending.remove(item)
        await self._app.bench.chat.show_pending()
        await self._app.send_next()

    def refresh_headers(self) -> None:
        """Redraw the line at the top wherever it is."""
        for screen in self._app.screen_stack:
            for header in screen.query(Header):
                header.refresh()

    # -- a session that was opened -------------------------------------------------------------------------

    def forget_session(self) -> None:
        """Another session is open: what was known of the last one is its business."""
        state = self._app.state
        state.permissions, state.queue, state.budget, state.cost = [], (), None, None
        state.waits.clear()
        state.costs.clear()
        state.pending = [item for item in state.pending if not item.sent]

    def load(self, session_id: str, turns: list[Turn]) -> None:
        """Read what of a session waits and what it took."""
        run_id = next((turn.run.id for turn in reversed(turns) if turn.run), "")
        workers.start(self._app, self._load(session_id, run_id), "agent")

    async def _load(self, session_id: str, run_id: str) -> None:
        runtime = self._app.runtime
        store = await workers.store_of(self._app)

        def read() -> AgentLoaded:
            from tui.agent_data import stored_budget

            return AgentLoaded(
                session_id,
                list(runtime.open_permissions(session_id)),
                tuple(runtime.waiting(session_id)),
                stored_budget(store, run_id) if run_id else None,
                runtime.costs.by_run(session_id),
            )

        self._app.post_message(await asyncio.to_thread(read))

    async def loaded(self, event: AgentLoaded) -> None:
        """Show what was read."""
        state = self._app.state
        if event.session_id != state.session_id:
            return
        known = {request.id for request in event.permissions}
        state.permissions = event.permissions + [r for r in state.permissions if r.id not in known]
        state.budget = state.budget or event.budget
        state.costs = {**event.costs, **state.costs}
        self._sum_up()
        self._app.bench.chat.context.show()
        await self._queue(event.queue)
        await self.show_permissions()

    # -- cost ----------------------------------------------------------------------------------------------

    def run_ended(self, session_id: str, run_id: str) -> None:
        """Count what a run took."""
        self._app.state.waits.pop(run_id, None)
        workers.start(self._app, self._load_cost(session_id, run_id), "cost", exclusive=False)

    async def _load_cost(self, session_id: str, run_id: str) -> None:
        cost = await asyncio.to_thread(lambda: self._app.runtime.costs.of_run(run_id))
        self._app.post_message(CostLoaded(session_id, run_id, cost))

    def cost_loaded(self, event: CostLoaded) -> None:
        """Show what a run took, and the session's new sum."""
        if event.session_id == self._app.state.session_id:
            self._app.state.costs[event.run_id] = event.cost
            self._sum_up()

    def _sum_up(self) -> None:
        from core.cost.calculate import total

        state = self._app.state
        state.cost = total(state.costs.values())
        self._app.bench.chat.show_costs()
        self.refresh_headers()

    # -- answers to permission questions -------------------------------------------------------------------

    def answer(self, request: PermissionRequest, word: Word) -> None:
        """Hand the user's word over; the run goes on by itself."""
        workers.start(self._app, self._answer(request, word), "permission", exclusive=False)

    async def _answer(self, request: PermissionRequest, word: Word) -> None:
        try:
            await asyncio.wrap_future(self._app.runtime.answer(request.id, word))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._app.post_message(AnswerFailed(request, error))

    async def answer_failed(self, event: AnswerFailed) -> None:
        """Ask again: the word did not arrive."""
        for row in self._app.bench.chat.query(PermissionRow):
            if row.request.id == event.request.id:
                row.again()
        self._app.show_error(event.error)

    # -- waiting questions ---------------------------------------------------------------------------------

    def take_back(self, waiting_id: str = "") -> bool:
        """Put a waiting question (the last one, without an id) back into the input. False when none waits."""
        state = self._app.state
        wanted = waiting_id or (state.queue[-1][0] if state.queue else "")
        text = next((text for known, text in state.queue if known == wanted), None)
        if text is None:
            return False
        state.queue = tuple(item for item in state.queue if item[0] != wanted)
        workers.start(self._app, self._unqueue(wanted), "unqueue", exclusive=False)
        self._app.bench.chat.composer.put_back(text)
        return True

    async def _unqueue(self, waiting_id: str) -> None:
        await asyncio.wrap_future(self._app.runtime.unqueue(waiting_id))

    # -- what an answer took ---------------------------------------------------------------------------------

    def explain(self, answer: Answer | None = None) -> None:
        """Show everything an answer took: route, context, tokens, cost, memory; the last one's without one."""
        answers = self._app.bench.chat.answers()
        shown = answer or (answers[-1] if answers else None)
        if shown is None or shown.turn.run is None:
            self._app.tell(tr("answer.nothing"), "warning")
            return
        workers.start(self._app, self._explain(shown), "explain")

    async def _explain(self, answer: Answer) -> None:
        from tui import agent_data

        run = answer.turn.run
        store = await workers.store_of(self._app)
        assert run is not None  # noqa: S101 - asked above
        record = await asyncio.to_thread(agent_data.record, store, run.id)
        cost = await asyncio.to_thread(lambda: self._app.runtime.costs.of_run(run.id))
        text = agent_data.explained(run, list(answer.spans.values()), record, cost, self._app.settings)
        self._app.push_screen(TextScreen(tr("answer.explained"), text))

    # -- memory ----------------------------------------------------------------------------------------------

    def open_memory(self, text: str = "") -> None:
        """Show the facts; with a text, find those near it."""
        from tui.screens.memory import MemoryScreen

        app = self._app
        if isinstance(app.screen, MemoryScreen):
            app.screen.action_leave()
        else:
            app.push_screen(MemoryScreen(app.state, app.keys, self, text))

    def remember(self, text: str) -> None:
        """Add a fact and say so."""
        workers.start(self._app, self._remember(text), "memory", exclusive=False)

    async def _facts(self) -> Any:
        await workers.store_of(self._app)
        return await asyncio.to_thread(lambda: self._app.runtime.facts)

    async def _remember(self, text: str) -> None:
        fact = await asyncio.wrap_future((await self._facts()).add(text))
        self._app.tell(tr("memory.added", text=fact.text))
        await self._load_facts("")

    def load_facts(self, query: str = "") -> None:
        """Read the facts, or find those near a query."""
        workers.start(self._app, self._load_facts(query), "memory-list")

    async def _load_facts(self, query: str) -> None:
        desk = await self._facts()
        if query:
            facts = list(await asyncio.wrap_future(desk.search(query)))
        else:
            facts = list(await asyncio.to_thread(desk.list))
            self.memory.facts, self.memory.loaded = facts, True
        if isinstance(self._app.screen, Room):
            self._app.screen.post_message(FactsLoaded(facts, query))

    def edit(self, fact: Fact, text: str) -> None:
        """Change a fact's words."""
        workers.start(self._app, self._edit(fact, text), "memory", exclusive=False)

    async def _edit(self, fact: Fact, text: str) -> None:
        await asyncio.wrap_future((await self._facts()).edit(fact.id, text))
        await self._load_facts("")

    def forget(self, fact: Fact) -> None:
        """Forget a fact; it can be brought back while the app runs."""
        workers.start(self._app, self._forget(fact), "memory", exclusive=False)

    async def _forget(self, fact: Fact) -> None:
        await asyncio.wrap_future((await self._facts()).forget(fact.id))
        self.memory.forgotten.append(fact)
        await self._load_facts("")

    def bring_back(self) -> None:
        """Remember again what was forgotten last."""
        if self.memory.forgotten:
            workers.start(self._app, self._bring_back(self.memory.forgotten.pop()), "memory", exclusive=False)

    async def _bring_back(self, fact: Fact) -> None:
        try:
            await asyncio.wrap_future((await self._facts()).add(fact.text))
        except StudyError:
            self.memory.forgotten.append(fact)
            raise
        await self._load_facts("")
