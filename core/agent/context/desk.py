"""The user's long-term memory, for the interfaces."""

from __future__ import annotations

import asyncio
import builtins
from concurrent.futures import Future

from core.agent.context.facts import ranked
from core.agent.context.record import ContextReport, report_of
from core.agent.types import Fact
from core.ground import Ground
from core.session import facts as table

SEARCHED = 20
"""Facts a search shows."""
NEAR = 0.15
"""Cosine below which a search leaves a fact out, unless its words hold the query."""


class Facts:
    """What the user asked to remember."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def list(self) -> list[Fact]:
        """Return every fact, newest first. Blocking: reads the store."""
        store = self._ground.store_now()
        return table.all_facts(store) if store is not None else []

    def add(self, text: str) -> Future[Fact]:
        """Remember a text.

        Raises:
            UsageError: It is empty or too long.
        """
        line = table.checked(text)

        async def work() -> Fact:
            return await asyncio.wrap_future(table.add(await self._ground.store(), line))

        return self._ground.call(work())

    def edit(self, fact_id: str, text: str) -> Future[Fact]:
        """Change a fact's words.

        Raises:
            UsageError: They are empty or too long.
        """
        line = table.checked(text)

        async def work() -> Fact:
            return await asyncio.wrap_future(table.edit(await self._ground.store(), fact_id, line))

        return self._ground.call(work())

    def forget(self, fact_id: str) -> Future[None]:
        """Delete a fact."""

        async def work() -> None:
            await asyncio.wrap_future(table.forget(await self._ground.store(), fact_id))

        return self._ground.call(work())

    def search(self, query: str) -> Future[builtins.list[Fact]]:
        """Find facts by words and by meaning, best first."""

        async def work() -> builtins.list[Fact]:
            store, engine = await self._ground.store(), await self._ground.engine()
            found = await ranked(store, engine.embed, query, engine.embed_model)
            low = query.casefold().strip()
            near = [(score + (low in fact.text.casefold()), fact) for score, fact in found]
            near.sort(key=lambda pair: -pair[0])
            return [fact for score, fact in near if score >= NEAR][:SEARCHED]

        return self._ground.call(work())

    def report_of(self, run_id: str) -> ContextReport | None:
        """Return what went into a run's last prompt. Blocking: reads the store."""
        store = self._ground.store_now()
        return report_of(store, run_id) if store is not None else None
