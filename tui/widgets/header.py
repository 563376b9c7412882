"""The line at the top: which program, engine, model, route, session, what it took so far, language."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from core.i18n import language, tr
from core.text import clean_line
from tui import format
from tui.glyphs import glyphs
from tui.state import State

TITLE_MIN = 12
"""Cells the session's title keeps before the sum is shown."""


class Header(Widget):
    """One line; the session's title gives way first, then the engine's parts from the end."""

    def __init__(self, state: State) -> None:
        super().__init__(id="header")
        self.state = state

    def engine_parts(self) -> list[str]:
        """Return kind, version, model and route as far as known."""
        status = self.state.status
        if status is None:
            return [tr("engine.state.starting")]
        kind = tr(f"engine.kind.{status.kind}")
        route = tr(f"header.route.{status.route}") if status.route else ""
        parts = [kind, clean_line(status.version), clean_line(status.model), route]
        if not self.state.ready:
            parts.insert(1, tr(f"engine.state.{status.state}"))
        return [part for part in parts if part]

    def spent(self, room: int) -> str:
        """Return what the session took so far in at most ``room`` cells: tokens, and money where it is known."""
        cost = self.state.cost
        tokens = cost.input_tokens + cost.output_tokens if cost else 0
        if not tokens:
            return ""
        text, dot = tr("header.tokens", count=format.count(tokens)), f" {glyphs().dot} "
        forms = [
            dot.join((text, money)) for money in (format.cost(cost), format.cost(cost, short=True)) if money
        ]
        return next((form for form in [*forms, text] if cell_len(form) <= room), "")

    def render(self) -> Content:
        """Draw what fits."""
        width = self.content_size.width
        dot = f" {glyphs().dot} "
        name, lang = tr("app.name"), language()
        parts = self.engine_parts()
        measuring = ""
        if self.state.lab:
            measuring = (
                f"{glyphs().run} {tr('header.lab', done=self.state.lab.done, total=self.state.lab.total)}  "
            )
        if self.state.permissions:
            measuring = f"{glyphs().ask} {tr('header.asking')}  "
        room = width - cell_len(name) - 2 - cell_len(lang) - 2 - cell_len(measuring)
        while len(parts) > 2 and cell_len(dot.join(parts)) > room - 12:
            parts.pop(1 if len(parts) > 3 else -1)
        engine = format.fit(dot.join(parts), max(0, room))
        room -= cell_len(engine) + 2
        # The title is worth more than the sum: it keeps a few letters at least.
        spent = self.spent(room - 2 - TITLE_MIN)
        spent = f"{spent}  " if spent else ""
        room -= cell_len(spent)
        title = clean_line(self.state.session.title) if self.state.session else ""
        title = format.fit(title or tr("session.untitled"), max(0, room)) if room >= 6 else ""
        gap = max(0, room - cell_len(title))
        tone = "$warning" if not self.state.ready else "$foreground"
        return Content.assemble(
            (name, "bold $accent"),
            "  ",
            (engine, tone),
            "  ",
            " " * gap,
            (title, "$quiet"),
            "  ",
            (spent, "$quiet"),
            (measuring, "$warning" if self.state.permissions else "$accent"),
            (lang, "$quiet"),
        )
