"""A document in the user's own editor or pager, the app put aside meanwhile. Never through a shell."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from core.events import Document
from core.i18n import tr
from core.text import clean, clean_line
from tui.documents_shelf import suffix_of

if TYPE_CHECKING:
    from tui.study import StudyApp

PLUS_LINE = frozenset(
    {"vi", "vim", "nvim", "view", "nano", "less", "more", "emacs", "emacsclient", "kak", "joe", "mg"}
)
"""Programs that open a file at a line with ``+N``."""

NOT_TEXT = frozenset({"pdf", "docx", "hwpx", "hwp", "doc", "xlsx", "pptx", "zip"})


def is_text(document: Document) -> bool:
    """Say whether the file itself can be read in an editor."""
    return suffix_of(document.path) not in NOT_TEXT


def program(environ: Mapping[str, str], *, pager: bool) -> list[str]:
    """Return the user's editor (or pager), with its own arguments; empty when there is none.

    Raises:
        ValueError: The setting has a quote without its other half.
    """
    names = ("PAGER", "VISUAL", "EDITOR") if pager else ("VISUAL", "EDITOR", "PAGER")
    for name in names:
        words = shlex.split(environ.get(name, ""))
        if words and shutil.which(words[0]):
            return words
    for name in ("less", "vi", "nano", "more"):
        if shutil.which(name):
            return [name]
    return []


def command(words: list[str], path: str, line: int = 0) -> list[str]:
    """Return the arguments that open a path. It is absolute, so that no name is taken for an option."""
    at = [f"+{line}"] if line > 1 and Path(words[0]).name in PLUS_LINE else []
    # Not resolve(): a symbolic link stays the name the user knows.
    return [*words, *at, os.path.abspath(path)]  # noqa: PTH100


def show(app: StudyApp, document: Document, text: str, line: int = 0) -> bool:
    """Put the app aside and open a document. Blocks until the program is left.

    Args:
        app: The app.
        document: Which.
        text: What was read of it, for a file that is no text: shown read-only in the pager instead.
        line: Where to begin.

    Returns:
        Whether the file is another one afterwards.
    """
    from core.rag.scan import opened

    try:
        words = program(os.environ, pager=bool(text) or not is_text(document))
    except ValueError:
        words = []
    if not words:
        app.tell(tr("documents.open.none"), "warning")
        return False
    path = opened(document.path)
    if not is_text(document):
        with tempfile.TemporaryDirectory(prefix="llm-study-") as folder:
            copy = Path(folder, "document.txt")
            copy.write_text(clean(text), encoding="utf-8")
            copy.chmod(0o400)
            _run(app, command(words, str(copy)))
        return False
    before = _state(path)
    if before is None:
        app.tell(tr("documents.open.gone", path=clean_line(str(path), max_chars=300)), "warning")
        return False
    _run(app, command(words, os.fspath(path), line))
    return _state(path) != before


def _run(app: StudyApp, arguments: list[str]) -> None:
    try:
        with app.suspend():
            subprocess.run(arguments, check=False)
    except SuspendNotSupported:
        app.tell(tr("documents.open.unsupported"), "warning")
    except OSError as error:
        app.tell(
            tr("documents.open.failed", name=clean_line(arguments[0]), reason=error.strerror or error),
            "error",
        )
        return
    app.refresh(layout=True)


def _state(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
