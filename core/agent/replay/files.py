"""Runs and sessions as files."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from core.agent.replay.compare import run_of
from core.agent.replay.otlp import traces
from core.agent.replay.types import ExportFormat
from core.agent.replay.words import json_text
from core.errors import StudyError, UsageError
from core.session import Store, chat, export
from core.text import clean_line

_ENDING = {"otlp": "otlp.json", "jsonl": "jsonl"}


def write(store: Store, id: str, folder: Path, format: ExportFormat) -> Path:
    """Write a run or a session into a new file.

    Args:
        id: Of a session or a run, or an unambiguous beginning of it.
        folder: Made when it is not there.

    Raises:
        StudyError: There is no such run or session, or the file cannot be written.
    """
    session = chat.get_session(store, id)
    run = run_of(store, id) if session is None else None
    name = run.id if run is not None else session.id if session is not None else ""
    if format == "otlp":
        runs = [run] if run is not None else chat.runs(store, name)
        text = json_text(traces([(one, chat.spans(store, run_id=one.id)) for one in runs])) + "\n"
    elif format == "jsonl":
        lines = (
            export.session_jsonl(store, run.session_id, run.id)
            if run is not None
            else export.session_jsonl(store, name)
        )
        text = "".join(f"{json_text(line)}\n" for line in lines)
    else:
        raise UsageError("error.trace.format", format=clean_line(str(format), max_chars=40))
    folder = folder.expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _new_file(folder, f"llm-study-{name}", _ENDING[format], text)
    except OSError as error:
        raise StudyError(
            "error.export", path=folder, reason=clean_line(error.strerror or str(error))
        ) from error


def _new_file(folder: Path, stem: str, ending: str, text: str) -> Path:
    """Write a file that was not there; what cannot be written whole is not left."""
    for number in itertools.count(1):
        path = folder / (f"{stem}.{ending}" if number == 1 else f"{stem}-{number}.{ending}")
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as opened:
                opened.write(text)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path
    raise AssertionError("there is always another number")
