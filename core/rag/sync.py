"""What changed on disk since the ledger was written: the scan is the truth, a watcher only says when to scan."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import StudyError
from core.events import Notice
from core.i18n import tr
from core.rag import scan
from core.rag.index import IndexUnusable
from core.rag.ledger import MIDDLE, Row, called, committed, listed, paths_of
from core.rag.parsing.loaders import LoadError, read_source
from core.rag.shelf import Shelf
from core.rag.types import SyncReport
from core.session import Store, collections, documents

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Survey:
    """The differences between disk and ledger."""

    changed: list[scan.Candidate] = field(default_factory=list)
    """New and changed files, to be indexed."""
    added: set[str] = field(default_factory=set)
    """Stored paths of the new ones."""
    stopped: int = 0
    """Of ``changed``: not reached by a job the user stopped."""
    unchanged: int = 0
    moved: dict[str, str] = field(default_factory=dict)
    """Document id → its new stored path."""
    removed: list[str] = field(default_factory=list)
    """Ids of documents whose file is gone."""
    suspended: dict[str, str] = field(default_factory=dict)
    """Id → stored path of sources that cannot be reached."""
    reached: list[str] = field(default_factory=list)
    """Ids of the other sources."""

    def without(self, rows: Mapping[str, Row], held: Callable[[str], bool]) -> None:
        """Leave alone what a paused job has in its queue.

        Args:
            rows: The collection's ledger by stored path.
            held: Says whether a paused job is about a stored path.
        """
        queued = {path for path, row in rows.items() if row.status in (*MIDDLE, "stale")}
        self.changed = [item for item in self.changed if not (item.stored in queued and held(item.stored))]


def survey(
    sources: Sequence[Mapping[str, str]],
    rows: Mapping[str, Row],
    excluded: set[str],
    unchanged: Callable[[Row, scan.Candidate], bool],
) -> Survey:
    """Compare what is below the sources with the ledger. Blocking.

    Args:
        sources: Rows with ``id`` and ``path`` (as stored).
        rows: The collection's ledger by stored path.
        excluded: Stored paths the user took out.
        unchanged: Says whether a row describes a file as it is.
    """
    found = Survey()
    on_disk: dict[str, scan.Candidate] = {}
    # Below these nothing is known: what is there is neither gone nor changed.
    unknown: list[str] = []
    for source in sources:
        root = scan.opened(source["path"])
        walked = _look(root, a_file=source["path"] in rows)
        if walked is None or (not walked.files and _holds(rows, source["path"])):
            # Not there, or empty where documents were: a drive that is not mounted looks like this.
            found.suspended[source["id"]] = source["path"]
            unknown.append(source["path"])
            continue
        found.reached.append(source["id"])
        unknown += [scan.stored(Path(folder)) for folder in walked.unreadable]
        on_disk |= {item.stored: item for item in walked.files}
    for path, item in on_disk.items():
        row = rows.get(path)
        if path in excluded:
            continue
        if row and unchanged(row, item):
            found.unchanged += 1
            continue
        found.changed.append(item)
        if row is None or row.status in ("removed", "stopped"):
            found.added.add(path)
        found.stopped += row is not None and row.status == "stopped"
    gone = [
        (path, row)
        for path, row in rows.items()
        if path not in on_disk
        and row.status != "removed"
        and not any(scan.inside(path, folder) for folder in unknown)
        and any(scan.inside(path, source["path"]) for source in sources)
    ]
    _match_moves(found, gone, rows)
    return found


def _look(root: Path, *, a_file: bool) -> scan.Found | None:
    """Walk a source. ``None``: it cannot be reached; a file that is gone from a folder that is there was deleted."""
    try:
        if root.exists():
            walked = scan.walk([root])
            return None if str(root) in walked.unreadable else walked
        return scan.Found() if a_file and root.parent.is_dir() and not root.is_symlink() else None
    except OSError:
        # A drive whose server is gone does not say whether it is there.
        return None


def _holds(rows: Mapping[str, Row], folder: str) -> bool:
    """Say whether there are documents from within a folder."""
    return any(
        path != folder and row.status != "removed" and scan.inside(path, folder) for path, row in rows.items()
    )


def _match_moves(found: Survey, gone: Sequence[tuple[str, Row]], rows: Mapping[str, Row]) -> None:
    """Tell a file that was moved, by its content, from one that is gone beside one that is new."""
    by_size: dict[int, list[Row]] = {}
    for _path, row in gone:
        if row.content_hash and row.stored_as:
            by_size.setdefault(row.bytes, []).append(row)
    moved: set[str] = set()
    if by_size:
        for item in found.changed:
            path = item.stored
            known = rows.get(path)
            candidates = by_size.get(item.bytes)
            if not candidates or (known is not None and known.status != "removed"):
                continue
            digest = _digest(item.path)
            match = next((row for row in candidates if row.content_hash == digest), None)
            if match is not None:
                candidates.remove(match)
                moved.add(path)
                found.moved[match.id] = path
    found.changed = [item for item in found.changed if item.stored not in moved]
    found.added -= moved
    found.removed = [row.id for _path, row in gone if row.id not in found.moved]


def _digest(path: Path) -> str:
    try:
        return read_source(path).content_hash
    except LoadError:
        return ""


async def apply(store: Store, shelf: Shelf, found: Survey, notice: Callable[[Notice], None]) -> None:
    """Write down what was moved, removed, or cannot be reached."""
    for source_id in found.reached:
        collections.set_source(store, source_id, status="ok")
    for source_id, path in found.suspended.items():
        await committed(collections.set_source(store, source_id, status="suspended"))
        notice(Notice(tr("rag.sync.suspended", path=scan.shown(path)), "warning"))
    if found.moved:
        await _move(store, shelf, found)
    await take_out(store, shelf, found.removed)


async def _move(store: Store, shelf: Shelf, found: Survey) -> None:
    """Write down moved files' paths, and where a name is another one, that they are found by its words."""
    rows = await asyncio.to_thread(documents.rows_of, store, list(found.moved))
    other = {one: row for one, row in rows.items() if called(row["path"]) != called(found.moved[one])}
    titled = {one for one, row in other.items() if " ".join(row["title"].split()) == called(row["path"])}
    again = titled if shelf.chunking.header else set()
    # Another suffix says that it is another kind of text.
    again |= {one for one, row in rows.items() if _suffix(row["path"]) != _suffix(found.moved[one])}
    # The index first: cut off in between, the next sync finds the same move. What is read again is written then.
    await _rename(store, shelf, [row["stored_as"] for one, row in other.items() if one not in again], found)
    changes: dict[str, dict[str, Any]] = {one: {"title": called(found.moved[one])} for one in titled}
    for one in again:
        # Its name is part of what is embedded. Unlike any content: it is read as if it were new.
        changes[one] = changes.get(one, {}) | {"status": "stale", "content_hash": ""}
    await committed(documents.move_documents(store, shelf.id, found.moved, changes))
    found.changed += scan.candidates([found.moved[one] for one in sorted(again)])


