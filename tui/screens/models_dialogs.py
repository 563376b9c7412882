"""Questions about models: what to download, with the verdict before it begins; whether to load in spite of it."""

from __future__ import annotations

from typing import Literal

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input

from core.fit.types import FitReport
from core.i18n import tr
from core.text import clean_line
from tui.models_room import FitKnown, ModelsRoom
from tui.screens.dialogs import Dialog
from tui.widgets import models_text
from tui.widgets.basics import Plain
from tui.widgets.rows import Row, RowList


class ConfirmReport(Dialog):
    """Yes or no under a verdict; no is the default. Gives ``True``, or ``None``."""

    def __init__(self, question: str, report: FitReport) -> None:
        super().__init__()
        self._question, self._report = question, report

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide models-dialog"):
            yield Plain(self._question, classes="dialog-title")
            with VerticalScroll(classes="models-report"):
                yield Plain(Content.assemble(*models_text.report_parts(self._report, terms=True)))
            yield RowList(
                [
                    Row("no", ((tr("modelsui.load.no"), ""),)),
                    Row("yes", ((tr("modelsui.load.yes"), "error"),)),
                ],
                classes="dialog-rows",
            )
            yield Plain(tr("dialog.confirm.keys"), classes="dialog-note")

    def on_mount(self) -> None:
        self.query_one(RowList).focus()

    def on_key(self, event: events.Key) -> None:
        if event.key in {"y", "n"}:
            # Without this the letter goes on to the screen below, where it means something.
            event.stop()
            event.prevent_default()
            self.dismiss(True if event.key == "y" else None)

    @on(RowList.Chosen)
    def _chosen(self, event: RowList.Chosen) -> None:
        self.dismiss(True if event.row.id == "yes" else None)


class SourceDialog(Dialog):
    """A model that is not here yet: first its verdict, then, when wanted, the download. Gives source and name, or ``None``.

    Args:
        room: Estimates it.
        purpose: ``pull`` has the download chosen after the verdict, ``fit`` the way back.
        value: What stands in the input at the start; it is estimated at once.
    """

    def __init__(self, room: ModelsRoom, purpose: Literal["pull", "fit"], value: str = "") -> None:
        super().__init__()
        self.room, self.purpose, self._value = room, purpose, value
        self._asked = ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide models-dialog"):
            yield Plain(tr(f"modelsui.{self.purpose}.title"), classes="dialog-title")
            yield Input(
                self._value, placeholder=tr("modelsui.source.placeholder"), compact=True, id="source-input"
            )
            yield Input(placeholder=tr("modelsui.name.placeholder"), compact=True, id="source-name")
            with VerticalScroll(classes="models-report"):
                yield Plain(tr("modelsui.source.note"), id="source-report")
            yield RowList(classes="dialog-rows")
            yield Plain(tr("modelsui.source.keys"), classes="dialog-note")

    def on_mount(self) -> None:
        self.room.attach(self.post_message)
        self.query_one(RowList).display = False
        box = self.source_input
        box.focus()
        if self._value:
            self._look(self._value)

    def on_unmount(self) -> None:
        self.room.detach(self.post_message)

    @property
    def source_input(self) -> Input:
        """Where the model is typed."""
        return self.query_one("#source-input", Input)

    @on(Input.Changed, "#source-input")
    def _typed(self, event: Input.Changed) -> None:
        if event.value.strip() != self._asked:
            self.query_one(RowList).display = False

    @on(Input.Submitted)
    def _submitted(self) -> None:
        source = self.source_input.value.strip()
        if source:
            self._look(source)

    def _look(self, source: str) -> None:
        self._asked = source
        self.query_one(RowList).display = False
        self._say(Content.styled(tr("modelsui.source.looking", source=clean_line(source)), "$quiet"))
        self.room.fit(source)

    def _say(self, text: Content) -> None:
        self.query_one("#source-report", Plain).show(text)

    @on(FitKnown)
    def _known(self, event: FitKnown) -> None:
        if event.source != self._asked or self.source_input.value.strip() != self._asked:
            return
        fits = event.report is not None and event.report.verdict.kind == "fits"
        if event.report:
            self._say(Content.assemble(*models_text.report_parts(event.report, terms=False)))
        else:
            self._say(Content.styled(clean_line(event.failure, max_chars=600), "$warning"))
        yes = Row("yes", ((tr(f"modelsui.pull.{'yes' if fits else 'anyway'}"), "" if fits else "error"),))
        no = Row("no", ((tr("modelsui.pull.no"), ""),))
        rows = self.query_one(RowList)
        # What is under the cursor does no harm: a model that does not fit is downloaded by choice, not by Enter.
        rows.set_rows([yes, no] if fits and self.purpose == "pull" else [no, yes])
        rows.cursor = 0
        rows.display = True
        rows.focus()

    @on(RowList.Chosen)
    def _chosen(self, event: RowList.Chosen) -> None:
        name = self.query_one("#source-name", Input).value.strip()
        self.dismiss((self._asked, name) if event.row.id == "yes" else None)
