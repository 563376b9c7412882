"""Tool answers kept: table ``tool_cache``."""

from __future__ import annotations

import json
import math
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.session.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlite_utils import Database

KEEP_S = 7 * 86_400.0
"""How long an answer that is no longer fresh stays, for when the network is gone."""

MAX_ROWS = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """One kept answer."""

    result: Mapping[str, Any]
    ts: float
    """When it was found, Unix seconds."""
    expires_at: float
    """Until when it counts as fresh."""


def get(store: Store, key: str) -> Kept | None:
    """Return a kept answer, fresh or not."""
    rows = store.query("SELECT result, ts, expires_at FROM tool_cache WHERE key = ?", [key])
    if not rows:
        return None
    try:
        result = json.loads(rows[0]["result"])
    except (TypeError, ValueError):
        return None
    expires = rows[0]["expires_at"]
    return Kept(result, rows[0]["ts"], math.inf if expires is None else expires)


def put(
    store: Store, key: str, tool: str, result: Mapping[str, Any], ts: float, fresh_s: float
) -> Future[None]:
    """Keep an answer, and let go of those nobody will ask for any more.

    Args:
        ts: When it was found, Unix seconds.
        fresh_s: Seconds it counts as fresh; ``inf`` does not age.
    """
    row = {
        "key": key,
        "tool": tool,
        "result": json.dumps(dict(result), ensure_ascii=False),
        "ts": ts,
        "expires_at": None if math.isinf(fresh_s) else ts + fresh_s,
    }

    def work(db: Database) -> None:
        db.table("tool_cache").upsert(row, pk="key")
        db.execute("DELETE FROM tool_cache WHERE expires_at < ?", [ts - KEEP_S])
        db.execute(
            "DELETE FROM tool_cache WHERE key NOT IN (SELECT key FROM tool_cache ORDER BY ts DESC LIMIT ?)",
            [MAX_ROWS],
        )

    return store.submit(work)
