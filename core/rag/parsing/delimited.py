"""CSV as a Markdown table, or as records where a row would be too wide to be one."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from core.rag.parsing.errors import LoadError

MAX_ROWS = 200_000
"""Rows that are read; the rest is left out, and said so."""
MAX_COLUMNS = 2_000
MAX_FIELD = 1_000_000
"""Characters of one field."""
WIDE = 200
"""Characters of a head line; above it each row is written as a record of ``name: value`` lines."""

_DELIMITERS = ",;\t|"


def read(text: str, *, tabs: bool = False) -> tuple[str, str]:
    """Return the table as text and a note, ``rows_left_out`` or ``""``.

    Args:
        text: The file's text.
        tabs: It is called .tsv: tabs, unless there are none.

    Raises:
        LoadError: ``damaged`` for a field without end, ``too_complex`` for too many columns.
    """
    delimiter = "\t" if tabs and "\t" in text[:100_000] else delimiter_of(text)
    csv.field_size_limit(MAX_FIELD)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    kept: list[list[str]] = []
    try:
        for row in rows:
            if not any(field.strip() for field in row):
                continue
            if len(row) > MAX_COLUMNS:
                raise LoadError("too_complex")
            if len(kept) == MAX_ROWS + 1:
                return written(kept), "rows_left_out"
            kept.append([" ".join(field.split()) for field in row])
    except csv.Error as error:
        raise LoadError("damaged") from error
    return written(kept), ""


def written(rows: list[list[str]]) -> str:
    """Return rows, the first one the head, as a table or as records."""
    if not rows:
        return ""
    # A title line above the table is no head: the head is the first row with as many fields as most have.
    usual = _usual_width(rows)
    above = next((number for number, row in enumerate(rows[:20]) if _filled(row) >= usual), 0)
    titles = [" ".join(field for field in row if field) for row in rows[:above]]
    head, body = rows[above], rows[above + 1 :]
    lines = titles + ([""] if titles else [])
    if not body or len(head) == 1:
        lines.extend(" ".join(field for field in row if field) for row in [head, *body])
    elif sum(map(len, head)) + 3 * len(head) > WIDE:
        lines.extend(_records(head, body))
    else:
        lines.extend(_table(head, body))
    return "\n".join(lines)


def delimiter_of(text: str) -> str:
    """Return the delimiter that splits the first records into the same number of fields, more than one."""
    sample = text[:50_000]
    best, chosen = (0.0, 0), ","
    for delimiter in _DELIMITERS:
        try:
            widths = [
                len(row) for _, row in zip(range(50), csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter), strict=False) if row
            ]  # fmt: skip
        except csv.Error:
            continue
        usual = max(set(widths), key=widths.count, default=1)
        score = (widths.count(usual) / len(widths), usual) if usual > 1 else (0.0, 0)
        if score > best:
            best, chosen = score, delimiter
    return chosen


def _usual_width(rows: list[list[str]]) -> int:
    widths = [_filled(row) for row in rows[:50]]
    return max(set(widths), key=lambda one: (widths.count(one), one))


def _filled(row: list[str]) -> int:
    return sum(1 for field in row if field)


def _table(head: list[str], body: Iterable[list[str]]) -> Iterator[str]:
    yield _row(head, len(head))
    yield f"|{' --- |' * len(head)}"
    for row in body:
        yield _row(row, len(head))


def _row(row: list[str], columns: int) -> str:
    cells = [field.replace("|", "/") for field in row]
    return f"| {' | '.join(cells + [''] * (columns - len(cells)))} |"


def _records(head: list[str], body: Iterable[list[str]]) -> Iterator[str]:
    for row in body:
        for number, field in enumerate(row):
            if field:
                name = head[number] if number < len(head) else ""
                # A line that starts as a heading or a row does would be taken for one.
                yield f"{name or number + 1}: {field}".lstrip("#| ")
        yield ""
