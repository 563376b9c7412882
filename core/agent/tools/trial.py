"""Trying a tool outside of any run: the same runner, nothing recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.agent.spans import Recorder
from core.agent.types import Search, ToolContext
from core.events import RunStarted, Span
from core.session import Store
from core.settings import Settings

if TYPE_CHECKING:
    from core.engines import Engine

SESSION = "trial"


class _Unrecorded(Recorder):
    """A recorder without a run: spans go nowhere."""

    async def _put(self, span: Span) -> None:
        return None


def trial_context(
    store: Store,
    settings: Settings,
    *,
    question: str = "",
    engine: Engine | None = None,
    search: Search | None = None,
) -> ToolContext:
    """Make a context for a tool call that belongs to no run.

    Args:
        question: Decides the language; addresses in it may be fetched.
    """
    run = RunStarted(run_id=SESSION, session_id=SESSION, user_message_id="", assistant_message_id="")
    return ToolContext(
        run_id=SESSION,
        session_id=SESSION,
        store=store,
        engine=engine,  # type: ignore[arg-type]
        settings=settings,
        recorder=_Unrecorded(store, lambda event: None, run),
        search=search,
        question=question,
    )
