"""What can go wrong with a container, each with its own message and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import StudyError, UsageError
from core.text import clean_line

if TYPE_CHECKING:
    from core.containers.yaml_lines import Node


class Cancelled(Exception):
    """The user did not want it any more. Shown to nobody."""


class ContainerError(StudyError):
    """The container could not be made, started or kept running."""


def compose_key(file: Path, line: int, key: str) -> UsageError:
    """A key this program does not know."""
    return UsageError("error.compose.key", file=clean_line(str(file)), line=line, name=clean_line(key))


def compose_value(file: Path, node: Node, text: str | None = None, *, expected: str) -> UsageError:
    """A value that is not of the form that is understood."""
    shown: Any = node.value if text is None else text
    if isinstance(shown, (dict, list)):
        shown = "…"
    return UsageError(
        "error.compose.value",
        file=clean_line(str(file)),
        line=node.line,
        text=clean_line(str(shown), max_chars=80),
        expected=expected,
    )


def compose_variable(file: Path, line: int, text: str) -> UsageError:
    """A variable in a form that is not understood, or one that must be set."""
    return UsageError(
        "error.compose.variable", file=clean_line(str(file)), line=line, text=clean_line(text, max_chars=80)
    )