def _suffix(path: str) -> str:
    return scan.opened(path).suffix.lower()


async def _rename(store: Store, shelf: Shelf, keys: Sequence[str], found: Survey | None = None) -> None:
    """Let documents in the index be found by what their files are called, or will be."""
    if not keys or not shelf.index.exists:
        return
    paths = await asyncio.to_thread(paths_of, store, shelf.id, keys)
    moved = found.moved if found is not None else {}
    names = {
        key: listed(
            called(moved.get(one, path)) for one, path in sorted(owners.items(), key=lambda it: it[1])
        )
        for key, owners in paths.items()
    }
    try:
        await shelf.index.rename_many(names)
    except (StudyError, IndexUnusable) as error:
        # Found by the words of the old name, until it is read again; an index that is lost is made anew with the new one.
        log.warning("new names are not written to the index: %s", error)


async def take_out(store: Store, shelf: Shelf, document_ids: Sequence[str], *, forget: bool = False) -> None:
    """Let documents be found no more: the ledger first, then the index. A crash in between leaves chunks of nobody.

    Args:
        forget: Delete the rows; otherwise they say that the file is gone.
    """
    if not document_ids:
        return
    async with shelf.ingest.writing:
        keys = await asyncio.to_thread(_keys, store, set(document_ids))
        if forget:
            await committed(documents.forget_documents(store, document_ids))
        else:
            gone = {
                "status": "removed",
                "reason": "",
                "stored_as": "",
                "chunks": 0,
                "removed_at": time.time(),
            }
            await committed(documents.set_rows(store, dict.fromkeys(document_ids, gone)))
        unused = await asyncio.to_thread(shelf.ingest.unused, keys)
        if unused and shelf.index.exists:
            await shelf.index.delete_many(unused)
        # What others still have is not called that any more.
        await _rename(store, shelf, sorted(set(keys) - set(unused)))


def _keys(store: Store, document_ids: set[str]) -> list[str]:
    rows = store.query("SELECT id, stored_as FROM documents WHERE stored_as != ''")
    return [row["stored_as"] for row in rows if row["id"] in document_ids]


def reported(job_id: str, surveys: Sequence[Survey], failed: int) -> SyncReport:
    """Say what a sync found; after a pause it has looked once more."""
    first, last = surveys[0], surveys[-1]
    added = {path for one in surveys for path in one.added}
    moved = {path for one in surveys for path in one.moved.values()}
    changed = {item.stored for one in surveys for item in one.changed} - added - moved
    return SyncReport(
        job_id,
        added=len(added),
        changed=len(changed),
        moved=len(moved),
        removed=len({one for found in surveys for one in found.removed}),
        unchanged=first.unchanged,
        suspended=tuple(scan.shown(path) for path in last.suspended.values()),
        failed=failed,
    )


def total(reports: Sequence[SyncReport]) -> SyncReport:
    """Add up the reports of several collections; the job is the last one's."""
    if len(reports) == 1:
        return reports[0]
    names = ("added", "changed", "moved", "removed", "unchanged", "failed")
    sums = {name: sum(getattr(one, name) for one in reports) for name in names}
    suspended = tuple(path for one in reports for path in one.suspended)
    return SyncReport(reports[-1].job_id if reports else "", suspended=suspended, **sums)
