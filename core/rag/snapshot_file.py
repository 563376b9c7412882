"""A snapshot in a file beside its index: mapped into memory it is there at once, and what no search looks at takes none.

The file is only a copy. It says what it is of; whatever is not exactly that is passed over and made anew from the index.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from core.rag import snapshot
from core.rag.snapshot import Snapshot

log = logging.getLogger(__name__)

NAME = "search.arrow"
LAYOUT = "1"
"""Of the file and of all that :func:`core.rag.snapshot.read` works out."""

_PART = ".search-"
_ABANDONED_S = 3600
"""A half-written file so old is of a process that was killed."""

_ARRAYS = ["row_ids", "documents", "ordinals", "pages", "lines", "begins", "ends", "widths", "lengths"]
_ARRAYS += ["starts", "postings", "counts", "vectors"]


async def kept(directory: Path, of: str, table: Any, version: int, *, partial: bool) -> Snapshot:
    """Take a snapshot from its file, or make it and put it there.

    Args:
        directory: Of the index.
        of: What tells this index from any that was in its place before.
        table: The LanceDB table, held at ``version``.
    """
    path, of = directory / NAME, f"{of} {version}"
    found = await asyncio.to_thread(load, path, of, version, table)
    if found is not None:
        return found
    began = time.monotonic()
    made = await snapshot.read(table, version, partial=partial)
    made.took_s = time.monotonic() - began

    def keep() -> Snapshot | None:
        try:
            save(path, made, of)
        except OSError as error:
            log.info("the snapshot cannot be kept: %s", error)
            return None
        return load(path, of, version, table)

    # Also now from the file: what it takes is the system's to give to others then.
    return await asyncio.to_thread(keep) or made


def save(path: Path, made: Snapshot, of: str) -> None:
    """Write a snapshot; whoever reads meanwhile has the file that was there before. Blocking.

    Args:
        of: Index and version it is of.

    Raises:
        OSError: It cannot be written. What was there is still there.
    """
    import pyarrow as pa

    _sweep(path.parent)
    columns: dict[str, Any] = {name: pa.array(getattr(made, name).ravel()) for name in _ARRAYS}
    columns["names"] = pa.array(made.names, pa.string())
    columns |= {"sections": made.sections, "texts": made.texts}
    columns["terms"] = pa.array(list(made.vocabulary), pa.string())
    about = {"of": of, "layout": LAYOUT, "floor": repr(made.floor), "partial": str(made.partial)}
    about["took"] = repr(made.took_s)
    # One row, in which every array is a list: that is one file for arrays of different lengths.
    row = pa.record_batch({name: _listed(values) for name, values in columns.items()})
    row = row.replace_schema_metadata(about)
    descriptor, part = tempfile.mkstemp(prefix=_PART, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with pa.ipc.new_file(file, row.schema) as writer:
                writer.write_batch(row)
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(part).unlink()
        raise


def load(path: Path, of: str, version: int, table: Any) -> Snapshot | None:
    """Map a snapshot into memory; ``None`` where there is none of exactly that. Blocking, some milliseconds."""
    import pyarrow as pa

    try:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        about = {key.decode(): value.decode() for key, value in (reader.schema.metadata or {}).items()}
        if (about.get("of"), about.get("layout")) != (of, LAYOUT):
            return None
        row = reader.get_batch(0)
        row.validate(full=True)
        values = {name: row.column(name).values for name in row.schema.names}
        arrays = {name: values[name].to_numpy() for name in _ARRAYS}
        arrays["vectors"] = arrays["vectors"].reshape(len(arrays["row_ids"]), -1)
        found = Snapshot(
            version=version,
            table=table,
            names=values["names"].to_pylist(),
            sections=values["sections"],
            texts=values["texts"],
            vocabulary={term: place for place, term in enumerate(values["terms"].to_pylist())},
            floor=float(about["floor"]),
            took_s=float(about["took"]),
            partial=about["partial"] == "True",
            **arrays,
        )
        if not _sound(found):
            raise ValueError("out of bounds")
        return found
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError) as error:  # Arrow's own errors are ValueErrors
        log.info("the kept snapshot cannot be read: %s", error)
        return None


def forget(directory: Path) -> None:
    """Delete the file of an index; whoever has mapped it can still read it. Blocking."""
    with contextlib.suppress(OSError):
        (directory / NAME).unlink()


def _sound(found: Snapshot) -> bool:
    """Say whether what points to something points to something there: a damaged file must not fail every search."""
    import numpy as np

    size, starts = found.size, found.starts
    per_chunk = (*(getattr(found, name) for name in _ARRAYS[1:9]), found.sections, found.texts)
    if any(len(values) != size for values in per_chunk) or len(starts) != len(found.vocabulary) + 1:
        return False
    if not size or starts[0] != 0 or starts[-1] != len(found.postings) or (np.diff(starts) < 0).any():
        return False
    inside = found.documents.min() >= 0 and found.documents.max() < len(found.names)
    return bool(inside and len(found.counts) == len(found.postings) > 0 and found.postings.max() < size)


def _listed(values: Any) -> Any:
    import pyarrow as pa

    return pa.LargeListArray.from_arrays(pa.array([0, len(values)], pa.int64()), values)


def _sweep(directory: Path) -> None:
    for part in directory.glob(f"{_PART}*"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > _ABANDONED_S:
                part.unlink()
