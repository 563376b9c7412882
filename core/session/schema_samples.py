"""What the resource panels need of the store: details of a sample, and older samples in coarser steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database


def samples_tables(db: Database) -> None:
    """Add the details (JSON) to each sample, and the table of minutes."""
    db.table("samples").add_column("detail", str)
    db.table("sample_minutes").create(
        {"ts": int, "count": int, "mean": str, "peak": str}, pk="ts", not_null={"count"}
    )
