"""What the user said once and for all about a tool: table ``tool_rules``."""

from __future__ import annotations

import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

from core.events import StoreChanged
from core.session.store import Store

if TYPE_CHECKING:
    from sqlite_utils import Database


def rules(store: Store) -> dict[str, str]:
    """Return permission by tool."""
    return {row["tool"]: row["permission"] for row in store.query("SELECT tool, permission FROM tool_rules")}


def put_rule(store: Store, tool: str, permission: str) -> Future[None]:
    """Remember a permission."""
    row = {"tool": tool, "permission": permission, "changed_at": time.time()}

    def work(db: Database) -> None:
        db.table("tool_rules").upsert(row, pk="tool")

    return store.submit(work, StoreChanged("tool_rules", (tool,)))


def remove_rule(store: Store, tool: str) -> Future[None]:
    """Forget what was said about a tool: its default holds again."""

    def work(db: Database) -> None:
        db.execute("DELETE FROM tool_rules WHERE tool = ?", [tool])

    return store.submit(work, StoreChanged("tool_rules", (tool,)))
