"""The list of the documents pane: the tree, passages, failed files or jobs, and the line above it. Mixed into the pane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from textual.content import Content

from core.events import Document, Hit
from core.i18n import tr
from tui import format
from tui.widgets import documents_rows, documents_text
from tui.widgets.basics import Plain
from tui.widgets.flow import Flow
from tui.widgets.rows import RowList

if TYPE_CHECKING:

    class _Pane(Any):
        """What is used of the pane."""

else:
    _Pane = object

Mode = Literal["tree", "hits", "failed", "tasks"]

LIST_KEYS: Mapping[Mode, tuple[str, ...]] = {
    "tree": (
        *("document_add", "document_search", "document_read", "document_details", "document_failed"),
        *("document_tasks", "document_redo", "document_remove", "document_open", "documents_sync_here"),
        "document_collections",
    ),
    "hits": (
        "document_read",
        "document_explain",
        "passage_export",
        "document_copy",
        "document_open",
        "document_search",
    ),
    "failed": (
        "document_read",
        "document_redo",
        "document_retry_all",
        "document_copy",
        "document_open",
        "document_remove",
    ),
    "tasks": ("job_pause", "job_stop", "document_read"),
}
EMPTY_KEYS: Mapping[Mode, tuple[str, ...]] = {
    "tree": ("document_add", "document_tasks", "document_collections"),
    "hits": ("document_search",),
    "failed": (),
    "tasks": (),
}
"""What there is to press where nothing is listed."""

READ_KEYS = (
    *("passage_previous", "passage_next", "hit_next", "hit_previous", "document_explain", "document_details"),
    *("passage_export", "document_copy", "document_open"),
)


class DocumentsListing(_Pane):
    """Shows what the mode says; ``self`` is the pane."""

    def list_keys(self) -> tuple[str, ...]:
        """Return the actions that do something in the list as it is: a job that is over cannot be held."""
        if not (self.state.shelf.documents if self.mode == "tree" else self.rows.keys):
            return EMPTY_KEYS[self.mode]
        over = self.mode == "tasks" and not self._job()
        return ("document_read",) if over else LIST_KEYS[self.mode]

    def show_list(self, *, select: str | None = None) -> None:
        """Show what the mode says."""
        state, rows = self.state, self.rows
        if self.mode == "hits":
            hits = self.result.hits if self.result else ()
            made = [documents_rows.hit_row(number, hit) for number, hit in enumerate(hits, 1)]
            rows.show([row.id for row in made], made.__getitem__, select=select)
        elif self.mode == "failed":
            failed = state.shelf.failed()
            rows.show(
                [one.id for one in failed],
                lambda place: documents_rows.failed_row(failed[place]),
                select=select,
            )
        elif self.mode == "tasks":
            jobs = list(state.jobs)
            rows.show(
                [job.id for job in jobs],
                lambda place: documents_rows.job_row(jobs[place], state.progress.get(jobs[place].id)),
                select=select,
            )
        else:
            self._show_tree(select)
        self._note()
        self.show_keys()

    def _show_tree(self, select: str | None) -> None:
        shelf, query = self.state.shelf, self.query_now
        narrowed = query.narrows and not query.problem
        matching = shelf.matching(query.test()) if narrowed else None
        self._matching = len(matching) if matching is not None else 0
        self._entries = entries = shelf.entries(matching)
        self.rows.show(
            [documents_rows.key_of(entry) for entry in entries],
            lambda place: documents_rows.tree_row(
                entries[place], shelf, unfolded=narrowed, width=self.rows.scrollable_content_region.width
            ),
            select=select,
        )

    def show_changed(self, ids: set[str], *, shape: bool) -> None:
        """Show that documents are not what they were.

        Args:
            ids: Which; empty: all may have changed.
            shape: Whether rows came or went.
        """
        if self.mode == "tree" and ids and not shape and not self.query_now.narrows:
            # The nodes above them count them: they are drawn again too.
            above = {node.key for node in self.state.shelf.nodes()}
            self.rows.redraw(ids | above)
            self._note()
        elif self.mode != "hits":
            self.show_list()
        if self.shape == "whole" and self.page == "text":
            self._read_soon()
        read = self.view.document.id if self.view else ""
        if read and (read in ids or not ids):
            self._refresh_read(self.state.shelf.documents.get(read))

    def _refresh_read(self, document: Document | None) -> None:
        """The document being read changed: read it again once its new text is in."""
        if document is None or self.view is None:
            return
        changed = document.content_hash != self.view.document.content_hash or document.chunks != len(
            self.view.chunks
        )
        if document.status == "indexed" and changed and self._wanted == document.id:
            chunk = self.reader.chunk
            self.post_message(self.Wants("view", document.id, chunk.chunk_id if chunk else None))
        if self.details and self.details.document.id == document.id and self.shape == "whole":
            self.post_message(self.Wants("strip", document.id))

    def _note(self) -> None:
        note = self.query_one("#documents-note", Plain)
        text, tone = self._note_text()
        note.display = bool(text)
        note.show(Content.styled(text, tone))

    def _note_text(self) -> tuple[str, str]:
        shelf, query = self.state.shelf, self.query_now
        if query.problem:
            return query.problem, "$warning"
        if self.mode == "failed":
            count = len(self.rows.keys)
            return (
                tr("documents.failed.title", count=count) if count else tr("documents.failed.none")
            ), "$quiet"
        if self.mode == "tasks":
            return tr("documents.tasks.title" if self.state.jobs else "documents.tasks.none"), "$quiet"
        if self.mode == "hits" and self.result is not None:
            if not self.result.hits and not shelf.documents:
                return tr(
                    "documents.none.yet", back=self.key("stop"), add=self.key("document_add")
                ), "$warning"
            if not self.result.hits:
                return tr("documents.none"), "$warning"
            if not self.result.answerable and not _literal(self.query_now.words, self.result.hits):
                return documents_text.unanswerable_text(self.result), "$warning"
            return tr("documents.hits", count=len(self.result.hits)), "$quiet"
        if self._searching:
            waits = self._waits_for
            return tr(f"documents.searching.{waits}" if waits else "documents.searching"), "$quiet"
        if query.narrows:
            return tr(
                "documents.narrowed",
                count=format.count(self._matching),
                total=format.count(len(shelf.documents)),
            ), "$quiet"
        if self.state.loaded and not shelf.documents:
            return tr("documents.empty", add=self.key("document_add"), here=self.key("documents")), "$quiet"
        return "", "$quiet"

    def show_progress(self) -> None:
        """Say how far the job is that goes on."""
        line, running = self.query_one("#documents-job", Flow), self.state.running
        line.display = running is not None
        if running:
            line.show(documents_text.progress_pieces(running, self.key("job_pause"), self.key("job_stop")))
        if self.mode == "tasks":
            self.rows.refresh()
            self._show_task()
            self.show_keys()

    def show_jobs(self) -> None:
        """The list of jobs was read."""
        if self.mode == "tasks":
            self.show_list()
            self._show_task()
            self.show_keys()

    def go(self, mode: Mode, *, select: str | None = None) -> None:
        """Show another list."""
        if mode != self.mode:
            self.mode = mode
            if mode in {"failed", "tasks"}:
                self.state.cited = None
                self._clear_page()
            self.rows.set_reactive(RowList.cursor, 0)
            self.show_list(select=select)
            self._show_parts()
            self.show_keys()
            self._read_soon()
        if self._shown():
            self.rows.focus()

    def _shown(self) -> bool:
        return self.display and self.query_one("#documents-left").display


def _literal(words: str, hits: Sequence[Hit]) -> bool:
    """Say whether all that was typed stands in a passage as it is: then the documents do say something of it."""
    wanted = words.casefold().split()
    return any(all(word in f"{hit.section} {hit.text}".casefold() for word in wanted) for hit in hits)
