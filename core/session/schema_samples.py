"""What the resource panels need of the store: details of a sample, and older samples in coarser steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database


def samples_tables(db: Database) -> None:
    """Add the details (JSON) to each sample, the table of minutes, and how far runs were thinned."""
    db.table("samples").add_column("detail", str)
    # The mean and the highest of every figure, as JSON; ``detail.…`` for the finer ones.
    db.table("sample_minutes").create(
        {"ts": int, "count": int, "mean": str, "peak": str}, pk="ts", not_null={"count"}
    )
    db.table("sample_upkeep").create({"id": int, "thinned_until": float}, pk="id")
    db.execute("INSERT INTO sample_upkeep (id, thinned_until) VALUES (1, 0)")
    # What turns into minutes is found without a look at the samples that runs keep.
    db.execute("CREATE INDEX samples_without_run ON samples (ts) WHERE run_id IS NULL")
