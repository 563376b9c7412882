"""What tools stand on in unit tests: a store, and a FAKE recorder that only notes the spans."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.agent.types import ToolContext
from core.session import Store
from core.settings import Settings


@dataclass
class FakeRecorder:
    """FAKE: notes name, kind and attributes of each span."""

    spans: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def span(self, name: str, kind: str, attributes: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        seen = dict(attributes)
        yield seen
        self.spans.append((seen.pop("name", name), kind, seen))


def tool_context(store: Store, question: str = "", session_id: str = "s1", **settings: Any) -> ToolContext:
    """Make a context with a fake recorder and no engine."""
    return ToolContext(
        run_id="r1",
        session_id=session_id,
        store=store,
        engine=None,  # type: ignore[arg-type]
        settings=Settings(**settings),
        recorder=FakeRecorder(),  # type: ignore[arg-type]
        question=question,
    )


def open_store(folder: Path) -> Store:
    """Open a new store."""
    return Store.open(folder / "session.db")
