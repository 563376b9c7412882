"""The reading part of the documents pane: a document at its passage, a reason, a job. Mixed into the pane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.containers import VerticalScroll
from textual.content import Content

from core.events import Citation, Document, Hit
from core.i18n import tr
from core.text import break_long_lines, clean, clean_line
from tui.documents_shelf import Node
from tui.glyphs import glyphs
from tui.widgets import documents_rows, documents_text
from tui.widgets.basics import Plain, SplitLine
from tui.widgets.flow import Flow

if TYPE_CHECKING:
    from core.rag import DocumentView
    from core.rag.types import Details, Job

    class _Pane(Any):
        """What is used of the pane."""

else:
    _Pane = object


class DocumentsReading(_Pane):
    """Shows what is read; ``self`` is the pane."""

    _focus_wanted = False

    def _read(self, data: object, *, focus: bool) -> None:
        if isinstance(data, Hit):
            self._ask_view(data.document_id, data.chunk_id, focus=focus)
        elif isinstance(data, Document):
            if data.chunks or data.same_as:
                self._ask_view(data.id, None, focus=focus)
            else:
                self._show_page(self._document_text(data), documents_rows.base_name(data.path), focus=focus)
                self._ask_details(data.id)
        elif hasattr(data, "paths"):
            self._show_task(focus=focus)
        elif isinstance(data, Node) and self.shape == "whole":
            self.details = None
            self._wanted = ""
            shelf = self.state.shelf
            text = documents_text.node_text(data, shelf.of(data), shelf.collection(data.collection))
            self._show_page(
                text,
                clean_line(data.path) if data.kind == "collection" else documents_rows.base_name(data.path),
            )

    def _document_text(self, document: Document) -> Content:
        if document.status == "failed":
            return documents_text.reason_text(document, self.key("document_redo"), self.key("document_copy"))
        return Content.styled(tr("documents.unread"), "$quiet")

    def _ask_view(self, document_id: str, chunk_id: str | None, *, focus: bool) -> None:
        same = self.view is not None and self.page == "document" and self.view.document.id == document_id
        self._wanted = document_id
        self._focus_wanted = focus
        known = self.state.shelf.documents.get(document_id)
        if same and self.view and known and known.content_hash == self.view.document.content_hash:
            self.show_view(self.view, chunk_id)
        else:
            self.post_message(self.Wants("view", document_id, chunk_id))
        self._ask_details(document_id)

    def _ask_details(self, document_id: str) -> None:
        if self.shape == "whole":
            self.post_message(self.Wants("strip", document_id))

    def show_view(self, view: DocumentView, chunk_id: str | None) -> None:
        """Read a document at a chunk, if it is the one asked for last."""
        if view.document.id != self._wanted:
            return
        focus, self._focus_wanted = self._focus_wanted, False
        self.view = view
        name = documents_rows.base_name(view.document.path)
        if not view.chunks:
            self._show_page(self._document_text(view.document), name, focus=focus)
            return
        cited = self.state.cited
        hits = [
            hit for hit in (self.result.hits if self.result else ()) if hit.document_id == view.document.id
        ]
        terms = self.query_now.terms if self.result else ()
        if cited:
            hits, terms = [_hit_of(cited, view)], ()
            chunk_id = hits[0].chunk_id
        place = next((i for i, chunk in enumerate(view.chunks) if chunk.chunk_id == chunk_id), None)
        if cited and place is None:
            self._show_cited(cited, tr("documents.cited.gone"))
            return
        if place is None and hits:
            ids = {hit.chunk_id for hit in hits}
            place = next((i for i, chunk in enumerate(view.chunks) if chunk.chunk_id in ids), 0)
        had_focus = self.reading
        self.page = "document"
        self._show_parts()
        self.reader.show(view.document.id, view.chunks, place or 0, terms=terms, hits=hits)
        self._show_title()
        if focus or had_focus:
            self.reader.focus()

    def _show_title(self) -> None:
        """Say what is read, where in it, and how the passage was found."""
        view, reader = self.view, self.reader
        chunk = reader.chunk
        if view is None or chunk is None:
            return
        title = clean_line(view.document.title) or documents_rows.base_name(view.document.path)
        parts: list[str | tuple[str, str]] = [(title, "bold")]
        section = clean_line(chunk.section)
        # A document's first heading is often its title.
        section = section.removeprefix(title).removeprefix(" › ")
        if section:
            parts.append((f" {glyphs().section} {section}", "$accent"))
        place = f"{reader.place + 1}/{len(view.chunks)}"
        if chunk.page is not None:
            place = f"{tr('documents.page', page=chunk.page)}  {place}"
        self.query_one("#passage-title", SplitLine).show(
            Content.assemble(*parts), Content.styled(place, "$quiet")
        )
        scores = self.query_one("#passage-scores", Flow)
        hit = reader.hit(reader.place)
        if self.state.cited:
            text = tr("documents.cited", number=self.state.cited.number, press=self.key("citation_back"))
            scores.show([Content.styled(sentence, "$warning") for sentence in text.split("|")])
        elif hit:
            scores.show(documents_text.score_pieces(hit, self.key("document_explain")))
        scores.display = bool(hit or self.state.cited)

    def _show_page(self, text: Content, title: str, *, focus: bool = False, note: str = "") -> None:
        """Show a text instead of a document."""
        self.view = None
        self.page = "text"
        self._show_parts()
        self.query_one("#passage-title", SplitLine).show(Content.styled(title, "bold"))
        scores = self.query_one("#passage-scores", Flow)
        scores.show([Content.styled(sentence, "$warning") for sentence in note.split("|")])
        scores.display = bool(note)
        self.query_one("#passage-text", Plain).show(text)
        page = self.query_one("#passage-page", VerticalScroll)
        page.scroll_home(animate=False)
        if focus:
            page.focus()

    def _clear_page(self) -> None:
        self.page, self.view, self.details = "", None, None
        self._wanted = ""
        if self.shape == "whole":
            self.query_one("#passage-title", SplitLine).show("")
            self.query_one("#passage-scores", Flow).display = False
            self.query_one("#passage-text", Plain).show("")
        self._show_parts()

    def show_citation(self, citation: Citation) -> None:
        """Show a cited passage at once; the document around it follows with :meth:`show_view`."""
        self.state.cited = citation
        self._wanted = citation.document_id
        self._focus_wanted = True
        self._show_cited(
            citation, tr("documents.cited", number=citation.number, press=self.key("citation_back"))
        )
        self.query_one("#passage-page").focus()

    def _show_cited(self, citation: Citation, note: str) -> None:
        section = clean_line(citation.section)
        title = documents_rows.base_name(citation.document)
        text = Content.assemble(
            (f"{section}\n\n" if section else "", "$accent"), break_long_lines(clean(citation.text))
        )
        self._show_page(text, title, focus=self.reading, note=note)

    def show_details(self, details: Details) -> None:
        """Show what is known of the document, below it."""
        if self.shape == "whole":
            self.details = details
            name = self.state.shelf.name_of(details.document.collection)
            self.query_one("#documents-details", Flow).show(documents_text.details_pieces(details, name))
            self._show_parts()

    def _show_task(self, *, focus: bool = False) -> None:
        row = self.rows.current
        if row is None or not hasattr(row.data, "paths"):
            return
        job: Job = row.data
        name = self.state.shelf.name_of(job.collection)
        text = documents_text.job_text(job, self.state.progress.get(job.id), name)
        if focus or self.page == "text" or self.shape != "one":
            self._show_page(text, tr(f"documents.job.{job.kind}"), focus=focus)


def _hit_of(cited: Citation, view: DocumentView) -> Hit:
    """Return a cited passage as a hit in the document as it is now: by its chunk, else by its words."""
    ids = {chunk.chunk_id for chunk in view.chunks}
    chunk_id = cited.chunk_id
    if chunk_id not in ids:
        words = " ".join(cited.text.split())
        same = (c.chunk_id for c in view.chunks if words and words in " ".join(c.text.split()))
        chunk_id = next(same, chunk_id)
    return Hit(
        cited.document_id, cited.document, cited.document, cited.section, cited.text, cited.score, chunk_id
    )
