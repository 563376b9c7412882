"""What the interface knows of the documents: the tree, the jobs and how far they are. Only its room changes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.events import Citation, IngestProgress
from tui.documents_shelf import Shelf

if TYPE_CHECKING:
    from core.rag.types import Job


@dataclass
class DocumentsState:
    """Kept while the pane is built anew."""

    shelf: Shelf = field(default_factory=Shelf)
    jobs: list[Job] = field(default_factory=list)
    """Newest first."""
    progress: dict[str, IngestProgress] = field(default_factory=dict)
    """By job, of those that run."""
    loaded: bool = False
    cited: Citation | None = None
    """The source of an answer that is being read; one key goes back to it."""

    @property
    def running(self) -> IngestProgress | None:
        """The job to show: the one that goes on, else a paused one."""
        live = [one for one in self.progress.values() if not one.finished]
        return next((one for one in live if not one.paused), live[0] if live else None)
