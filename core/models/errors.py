"""What can go wrong with models, beyond what the engine says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import StudyError
from core.text import clean_line

if TYPE_CHECKING:
    from core.fit.types import FitReport


class NeedsConfirmation(StudyError):
    """Loading would exhaust memory: it is done only when asked for a second time."""

    def __init__(self, report: FitReport) -> None:
        verdict = report.verdict
        super().__init__(
            "error.models.confirm", model=clean_line(report.model), needed=size_text(verdict.needed),
            available=size_text(verdict.available), short=size_text(verdict.short),
        )  # fmt: skip
        self.report = report


def size_text(count: int | None) -> str:
    """Bytes with their unit; N/A when not known."""
    if count is None:
        return "N/A"
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
