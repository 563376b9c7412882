"""Files that wait for the user: a paused job is about them, of this process or of one that is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from core.rag import scan
from core.session import Store, ingest_jobs


def within(paths: Iterable[str]) -> Callable[[str], bool]:
    """Return what says whether a stored path is one of these stored paths, or below one."""
    wanted = set(paths)

    def inside(stored: str) -> bool:
        if stored in wanted:
            return True
        path = scan.opened(stored)
        return any(scan.stored(one) in wanted for one in path.parents)

    return inside


def held(store: Store, collection: str, but: str = "") -> Callable[[str], bool] | None:
    """Return what says whether a paused job in a collection is about a stored path; ``None``: none is paused. Blocking.

    Args:
        but: Id of a job that does not count.
    """
    paths = [
        path
        for job in ingest_jobs.list_jobs(store)
        if job.status == "paused" and job.collection == collection and job.id != but
        for path in job.paths
    ]
    return within(paths) if paths else None
