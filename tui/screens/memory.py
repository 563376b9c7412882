"""The memory: facts the user asked to remember, to add, edit, search and forget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from textual import on
from textual.widget import Widget
from textual.widgets import Input

from core.i18n import tr
from core.text import clean_line
from tui import actions
from tui.agent_room import FactsLoaded
from tui.screens.dialogs import Ask
from tui.screens.room import Room
from tui.state import State
from tui.widgets.basics import Choices, Plain
from tui.widgets.rows import Row, RowList

if TYPE_CHECKING:
    from core.agent.types import Fact
    from tui.agent_room import AgentRoom


class MemoryScreen(Room):
    """A list of facts, the whole of the marked one below, a search above."""

    BINDINGS = actions.bindings("memory")
    HELP = "memory"

    def __init__(self, state: State, keys: Mapping[str, str], room: AgentRoom, query: str = "") -> None:
        super().__init__(state, keys)
        self.id = "memory"
        self._room = room
        self._query = query
        self._facts: list[Fact] = list(room.memory.facts)

    def body(self) -> Iterable[Widget]:
        yield Plain(id="memory-title")
        yield Input(self._query, placeholder=tr("memory.search"), id="memory-search", compact=True)
        yield RowList(id="memory-list")
        yield Plain(id="memory-text")

    def on_mount(self) -> None:
        super().on_mount()
        self._show()
        self.query_one(RowList).focus()
        self._room.load_facts(self._query)

    def lay_out(self) -> None:
        super().lay_out()
        undo = ["memory_undo"] if self._room.memory.forgotten else []
        self.show_keys(["memory_add", "memory_edit", "memory_forget", *undo, "memory_search"])

    async def rebuild(self) -> None:
        await super().rebuild()
        self._show()

    # -- what is shown -----------------------------------------------------------------------------------

    @on(FactsLoaded)
    def _loaded(self, event: FactsLoaded) -> None:
        if event.query == self._query:
            self._facts = event.facts
            self._show()
        elif not event.query:
            # Something changed while a search is shown: search again.
            self._room.load_facts(self._query)
        self.lay_out()

    def _show(self) -> None:
        rows = [self._row(fact) for fact in self._facts]
        if not rows:
            key = "memory.none" if self._query else "memory.empty"
            text = tr(key) if self._room.memory.loaded else tr("memory.loading")
            rows = [Row("", ((text, "quiet"),), selectable=False)]
        self.query_one(RowList).set_rows(rows)
        count = len(self._room.memory.facts)
        self.query_one("#memory-title", Plain).show(tr("memory.title", count=count))
        self._show_text()

    def _row(self, fact: Fact) -> Row:
        when = datetime.fromtimestamp(fact.updated_at).strftime("%Y-%m-%d")
        used = tr("memory.used", count=fact.used) if fact.used else tr("memory.unused")
        return Row(
            fact.id, ((clean_line(fact.text, max_chars=300), ""),), ((f"{used}  {when}", "quiet"),), data=fact
        )

    @on(RowList.Moved)
    def _moved(self) -> None:
        self._show_text()

    def _show_text(self) -> None:
        fact = self._current()
        self.query_one("#memory-text", Plain).show(clean_line(fact.text, max_chars=2000) if fact else "")

    def _current(self) -> Fact | None:
        row = self.query_one(RowList).current
        return row.data if row else None

    # -- searching ---------------------------------------------------------------------------------------

    @on(Input.Submitted, "#memory-search")
    def _search(self, event: Input.Submitted) -> None:
        self._query = event.value.strip()
        self._room.load_facts(self._query)
        self.query_one(RowList).focus()

    @on(Input.Changed, "#memory-search")
    def _changed(self, event: Input.Changed) -> None:
        if not event.value and self._query:
            self._query = ""
            self._room.load_facts()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters are typed, not obeyed, while the search has the focus."""
        return not (action.startswith("memory_") and isinstance(self.focused, Input))

    def action_memory_search(self) -> None:
        """Go to the search."""
        self.query_one(Input).focus()

    def action_leave(self) -> None:
        """Leave the search, else the screen."""
        search = self.query_one(Input)
        if search.has_focus or self._query:
            search.value = ""
            self.query_one(RowList).focus()
        else:
            super().action_leave()

    # -- changing ----------------------------------------------------------------------------------------

    def action_memory_add(self) -> None:
        """Ask for a fact."""

        def given(text: str | None) -> None:
            if text:
                self._room.remember(text)

        self.app.push_screen(Ask(tr("memory.add"), note=tr("memory.add.note")), given)

    def action_memory_edit(self) -> None:
        """Change the marked fact."""
        fact = self._current()
        if fact is None:
            return

        def given(text: str | None) -> None:
            if text and text != fact.text:
                self._room.edit(fact, text)

        self.app.push_screen(Ask(tr("memory.edit"), value=fact.text, select=False), given)

    def action_memory_forget(self) -> None:
        """Forget the marked fact; it can be brought back."""
        fact = self._current()
        if fact is not None:
            self._room.forget(fact)

    def action_memory_undo(self) -> None:
        """Bring back what was forgotten last."""
        self._room.bring_back()

    @on(RowList.Chosen)
    def _chosen(self) -> None:
        self.action_memory_edit()

    @on(Choices.Clicked, "#room-keys")
    def _key_clicked(self, event: Choices.Clicked) -> None:
        event.stop()
        getattr(self, f"action_{event.name}")()
