"""The documents pane's list and the rows in it: tree, passages, failed files, jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, overload

from rich.cells import cell_len

from core.events import Document, Hit, IngestProgress
from core.i18n import tr
from core.text import clean_line
from tui import format
from tui.documents_shelf import Node, Shelf
from tui.glyphs import glyphs
from tui.widgets.rows import Fragment, Row, RowList

if TYPE_CHECKING:
    from core.rag.types import Job

SNIPPET_CHARS = 160


class LazyRows(Sequence[Row]):
    """Rows made when they are drawn: ten thousand of them are only as many references."""

    def __init__(self, count: int, make: Callable[[int], Row]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self._make(place) for place in range(self._count)[index]]
        if not -self._count <= index < self._count:
            raise IndexError(index)
        return self._make(index % self._count)

    def __iter__(self) -> Iterator[Row]:
        return map(self._make, range(self._count))


class ShelfList(RowList):
    """A list of rows by key, in which left and right fold."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.keys: list[str] = []

    def show(self, keys: list[str], make: Callable[[int], Row], *, select: str | None = None) -> None:
        """Show rows. The cursor stays on its key, or where it was when that is gone.

        Args:
            keys: Of every row, in order.
            make: Makes the row at a place, now or when it is drawn.
            select: The key to go to instead.
        """
        wanted = select or self.key
        self.keys = keys
        self.rows = LazyRows(len(keys), make)  # type: ignore[assignment]
        try:
            place = keys.index(wanted)
        except ValueError:
            place = min(self.cursor, max(0, len(keys) - 1))
        self.set_reactive(RowList.cursor, place)
        self._measure()
        self.refresh()
        if keys:
            self._keep_visible()

    @property
    def key(self) -> str:
        """The key of the row under the cursor."""
        return self.keys[self.cursor] if 0 <= self.cursor < len(self.keys) else ""

    def redraw(self, keys: set[str]) -> None:
        """Draw rows again that are in sight and whose documents changed."""
        top = self.scroll_offset.y
        for place in range(top, min(len(self.keys), top + self.size.height)):
            if self.keys[place] in keys:
                self.refresh_line(place)


def base_name(path: str) -> str:
    """Return a path's last part as people read it."""
    if path.startswith("file:"):
        from core.rag.scan import shown

        path = shown(path)
    return clean_line(path.rstrip("/").rpartition("/")[2]) or "/"


# -- the tree ----------------------------------------------------------------------------------------


def node_row(node: Node, depth: int, shelf: Shelf, *, opened: bool, narrowed: bool) -> Row:
    """Return a collection or a folder with its counts."""
    marks = glyphs()
    mark = marks.open if opened else marks.closed
    collection = node.kind == "collection"
    name = clean_line(node.path) if collection else "/".join(map(base_name, node.trail))
    left: tuple[Fragment, ...] = (
        (f"{'  ' * depth}{mark} ", "quiet"),
        (name, "strong" if collection else "folder"),
    )
    shelved = shelf.collection(node.collection) if collection else None
    if shelved and shelved.building:
        left += ((f"  {tr('documents.building')}", "accent"),)
    elif shelved and shelved.watch:
        left += ((f"  {tr('documents.watched')}", "quiet"),)
    return Row(node.key, left, counts(node, shelf.matched.get(node.key) if narrowed else None), data=node)


def counts(node: Node, matched: int | None = None) -> tuple[Fragment, ...]:
    """Return how many documents are in a node, and how many of them failed, changed or are on their way.

    Args:
        node: A folder or collection.
        matched: How many of them a filter lets through; ``None`` without one.
    """
    if matched is not None:
        return ((f"{format.count(matched)}/{format.count(node.total)}", "quiet"),)
    marks = glyphs()
    dot = (f" {marks.dot} ", "quiet")
    parts: tuple[Fragment, ...] = ((format.count(node.total), "quiet"),)
    if node.busy:
        parts += (dot, (f"{format.count(node.busy)} {marks.run}", "accent"))
    if node.stale:
        parts += (dot, (f"{format.count(node.stale)} {marks.differ}", "warning"))
    if node.failed:
        parts += (dot, (f"{format.count(node.failed)} {marks.bad}", "error"))
    return parts


def document_row(document: Document, depth: int, *, width: int = 0) -> Row:
    """Return a document with its status. ``width``: cells there are; where the name needs them a status is a sign alone."""
    failed = document.status == "failed"
    mark = f"{glyphs().bad} " if failed else "  "
    indent = "  " * max(0, depth - 1)
    left: tuple[Fragment, ...] = ((indent, ""), (mark, "error"), (base_name(document.path), "name"))
    if failed:
        # Behind the name, where it gives way to it: which file it is comes first.
        left += ((f"  {clean_line(document.reason, max_chars=120) or tr('document.failed')}", "error"),)
    right = status(document)
    if width and not failed and sum(cell_len(text) for text, _ in left + right) >= width:
        right = status(document, brief=True)
    return Row(document.id, left, right, data=document)


