"""JSON as lines of ``path: value``, each readable by itself wherever a chunk is cut; notebooks as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from core.rag.parsing.errors import LoadError

MAX_LINES = 1_000_000
MAX_NAME = 100
"""Characters of one name in a path."""
MAX_PATH = 400
"""Characters of a path; of a longer one the end is kept."""
MAX_OUTPUT_CHARS = 4_000
"""Of one cell of a notebook; tables and logs of megabytes are what it printed, not what it says."""


def read_json(text: str) -> str:
    """Return a document, or a file with one on each line, as ``path: value`` lines with a blank line after each record.

    Raises:
        ValueError: It is not JSON, or nested deeper than anything to be read is.
        LoadError: ``too_complex``.
    """
    lines: list[str] = []
    try:
        for record in _records(text):
            for line in _lines(record):
                lines.append(line)
                if len(lines) > MAX_LINES:
                    raise LoadError("too_complex")
            lines.append("")
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return "\n".join(lines)


def read_notebook(text: str) -> tuple[str, str]:
    """Return a Jupyter notebook's cells as Markdown, with what they printed as text, and its title.

    Raises:
        ValueError: It is not a notebook.
    """
    try:
        notebook = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise ValueError("no cells")
    metadata = notebook.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    info = metadata.get("language_info")
    language = info.get("name") if isinstance(info, dict) else ""
    blocks = [block for cell in cells if isinstance(cell, dict) for block in _cell(cell, str(language or ""))]
    return "\n\n".join(block for block in blocks if block.strip()), str(metadata.get("title") or "")


def _records(text: str) -> Iterator[Any]:
    try:
        whole = json.loads(text)
    except ValueError:
        # One document on each line. Not splitlines(): a string may hold U+2028, which is no line end in JSON.
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) < 2:
            raise
        for number, line in enumerate(lines):
            try:
                yield json.loads(line)
            except ValueError:
                # The last line of a log is often half written.
                if number < len(lines) - 1 or number == 0:
                    raise
        return
    if isinstance(whole, list) and all(isinstance(one, dict | list) for one in whole):
        yield from whole
    else:
        yield whole


_GAP = object()


def _lines(value: Any) -> Iterator[str]:
    """Yield one line for each value, in the order of the document. Not recursive: nesting may be deep."""
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        path, now = waiting.pop()
        if isinstance(now, dict) and now:
            waiting.extend(reversed([(_below(path, name), one) for name, one in now.items()]))
        elif isinstance(now, list) and now and all(not isinstance(one, dict | list) for one in now):
            yield _line(path, ", ".join(map(_scalar, now)))
        elif isinstance(now, list) and now:
            for number in range(len(now) - 1, -1, -1):
                # A blank line before each record: chunks are cut there.
                waiting += [(f"{path}[{number}]"[-MAX_PATH:], now[number]), ("", _GAP)]
        elif now is _GAP:
            yield ""
        else:
            yield _line(path, _scalar(now))


def _below(path: str, name: str) -> str:
    return f"{path}.{_flat(name)[:MAX_NAME]}"[-MAX_PATH:] if path else _flat(name)[:MAX_NAME]


def _line(path: str, value: str) -> str:
    return f"{path}: {value}" if path else value


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _flat(value)
    return json.dumps(value, ensure_ascii=False)


def _flat(text: str) -> str:
    return " ".join(text.split())


# -- notebooks --------------------------------------------------------------------------------------


def _cell(cell: dict[str, Any], language: str) -> Iterator[str]:
    source = _joined(cell.get("source"))
    if cell.get("cell_type") != "code":
        yield source.strip()
        return
    yield _fenced(source, language)
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else []:
        if not isinstance(output, dict):
            continue
        data = output.get("data")
        found = data.get("text/plain") if isinstance(data, dict) else output.get("text")
        printed = _joined(found)
        if len(printed) > MAX_OUTPUT_CHARS:
            printed = printed[:MAX_OUTPUT_CHARS] + "…"
        yield _fenced(printed, "")


def _joined(source: Any) -> str:
    if isinstance(source, list):
        return "".join(one for one in source if isinstance(one, str))
    return source if isinstance(source, str) else ""


def _fenced(text: str, language: str) -> str:
    text = text.strip("\n").rstrip()
    if not text:
        return ""
    ticks = "````" if "```" in text else "```"
    return f"{ticks}{_flat(language)[:20]}\n{text}\n{ticks}"
