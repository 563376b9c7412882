"""Chunks as rows of the LanceDB table, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import StudyError
from core.rag.chunking import Chunk, chunk_id
from core.rag.keywords import marks, terms

COLUMNS = ["id", "doc_id", "ordinal", "section", "text", "page", "line", "char_start", "char_end"]
"""What is read of a row to give its chunk."""


def schema(dim: int) -> Any:
    """Return the table's columns."""
    import pyarrow as pa

    return pa.schema(
        [
            ("id", pa.string()),
            ("doc_id", pa.string()),
            ("ordinal", pa.int32()),
            ("section", pa.string()),
            ("text", pa.string()),
            ("keywords", pa.string()),
            ("page", pa.int32()),
            ("line", pa.int32()),
            ("char_start", pa.int64()),
            ("char_end", pa.int64()),
            ("vector", pa.list_(pa.float32(), dim)),
        ]
    )


def arrow_table(documents: Sequence[tuple[str, Sequence[Chunk], Sequence[Any], str]], dim: int) -> Any:
    """Return documents as rows; see :meth:`core.rag.index.Index.replace_many`."""
    import pyarrow as pa

    rows = [(key, chunk, names) for key, chunks, _vectors, names in documents for chunk in chunks]
    chunks = [chunk for _key, chunk, _names in rows]
    columns = {
        "id": [chunk_id(key, chunk) for key, chunk, _names in rows],
        "doc_id": [key for key, _chunk, _names in rows],
        "ordinal": [chunk.ordinal for chunk in chunks],
        "section": [chunk.section for chunk in chunks],
        "text": [chunk.text for chunk in chunks],
        "keywords": [_keywords(names, chunk.section, chunk.text) for _key, chunk, names in rows],
        "page": [chunk.page for chunk in chunks],
        "line": [chunk.line for chunk in chunks],
        "char_start": [chunk.char_start for chunk in chunks],
        "char_end": [chunk.char_end for chunk in chunks],
        "vector": _vectors([vector for document in documents for vector in document[2]], dim),
    }
    return pa.Table.from_pydict(columns, schema=schema(dim))


def renamed(rows: Any, names: Mapping[str, str]) -> Any:
    """Return the ids of rows and their keywords under other names.

    Args:
        rows: Arrow table with ``id``, ``doc_id``, ``section`` and ``text``.
        names: By document key, one a line.
    """
    import pyarrow as pa

    found = rows.to_pylist()
    keywords = [_keywords(names[row["doc_id"]], row["section"], row["text"]) for row in found]
    fields = [pa.field("id", pa.string()), pa.field("keywords", pa.string())]
    return pa.table({"id": [row["id"] for row in found], "keywords": keywords}, schema=pa.schema(fields))


def _keywords(names: str, section: str, text: str) -> str:
    """Write a chunk's keywords; it is outdated when every name of its document says so."""
    marked = [set(marks(name)) for name in names.splitlines()]
    shared = sorted(set.intersection(*marked)) if marked else []
    return " ".join([*shared, *terms(f"{names} {section} {text}")])


def _vectors(vectors: Sequence[Any], dim: int) -> Any:
    """Return vectors as one column; a chunk without a vector has none there either, and is found by its words only."""
    import numpy as np
    import pyarrow as pa

    for vector in vectors:
        if vector is not None and len(vector) != dim:
            raise StudyError("error.rag.dimension", found=len(vector), expected=dim)
    flat = np.zeros((len(vectors), dim), dtype=np.float32)
    for place, vector in enumerate(vectors):
        if vector is not None:
            flat[place] = vector
    missing = pa.array([vector is None for vector in vectors])
    return pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), dim, mask=missing)


def chunk_of(row: dict[str, Any]) -> Chunk:
    """Return a row's chunk; it needs :data:`COLUMNS`."""
    return Chunk(
        row["ordinal"],
        row["section"],
        row["text"],
        row["char_start"],
        row["char_end"],
        row["page"],
        row["line"],
    )
