"""What a repeated call, a comparison and a fork are made of. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from core.events import Span
from core.session.rows import Rerun as Rerun
from core.session.rows import Run

TOKEN_VARIABLE = "LLM_STUDY_TOKEN"
"""Environment variable that stands for the engine's token in a copied command."""

ExportFormat = Literal["otlp", "jsonl"]
PartKind = Literal["same", "removed", "added"]


@dataclass(frozen=True, slots=True)
class Call:
    """One recorded model call, as it was sent."""

    span_id: str
    run_id: str
    session_id: str
    url: str
    """Where the engine answers now: the recorded address may be that of an embedded engine that is gone."""
    sent_to: str
    """Where it was sent then."""
    headers: Mapping[str, str]
    """Without secrets: a token reads ``$LLM_STUDY_TOKEN``."""
    body: Mapping[str, Any]
    model: str
    text: str
    """The recorded answer, cleaned; of a tool call its JSON."""
    seed: int | None = None
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class DiffPart:
    """A stretch of two texts: in both, only in the first (``removed``), or only in the second (``added``)."""

    kind: PartKind
    text: str


@dataclass(frozen=True, slots=True)
class ComparedStep:
    """One row of two runs side by side; ``None`` where a run has no such step."""

    a: Span | None
    b: Span | None
    same: bool
    """The same kind of step with the same outcome (tool, arguments and result; or the model's words)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs side by side."""

    a: Run
    b: Run
    steps: tuple[ComparedStep, ...] = ()
    answer_a: str = ""
    answer_b: str = ""
    diff: tuple[DiffPart, ...] = field(default=())
    """Of the answers."""

    @property
    def same_answer(self) -> bool:
        """Whether the answers are the same, character for character."""
        return self.answer_a == self.answer_b
