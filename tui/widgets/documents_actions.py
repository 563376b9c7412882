"""What the keys of the documents pane do. Mixed into :class:`tui.widgets.documents.DocumentsPane`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.events import Document, Hit
from core.i18n import tr
from tui.documents_shelf import Node
from tui.widgets import documents_text

if TYPE_CHECKING:
    from core.rag.types import Job
    from tui.widgets.documents import DocumentsPane


class DocumentsActions:
    """The actions; ``self`` is the pane."""

    if TYPE_CHECKING:
        # What is used of the pane.
        state: Any
        mode: Any
        page: Any
        view: Any
        result: Any
        reading: bool
        reader: Any
        rows: Any
        box: Any
        collection_here: str

    # -- what is meant -------------------------------------------------------------------------------

    def _want(self: DocumentsPane, what: str, item: Any = None, more: Any = None) -> None:  # type: ignore[misc]
        self.post_message(self.Wants(what, item, more))

    def _document(self: DocumentsPane) -> Document | None:  # type: ignore[misc]
        """Return the document that is read, when the reader has the focus; else the one under the cursor."""
        known = self.state.shelf.documents
        if self.view is not None and (self.reading or self.shape == "one"):
            return known.get(self.view.document.id, self.view.document)
        row = self.rows.current
        if row and isinstance(row.data, Document):
            return known.get(row.data.id, row.data)
        if row and isinstance(row.data, Hit):
            return known.get(row.data.document_id)
        return None

    def _targets(self: DocumentsPane) -> list[Document]:  # type: ignore[misc]
        """Return the document meant, or everything in the folder or collection under the cursor."""
        row = self.rows.current
        if row and isinstance(row.data, Node) and not self.reading:
            return self.state.shelf.of(row.data)
        one = self._document()
        return [one] if one else []

    def _hit(self: DocumentsPane) -> Hit | None:  # type: ignore[misc]
        if self.page == "document" and (self.reading or self.shape == "one"):
            found = self.reader.hit(self.reader.place)
            if found:
                return found
        row = self.rows.current
        return row.data if row and isinstance(row.data, Hit) else None

    # -- reading -------------------------------------------------------------------------------------

    def action_document_read(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Open what the cursor is on, as Enter does."""
        self.rows.action_choose()

    def action_passage_previous(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Read the chunk before."""
        if self.page == "document":
            self.reader.go(self.reader.place - 1)

    def action_passage_next(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Read the chunk after."""
        if self.page == "document":
            self.reader.go(self.reader.place + 1)

    def action_hit_next(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Go to the next hit in this document."""
        self._step_hit(1)

    def action_hit_previous(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Go to the hit before."""
        self._step_hit(-1)

    def _step_hit(self: DocumentsPane, step: int) -> None:  # type: ignore[misc]
        if self.page == "document" and not self.reader.next_hit(step):
            self._want("tell", tr("documents.no_more_hits"))

    def action_citation_back(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Go back to the answer whose source is being read."""
        if self.state.cited:
            cited, self.state.cited = self.state.cited, None
            self._clear_page()
            self._want("citation_back", cited)
        elif self.page:
            # The same key leaves a document for the list.
            self.back()

    def action_document_explain(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Explain the scores."""
        text = documents_text.scores_text(self._hit(), self.result)
        self._want("page", (tr("documents.scores"), text))

    def action_document_details(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Show everything known of the document, or a collection's settings."""
        row = self.rows.current
        document = self._document()
        if document:
            self._want("details", document.id)
        elif row and isinstance(row.data, Node) and row.data.kind == "collection":
            self._want("collection_settings", row.data.collection)

    def action_passage_export(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Write the passage to a Markdown file."""
        passage = self._passage()
        if passage:
            self._want("export", passage)

    def action_document_copy(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Copy the passage, or why a document failed."""
        row = self.rows.current
        if not (self.page == "document" and (self.reading or self.shape == "one")) and row:
            if isinstance(row.data, Hit):
                self._want("copy", row.data.text)
                return
            if isinstance(row.data, Document) and row.data.status == "failed":
                self._want("copy", f"{row.data.path}: {row.data.reason}")
                return
        passage = self._passage()
        if passage:
            self._want("copy", passage[1].text)

    def _passage(self: DocumentsPane) -> tuple[Document, Any] | None:  # type: ignore[misc]
        chunk = self.reader.chunk if self.page == "document" else None
        if chunk is None or self.view is None:
            self._want("tell", tr("documents.no_passage"))
            return None
        return self.view.document, chunk

    def action_document_open(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Open the file in the user's editor or pager."""
        document = self._document()
        if document:
            chunk = (
                self.reader.chunk if self.view is not None and self.view.document.id == document.id else None
            )
            self._want("open_file", document, getattr(chunk, "line", 0) if chunk else 0)

    # -- changing ------------------------------------------------------------------------------------

    def action_document_add(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Ask for a path."""
        self._want("ask_add", "", self.collection_here)

    def action_document_search(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Go to the search box."""
        if self.shape == "one":
            self._clear_page()
        self._typing = not self.box.has_focus
        self.box.action_select_all()  # The next letter begins another search.
        self.box.focus()

    def action_document_remove(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Remove the document under the cursor, or all in the folder."""
        row = self.rows.current
        if row and isinstance(row.data, Node) and row.data.kind == "collection" and not self.reading:
            self._want("remove_collection", row.data.collection)
        elif targets := self._targets():
            self._want("remove", targets)

    def action_document_redo(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Index again: the document, or all in the folder; a failed one is retried."""
        targets = self._targets()
        failed = [one.id for one in targets if one.status == "failed"]
        other = [one.id for one in targets if one.status != "failed"]
        if failed and (self.mode == "failed" or not other):
            self._want("retry", failed)
        elif other:
            self._want("reindex", [*other, *failed])

    def action_document_retry_all(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Retry every failed file."""
        if self.state.shelf.failed():
            self._want("retry", [])
        else:
            self._want("tell", tr("documents.failed.none"))

    def action_documents_sync_here(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Look for changed, moved and deleted files in the collection the cursor is in."""
        self._want("sync", self.collection_here)

    def action_document_collections(self: DocumentsPane) -> None:  # type: ignore[misc]
        """List the collections."""
        self._want("collections")

    # -- lists and jobs ------------------------------------------------------------------------------

    def action_document_failed(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Show what failed, or the tree again."""
        self._toggle("failed")

    def action_document_tasks(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Show the jobs, or the tree again."""
        self._want("load_jobs")
        self._toggle("tasks")

    def _toggle(self: DocumentsPane, mode: Any) -> None:  # type: ignore[misc]
        if self.mode == mode:
            self.go("hits" if self.result else "tree")
        else:
            self.go(mode)

    def _job(self: DocumentsPane) -> str:  # type: ignore[misc]
        """Return the job meant: the one under the cursor, else the one that runs."""
        row = self.rows.current
        if self.mode == "tasks" and row and hasattr(row.data, "paths"):
            job: Job = row.data
            return job.id if job.status in {"queued", "running", "paused"} else ""
        running = self.state.running
        return running.job_id if running else ""

    def action_job_pause(self: DocumentsPane) -> None:  # type: ignore[misc]
        """Hold the job, or go on with it."""
        job = self._job()
        progress = self.state.progress.get(job)
        listed = next((one for one in self.state.jobs if one.id == job), None)
        if job:
            paused = progress.paused if progress else bool(listed and listed.status == "paused")
            self._want("resume_job" if paused else "pause_job", job)
        else:
            self._want("tell", tr("documents.no_job"))

    def action_job_stop(self: DocumentsPane) -> None:  # type: ignore[misc]
        """End the job; what is done stays."""
        job = self._job()
        if job:
            self._want("stop_job", job)
        else:
            self._want("tell", tr("documents.no_job"))