def status(document: Document, *, brief: bool = False) -> tuple[Fragment, ...]:
    """Return a document's status in few words: what is searchable of it, or why nothing is."""
    marks = glyphs()
    chunks = f"{document.chunks:>3}"
    if document.status == "indexed":
        note = ((f"{marks.ask} ", "warning"),) if document.note else ()
        return (*note, (f"{marks.ok} ", "success"), (chunks, "quiet"))
    if document.status == "failed":
        # What is left of it that can be found: its old version.
        return ((chunks, "quiet"),) if document.chunks else ()
    if document.status == "stale":
        word = "" if brief else f"{tr('document.stale')} "
        return ((f"{marks.differ} {word}", "warning"), (chunks, "quiet"))
    word = "" if brief else f" {tr(f'document.{document.status}')}"
    if document.status == "stopped":
        return ((f"{marks.stop}{word}", "warning"),)
    return ((f"{marks.wait if document.status == 'queued' else marks.run}{word}", "accent"),)


# -- passages ----------------------------------------------------------------------------------------


def hit_row(number: int, hit: Hit) -> Row:
    """Return a passage found: where it is, how it begins, its score."""
    # The last heading says most, and the file's name is there already.
    section = clean_line(hit.section.rpartition(" › ")[2])
    body = hit.text.lstrip()
    snippet = clean_line(body.partition("\n")[2] if body.startswith("#") else body, max_chars=SNIPPET_CHARS)
    left: tuple[Fragment, ...] = (
        (f"{number:>2} ", "accent"),
        (base_name(hit.path or hit.document), ""),
        (f" {glyphs().section} {section}" if section else "", "quiet"),
        (f"  {snippet}", "quiet"),
    )
    stale: tuple[Fragment, ...] = ((f"{glyphs().differ} ", "warning"),) if hit.stale else ()
    return Row(f"hit:{number}:{hit.chunk_id}", left, (*stale, (f"{hit.score:.2f}", "quiet")), data=hit)


# -- failed files and jobs ---------------------------------------------------------------------------


def failed_row(document: Document) -> Row:
    """Return a failed file with its reason."""
    reason = clean_line(document.reason, max_chars=120) or tr("document.failed")
    left = ((f"{glyphs().bad} ", "error"), (base_name(document.path), ""), (f"  {reason}", "quiet"))
    return Row(document.id, left, data=document)


def job_row(job: Job, progress: IngestProgress | None) -> Row:
    """Return a job: what it does, how far it is, how fast."""
    marks = glyphs()
    live = job.status in {"queued", "running", "paused"}
    done, total, failed = job.done, job.total, job.failed
    if progress and live:
        done, total, failed = progress.done, progress.total, progress.failed
    paused = job.status == "paused" or bool(progress and progress.paused)
    mark, tone = {
        "queued": (marks.wait, "quiet"),
        "running": (marks.run, "accent"),
        "done": (marks.ok, "success"),
        "cancelled": (marks.stop, "warning"),
        "failed": (marks.bad, "error"),
    }.get(job.status, (marks.wait, "warning"))
    word = tr("documents.job.paused") if paused and live else tr(f"documents.job.{job.status}")
    names = ", ".join(base_name(path) for path in job.paths[:3])
    left: tuple[Fragment, ...] = (
        (f"{mark} ", tone),
        (tr(f"documents.job.{job.kind}"), ""),
        (f"  {names}" if names else "", "quiet"),
    )
    right: tuple[Fragment, ...] = ((f"{format.count(done)}/{format.count(total)}", "quiet"),)
    if failed:
        right += ((f" {marks.dot} {failed} {marks.bad}", "error"),)
    return Row(job.id, left, (*right, (f"  {word}", tone)), data=job)


def tree_row(entry: tuple[Node | str, int], shelf: Shelf, *, unfolded: bool, width: int = 0) -> Row:
    """Return the row of an entry of the tree; see :func:`document_row` for ``width``."""
    item, depth = entry
    if isinstance(item, Node):
        return node_row(
            item, depth, shelf, opened=unfolded or item.key not in shelf.folded, narrowed=unfolded
        )
    document = shelf.documents.get(item)
    return (
        document_row(document, depth, width=width) if document else Row(item, (("", ""),), selectable=False)
    )


def key_of(entry: tuple[Node | str, int]) -> str:
    """Return the key of an entry's row."""
    item = entry[0]
    return item if isinstance(item, str) else item.key
