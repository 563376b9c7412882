"""The user's own labelled questions: table ``route_examples``. They teach the router which tool a question means."""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.events import StoreChanged
from core.session.chat import new_id
from core.session.store import Store

if TYPE_CHECKING:
    from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class Example:
    """One question and the tool it means; ``none``: no tool."""

    id: str
    text: str
    tool: str
    created_at: float
    run_id: str = ""
    """The run that was corrected, when it came from one."""


def examples(store: Store) -> list[Example]:
    """Return all, oldest first."""
    rows = store.query("SELECT id, text, tool, created_at, run_id FROM route_examples ORDER BY created_at")
    return [Example(**{**row, "run_id": row["run_id"] or ""}) for row in rows]


def add(store: Store, text: str, tool: str, run_id: str = "") -> Future[Example]:
    """Keep an example; the same question said again is a correction."""
    example = Example(new_id(), text, tool, time.time(), run_id)

    def work(db: Database) -> Example:
        db.execute("DELETE FROM route_examples WHERE text = ?", [text])
        db.table("route_examples").insert(
            {"id": example.id, "text": text, "tool": tool, "created_at": example.created_at, "run_id": run_id}
        )
        return example

    return store.submit(work, StoreChanged("route_examples", (example.id,)))


def remove(store: Store, example_id: str) -> Future[bool]:
    """Forget an example; the future says whether there was one."""

    def work(db: Database) -> bool:
        db.execute("DELETE FROM route_examples WHERE id = ?", [example_id])
        return bool(next(iter(db.query("SELECT changes() AS n")))["n"])

    return store.submit(work, StoreChanged("route_examples", (example_id,)))
