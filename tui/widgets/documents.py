"""The documents pane: search, the list of documents or hits, and the passage being read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from core.events import Citation, Document, Hit, IngestProgress
from core.i18n import tr
from core.text import break_long_lines, clean, clean_line
from tui import actions
from tui.glyphs import glyphs
from tui.widgets.basics import Plain
from tui.widgets.rows import Row, RowList

if TYPE_CHECKING:
    from core.rag import DocumentView

_WORD = re.compile(r"\w{2,}")


@dataclass(frozen=True)
class Passage:
    """What the reading part shows: one chunk of a document."""

    document: str
    section: str
    text: str
    terms: tuple[str, ...] = ()
    vector: float | None = None
    keyword: float | None = None
    page: int | None = None


class DocumentsPane(Vertical):
    """The pane. It asks for what it shows by messages; the app answers with ``show_*``."""

    BINDINGS = actions.bindings("documents")

    @dataclass
    class Search(Message):
        """Find passages; an empty query shows the list again."""

        query: str

    @dataclass
    class View(Message):
        """Read a document, at a chunk when one is named."""

        document_id: str
        chunk_id: str | None = None

    class Add(Message):
        """Ask for a path to add."""

    @dataclass
    class Remove(Message):
        """Remove a document."""

        document: Document

    def __init__(self) -> None:
        super().__init__(id="documents", classes="pane")
        self.border_title = tr("pane.documents")
        self.documents: list[Document] = []
        self.hits: list[Hit] | None = None
        self.query_text = ""
        self.view: DocumentView | None = None
        self.place = 0
        self._terms: tuple[str, ...] = ()
        self._scores: dict[str, Hit] = {}

    def compose(self) -> ComposeResult:
        yield Input(placeholder=tr("documents.search"), id="documents-search", compact=True)
        yield Plain(id="documents-note")
        yield RowList(id="documents-list")
        with VerticalScroll(id="passage"):
            yield Plain(id="passage-text")

    def on_mount(self) -> None:
        self.query_one("#passage").display = False
        self._show_list()

    @property
    def rows(self) -> RowList:
        """The list of documents or hits."""
        return self.query_one(RowList)

    # -- the list ------------------------------------------------------------------------------------

    def show_documents(self, documents: list[Document]) -> None:
        """Show the ledger."""
        self.documents = documents
        if self.hits is None:
            self._show_list()

    def show_hits(self, query: str, hits: list[Hit]) -> None:
        """Show what a search found."""
        if query == self.query_text:
            self.hits = hits
            self._terms = tuple(_WORD.findall(query))
            self._scores = {hit.chunk_id: hit for hit in hits}
            self._show_list()

    def show_progress(self, progress: IngestProgress) -> None:
        """Say how far adding is."""
        if progress.finished:
            self._note()
        else:
            name = clean_line(progress.current.rsplit("/", 1)[-1])
            text = tr("documents.progress", done=progress.done, total=progress.total, name=name)
            self.query_one("#documents-note", Plain).show(Content.styled(f"{glyphs().run} {text}", "$accent"))
            self.query_one("#documents-note").display = True

    def _note(self) -> None:
        text = ""
        if self.hits is not None:
            text = tr("documents.hits", count=len(self.hits))
        elif not self.documents:
            text = tr("documents.empty")
        note = self.query_one("#documents-note", Plain)
        note.display = bool(text)
        note.show(Content.styled(text, "$quiet"))

    def _show_list(self) -> None:
        self._note()
        if self.hits is not None:
            self.rows.set_rows([_hit_row(number, hit) for number, hit in enumerate(self.hits, 1)])
        else:
            self.rows.set_rows(document_rows(self.documents))

    @on(Input.Changed, "#documents-search")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if not event.value.strip() and self.hits is not None:
            self.close_search()

    @on(Input.Submitted, "#documents-search")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.search(event.value.strip())

    def search(self, query: str) -> None:
        """Search, as if typed."""
        self.query_text = query
        box = self.query_one(Input)
        if box.value != query:
            with self.prevent(Input.Changed):
                box.value = query
        if query:
            self.post_message(self.Search(query))
            self.rows.focus()
        else:
            self.close_search()

    def close_search(self) -> bool:
        """Show the list of documents again. False when it is shown already."""
        if self.hits is None:
            return False
        self.hits, self.query_text, self._terms = None, "", ()
        with self.prevent(Input.Changed):
            self.query_one(Input).value = ""
        self._show_list()
        return True

    @on(RowList.Chosen)
    def _chosen(self, event: RowList.Chosen) -> None:
        event.stop()
        self._open(event.row)

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        if isinstance(event.row.data, Hit):
            self._open(event.row)

    def _open(self, row: Row) -> None:
        if isinstance(row.data, Hit):
            self.post_message(self.View(row.data.document_id, row.data.chunk_id))
        elif isinstance(row.data, Document):
            if row.data.status == "failed":
                self.show_reason(row.data)
            else:
                self.post_message(self.View(row.data.id))

    # -- the passage ---------------------------------------------------------------------------------

    def show_view(self, view: DocumentView, chunk_id: str | None) -> None:
        """Read a document at a chunk."""
        self.view = view
        self.place = next((i for i, chunk in enumerate(view.chunks) if chunk.chunk_id == chunk_id), 0)
        self._show_chunk()

    def show_citation(self, citation: Citation) -> None:
        """Show a cited passage at once; the document around it follows with :meth:`show_view`."""
        self.view = None
        self._terms = ()
        self._passage(Passage(citation.document, citation.section, citation.text, vector=citation.score))
        self.query_one("#passage").focus()

    def show_reason(self, document: Document) -> None:
        """Say why a document could not be added."""
        self.view = None
        self._passage(Passage(document.path, "", document.reason or tr("documents.failed")))

    def _show_chunk(self) -> None:
        view = self.view
        if view is None:
            return
        name = view.document.title or view.document.path
        if not view.chunks:
            self._passage(Passage(name, "", tr("documents.unread")))
            return
        chunk = view.chunks[self.place]
        hit = self._scores.get(chunk.chunk_id)
        vector, keyword = (hit.vector_score, hit.keyword_score) if hit else (None, None)
        passage = Passage(name, chunk.section, chunk.text, self._terms, vector, keyword, chunk.page)
        self._passage(passage, f"{self.place + 1}/{len(view.chunks)}")

    def _passage(self, passage: Passage, place: str = "") -> None:
        scroll = self.query_one("#passage", VerticalScroll)
        scroll.display = True
        marks = glyphs()
        title = clean_line(passage.document.rsplit("/", 1)[-1])
        section = clean_line(passage.section)
        parts: list[str | Content | tuple[str, str]] = [(title, "bold")]
        if section:
            parts.append((f" {marks.section} {section}", "$accent"))
        if passage.page is not None:
            parts.append((f"  {tr('documents.page', page=passage.page)}", "$quiet"))
        parts += ["\n\n", highlighted(passage.text, passage.terms)]
        scores = [
            f"{tr('documents.vector')} {passage.vector:.2f}" if passage.vector is not None else "",
            f"{tr('documents.keyword')} {passage.keyword:.1f}" if passage.keyword is not None else "",
            place,
        ]
        parts.append(("\n\n" + "  ".join(part for part in scores if part), "$quiet"))
        self.query_one("#passage-text", Plain).show(Content.assemble(*parts))
        scroll.scroll_home(animate=False)

    # -- actions -------------------------------------------------------------------------------------

    def _turn(self, step: int) -> None:
        if self.view and self.view.chunks:
            self.place = max(0, min(len(self.view.chunks) - 1, self.place + step))
            self._show_chunk()

    def action_passage_previous(self) -> None:
        """Read the chunk before."""
        self._turn(-1)

    def action_passage_next(self) -> None:
        """Read the chunk after."""
        self._turn(1)

    def action_document_add(self) -> None:
        """Ask for a path."""
        self.post_message(self.Add())

    def action_document_search(self) -> None:
        """Go to the search box."""
        self.query_one(Input).focus()

    def action_document_remove(self) -> None:
        """Remove the document under the cursor."""
        row = self.rows.current
        if row and isinstance(row.data, Document):
            self.post_message(self.Remove(row.data))


def document_rows(documents: list[Document]) -> list[Row]:
    """Return the ledger as rows, grouped by folder."""
    rows: list[Row] = []
    folders: dict[str, list[Document]] = {}
    for document in documents:
        folders.setdefault(document.path.rpartition("/")[0], []).append(document)
    for folder, members in folders.items():
        failed = sum(1 for document in members if document.status == "failed")
        name = clean_line(folder.rsplit("/", 1)[-1]) or "/"
        total: tuple[tuple[str, str], ...] = ((str(len(members)), "quiet"),)
        if failed:
            total += ((f" {glyphs().dot} {failed} {glyphs().bad}", "error"),)
        rows.append(Row(f"folder:{folder}", ((f"{glyphs().open} {name}", "quiet"),), total, selectable=False))
        rows += [_document_row(document) for document in members]
    return rows


def _document_row(document: Document) -> Row:
    marks = glyphs()
    name = clean_line(document.path.rsplit("/", 1)[-1])
    if document.status == "indexed":
        right = ((f"{marks.ok} ", "success"), (f"{document.chunks:>3}", "quiet"))
    elif document.status == "failed":
        right = ((clean_line(document.reason, max_chars=24), "error"),)
    else:
        right = ((f"{marks.run} {tr(f'document.{document.status}')}", "accent"),)
    mark = f"{marks.bad} " if document.status == "failed" else "  "
    return Row(document.id, ((mark, "error"), (name, "")), right, data=document)


def _hit_row(number: int, hit: Hit) -> Row:
    name = clean_line(hit.document.rsplit("/", 1)[-1])
    section = clean_line(hit.section)
    left = (
        (f"{number} ", "accent"),
        (name, ""),
        (f" {glyphs().section} {section}" if section else "", "quiet"),
    )
    return Row(hit.chunk_id, left, ((f"{hit.score:.2f}", "quiet"),), data=hit)


def highlighted(text: str, terms: tuple[str, ...]) -> Content:
    """Return a foreign text with the words that were searched for marked."""
    content = Content(break_long_lines(clean(text)))
    if terms:
        pattern = "|".join(re.escape(term) for term in terms)
        content = content.highlight_regex(re.compile(pattern, re.IGNORECASE), style="bold on $mark")
    return content
