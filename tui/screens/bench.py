"""The workbench with what its panes ask for carried out; the answers come back to the app (:mod:`tui.study`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import on

from core.events import Citation
from core.i18n import tr
from tui import workers
from tui.screens.help import TextScreen, numbers_text
from tui.screens.workbench import Pane, Workbench
from tui.widgets.chat import FindBar
from tui.widgets.context_bar import ContextBar
from tui.widgets.documents import DocumentsPane
from tui.widgets.message import Source, Waiting
from tui.widgets.permission import PermissionRow
from tui.widgets.resources import ResourcesPane
from tui.widgets.trace import TracePane
from tui.widgets.transcript import Transcript

if TYPE_CHECKING:
    from tui.study import StudyApp


class Bench(Workbench):
    """Hears its panes and starts the work."""

    @property
    def study(self) -> StudyApp:
        """The app."""
        return cast("StudyApp", self.app)

    @on(Transcript.Left)
    def _left_transcript(self) -> None:
        self.chat.composer.focus()

    @on(Transcript.Earlier)
    def _earlier(self, event: Transcript.Earlier) -> None:
        workers.start(
            self.study, workers.load_earlier(self.study, self.state.session_id, event.before_seq), "earlier"
        )

    @on(Transcript.CopyMessage)
    def _copy_message(self, event: Transcript.CopyMessage) -> None:
        self.study.copy_text(event.text, code=event.code)

    @on(Transcript.ShowSpan)
    def _show_span(self, event: Transcript.ShowSpan) -> None:
        wanted = event.span_id or event.run_id
        self.focus_pane("trace")
        if self.study.trace_session == self.state.session_id:
            self.trace.select(wanted)
        else:
            self.study.span_wanted = wanted

    @on(Transcript.ShowTimeline)
    @on(TracePane.ShowTimeline)
    def _show_timeline(self, event: Transcript.ShowTimeline | TracePane.ShowTimeline) -> None:
        from tui.screens.timeline import open_timeline

        open_timeline(self.study, event.run_id)

    @on(TracePane.Wants)
    def _trace_wants(self, event: TracePane.Wants) -> None:
        self.study.traces.do(event.action, event.item)

    @on(Transcript.Explain)
    def _explain_answer(self, event: Transcript.Explain) -> None:
        self.study.agent.explain(self.chat.answer(event.message_id))

    @on(ContextBar.Open)
    def _explain_context(self) -> None:
        self.study.agent.explain()

    @on(PermissionRow.Answered)
    def _answered(self, event: PermissionRow.Answered) -> None:
        self.study.agent.answer(event.request, event.answer)

    @on(Waiting.TakeBack)
    async def _take_back(self, event: Waiting.TakeBack) -> None:
        self.study.agent.take_back(event.waiting_id)
        await self.chat.show_pending()

    def on_screen_resume(self) -> None:
        self.study.show_figures()

    @on(Source.Open)
    def _open_source(self, event: Source.Open) -> None:
        self._came_from = (self.arrangement.view, self.focused if isinstance(self.focused, Source) else None)
        if self.narrow or self.arrangement.view:
            self.view("documents" if self.narrow else None)
        self.documents.show_citation(event.citation)
        self.study.documents.view(event.citation.document_id, event.citation.chunk_id)

    _came_from: tuple[Pane | None, Source | None] = (None, None)

    def leave_citation(self, citation: Citation) -> None:
        """Go back to the answer whose source was read: the same panes, the same source in focus."""
        view, source = self._came_from
        self._came_from = (None, None)
        self.view(view)
        if source is None or not source.is_attached:
            # The answer was drawn anew meanwhile.
            same = (one for one in self.query(Source) if one.citation == citation)
            source = next(same, None)
        if source:
            source.focus()
        else:
            self.chat.composer.focus()

    @on(FindBar.Changed)
    def _find(self, event: FindBar.Changed) -> None:
        self.study.finder.search(event.text)

    @on(Transcript.FindStep)
    def _find_step(self, event: Transcript.FindStep) -> None:
        self.study.finder.step(event.step)

    @on(DocumentsPane.Wants)
    def _documents_want(self, event: DocumentsPane.Wants) -> None:
        self.study.documents.do(event)

    @on(ResourcesPane.Detailed)
    def _detailed(self, event: ResourcesPane.Detailed) -> None:
        if not event.wanted:
            self.state.detail = None
        self.study.runtime.watch_details(event.wanted)

    @on(ResourcesPane.Explain)
    def _explain(self) -> None:
        self.study.push_screen(TextScreen(tr("numbers.title"), numbers_text(self.state)))
