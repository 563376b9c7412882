"""A run as files: CSV of the rows and of the summary, JSON of everything, one SVG for each plot."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import StudyError
from core.i18n import tr
from core.lab.definitions import DEFINITIONS
from core.lab.svg import draw
from core.lab.types import LabRow, LabView, Table
from core.text import clean_line


def export(view: LabView, rows: Sequence[LabRow], folder: Path) -> list[Path]:
    """Write the files and return their paths.

    Args:
        view: What is shown of the run.
        rows: Everything measured, warm-up included and marked.
        folder: Made when it does not exist.

    Raises:
        StudyError: It cannot be written.
    """
    stem = f"{view.run.experiment}-{view.run.id}"
    files: dict[str, str] = {
        f"{stem}.json": json.dumps(everything(view, rows), ensure_ascii=False, indent=1, default=str) + "\n",
        f"{stem}-rows.csv": rows_csv(rows),
    }
    if view.table is not None:
        files[f"{stem}-summary.csv"] = table_csv(view.table)
    for plot in view.plots:
        if any(one.points for one in plot.series):
            note = f"{view.run.environment.get('model', '')} · {view.run.environment.get('cpu', '')} · {view.run.id}"
            files[f"{stem}-{plot.key}.svg"] = draw(
                plot, title=tr(f"lab.plot.{plot.key}"), note=clean_line(note)
            )
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = folder / name
            path.write_text(text, "utf-8")
            written.append(path)
    except OSError as error:
        raise StudyError(
            "error.lab.export", path=clean_line(str(folder)), reason=error.strerror or error
        ) from error
    return written


def everything(view: LabView, rows: Sequence[LabRow]) -> dict[str, Any]:
    """Return the run, what was found, every row, and what the figures mean."""
    return {
        "schema": "llm-study/lab/1",
        **summary(view),
        "definitions": {key: dataclasses.asdict(one) for key, one in DEFINITIONS.items()},
        "measurements": [dataclasses.asdict(row) for row in rows],
    }


def summary(view: LabView) -> dict[str, Any]:
    """Return what is shown of a run, as JSON values."""
    return {
        "run": dataclasses.asdict(view.run),
        "sentence": view.sentence,
        "warnings": list(view.warnings),
        "rows": view.rows,
        "table": table_json(view.table) if view.table else None,
        "plots": [dataclasses.asdict(plot) for plot in view.plots],
        "heat": dataclasses.asdict(view.heat) if view.heat else None,
    }


def table_json(table: Table) -> list[dict[str, Any]]:
    """Return one object for each row: column → cell."""
    return [
        {
            column.key: {**_cell(cell), "unit": column.unit}
            for column, cell in zip(table.columns, row, strict=True)
        }
        for row in table.rows
    ]


def _cell(cell: Any) -> dict[str, Any]:
    return {
        name: value for name, value in dataclasses.asdict(cell).items() if value is not None and value != ""
    }


def table_csv(table: Table) -> str:
    """Write the summary: value, ends of the interval, number of values and flag of each column."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names: list[str] = []
    for column in table.columns:
        name = f"{column.key} [{column.unit}]" if column.unit else column.key
        names += [name, f"{column.key}_low", f"{column.key}_high", f"{column.key}_n", f"{column.key}_flag"]
    writer.writerow(names)
    for row in table.rows:
        values: list[Any] = []
        for cell in row:
            values += [_safe(cell.value), cell.low, cell.high, cell.n, cell.flag]
        writer.writerow(["" if value is None else value for value in values])
    return out.getvalue()


def rows_csv(rows: Sequence[LabRow]) -> str:
    """Write every row, one column for each name that was varied or measured; lists as JSON."""
    points = sorted({name for row in rows for name in row.point})
    data = sorted({name for row in rows for name in row.data})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["seq", "ts", "kind", "warmup", *(f"point.{name}" for name in points), *data])
    for row in rows:
        values = [row.point.get(name) for name in points] + [row.data.get(name) for name in data]
        writer.writerow([row.seq, row.ts, row.kind, int(row.warmup), *map(_safe, values)])
    return out.getvalue()


def _safe(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, str):
        text = clean_line(value, max_chars=2000)
        # A spreadsheet takes such text for a formula.
        return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
    return json.dumps(value) if isinstance(value, list | dict | tuple) else value
