"""Addresses that tools found in a session: table ``found_links``. Only those may be opened later."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from core.session.store import Store

if TYPE_CHECKING:
    from sqlite_utils import Database

MAX_LINKS = 500
"""Kept for each session: the newest."""


def add(store: Store, session_id: str, links: Sequence[str]) -> Future[None]:
    """Remember addresses."""
    now = time.time()
    rows = [{"session_id": session_id, "url": link, "ts": now} for link in links]

    def work(db: Database) -> None:
        db.table("found_links").upsert_all(rows, pk=("session_id", "url"))
        db.execute(
            "DELETE FROM found_links WHERE session_id = :id AND url NOT IN "
            "(SELECT url FROM found_links WHERE session_id = :id ORDER BY ts DESC LIMIT :keep)",
            {"id": session_id, "keep": MAX_LINKS},
        )

    return store.submit(work)


def known(store: Store, session_id: str, url: str) -> bool:
    """Say whether a tool found this address in this session."""
    found = store.query("SELECT 1 FROM found_links WHERE session_id = ? AND url = ?", [session_id, url])
    return bool(found)
