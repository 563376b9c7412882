"""An experiment's options before it starts: each in a line, checked as it is written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Input

from core.i18n import has, tr
from core.lab.types import Experiment, Option
from core.text import clean_line
from tui.lab_room import title_of
from tui.screens.dialogs import Dialog
from tui.widgets.basics import Plain
from tui.widgets.plot_scale import number

YES, NO = (
    frozenset({"yes", "y", "true", "on", "1", "예"}),
    frozenset({"no", "n", "false", "off", "0", "아니요"}),
)
LIST_LIMIT = 32
"""Values of one option."""


class BadOption(ValueError):
    """A value that cannot be; its text is a sentence."""


@dataclass(frozen=True)
class Chosen:
    """What was set, and whether to start at once."""

    options: dict[str, Any]
    start: bool


def written(value: Any) -> str:
    """Write an option's value as it is edited."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return tr("labui.yes") if value else tr("labui.no")
    if isinstance(value, (list, tuple)):
        return ", ".join(written(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def explained(experiment: str, option: Option) -> str:
    """Return what an option is."""
    key = f"lab.{experiment}.{option.name}"
    return tr(key) if has(key) else option.name


def limits(option: Option) -> str:
    """Write the range of an option: ``1–64``, or ``""``."""
    if option.low is None and option.high is None:
        return ""
    if option.high is None:
        return f"≥ {number(option.low or 0)}"
    return f"≤ {number(option.high)}" if option.low is None else f"{number(option.low)}…{number(option.high)}"


def read_option(option: Option, text: str) -> Any:
    """Return the value that was written for an option.

    Raises:
        BadOption: It is no such value, or outside the option's range.
    """
    text = text.strip()
    if not text:
        if option.default is None or option.kind == "text":
            return option.default
        if option.kind in {"ints", "floats"}:
            return () if isinstance(option.default, tuple) else []
        raise BadOption(tr("labui.option.empty"))
    if option.kind == "text":
        return clean_line(text)
    if option.kind == "bool":
        if text.casefold() in YES | NO:
            return text.casefold() in YES
        raise BadOption(tr("labui.option.bool"))
    if option.kind in {"ints", "floats"}:
        parts = [part for part in text.replace(",", " ").split() if part]
        if len(parts) > LIST_LIMIT:
            raise BadOption(tr("labui.option.many", count=LIST_LIMIT))
        values = [_number(option, part) for part in parts]
        return tuple(values) if isinstance(option.default, tuple) else values
    return _number(option, text)


def _number(option: Option, text: str) -> float | int:
    whole = option.kind in {"int", "ints"}
    try:
        value: float | int = int(text.replace("_", "")) if whole else float(text)
    except (ValueError, OverflowError):
        raise BadOption(
            tr("labui.option.int" if whole else "labui.option.float", text=clean_line(text, max_chars=20))
        ) from None
    low, high = option.low, option.high
    if not math.isfinite(value) or (low is not None and value < low) or (high is not None and value > high):
        raise BadOption(tr("labui.option.range", range=limits(option)))
    return value


class OptionsDialog(Dialog):
    """Gives :class:`Chosen`, or ``None``. Enter keeps the values, Ctrl+S starts the run with them."""

    BINDINGS = [
        # The focus moves at once; what ends the dialog waits its turn behind the text before it.
        Binding("down", "step(1)", show=False, priority=True),
        Binding("up", "step(-1)", show=False, priority=True),
        Binding("ctrl+s", "start", show=False),
    ]

    def __init__(self, experiment: Experiment, values: Mapping[str, Any]) -> None:
        super().__init__()
        self._experiment, self._values = experiment, dict(values)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide lab-options"):
            yield Plain(tr("labui.options", title=title_of(self._experiment.id)), classes="dialog-title")
            with VerticalScroll(can_focus=False):
                for option in self._experiment.options:
                    with Horizontal(classes="lab-option"):
                        yield Plain(option.name, classes="lab-option-name")
                        yield Input(
                            written(self._values.get(option.name)), id=f"option-{option.name}", compact=True
                        )
            yield Plain(classes="lab-option-note")
            yield Plain(tr("labui.options.keys"), classes="dialog-note")

    def on_mount(self) -> None:
        boxes = self.query(Input)
        if boxes:
            boxes.first().focus()
        self._explain()

    def action_step(self, step: int) -> None:
        """Move to the next or the previous option."""
        if step > 0:
            self.focus_next(Input)
        else:
            self.focus_previous(Input)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_keep()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._explain()

    @on(Input.Changed)
    def _changed(self) -> None:
        self._explain()

    def _option(self, box: Input) -> Option:
        return next(option for option in self._experiment.options if f"option-{option.name}" == box.id)

    def _explain(self) -> None:
        """Say what the option in focus is, or what is wrong with its value."""
        box = self.focused
        if not isinstance(box, Input):
            return
        option = self._option(box)
        note = self.query_one(".lab-option-note", Plain)
        error = self._error(option, box)
        note.set_class(bool(error), "-error")
        about = " ".join(
            part
            for part in (explained(self._experiment.id, option), limits(option) and f"({limits(option)})")
            if part
        )
        note.show(error or about)

    def _error(self, option: Option, box: Input) -> str:
        try:
            read_option(option, box.value)
        except BadOption as error:
            box.add_class("-bad")
            return str(error)
        box.remove_class("-bad")
        return ""

    def _read(self) -> dict[str, Any] | None:
        """Return every value, or put the focus on the first that cannot be."""
        values: dict[str, Any] = {}
        for box in self.query(Input):
            option = self._option(box)
            if self._error(option, box):
                box.focus()
                self._explain()
                return None
            values[option.name] = read_option(option, box.value)
        return values

    def action_keep(self) -> None:
        """Close with what is written."""
        values = self._read()
        if values is not None:
            self.dismiss(Chosen(values, start=False))

    def action_start(self) -> None:
        """Close and start."""
        values = self._read()
        if values is not None:
            self.dismiss(Chosen(values, start=True))
