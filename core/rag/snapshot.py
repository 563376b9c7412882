"""What a search looks at in memory: every chunk's keywords, place and size, and in small collections its vector.

LanceDB is where chunks are kept; a scan of it for every question would take 20 to 80 ms. A snapshot takes 0.3 s to
make at 10,000 chunks and 30 MB at 100,000, and answers in a few milliseconds with exact scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.rag.queries import Unit

SATURATION = 0.9
LENGTH_WEIGHT = 0.4
"""BM25's k1 and b."""

FULL = 0.76 * (SATURATION + 1)
"""BM25's gain for a word, without its rarity, at which it counts as met: a little more than once in a chunk of
usual length gives."""

MOST = 1.3
"""A word met more often counts so much at most."""

SYNONYM = 0.7
TRANSLATION = 0.85
"""What a synonym and a translation count of the word itself. From 0.55 and 0.7 up the training questions are
answered about as well."""

MANY = 255
"""A keyword is counted up to here."""

SAMPLE = 256
FEW = 20
"""Chunks compared to know how alike any two are, and how many it takes to tell."""


@dataclass(eq=False)
class Snapshot:
    """The chunks of one version of an index, ordered by document and place. Arrays have one entry a chunk."""

    version: int
    row_ids: Any
    """LanceDB's addresses, uint64; they hold for this version only."""
    documents: Any
    """Index into :attr:`names`, int32."""
    names: list[str]
    widths: Any
    """Terminal cells of the text, int32, estimated from its bytes."""
    lengths: Any
    """Keywords, float32."""
    sections: Any
    """Heading paths, an Arrow array of strings."""
    vocabulary: dict[str, int]
    starts: Any
    """Where each keyword's entries start in the next two; one more at the end."""
    postings: Any
    """Chunks that have the keyword, uint32."""
    counts: Any
    """How often, uint8."""
    table: Any
    """The LanceDB table, held at :attr:`version`."""
    floor: float = 0.0
    """Cosine similarity of chunks that have nothing to do with each other: 0.1 for one embedding model, 0.8 for
    another. The median of a sample."""
    vectors: Any = None
    """Float32, (chunks, dimensions), of length 1; ``None`` where there are too many to keep."""
    made_at: float = 0.0
    """Monotonic clock."""
    took_s: float = 0.0
    """How long it took to make."""
    _by_row: Any = None
    _usual: float = 0.0

    @property
    def size(self) -> int:
        """Return how many chunks there are."""
        return len(self.row_ids)

    def places(self, row_ids: Sequence[int]) -> list[int]:
        """Return where chunks are, by row id."""
        import numpy as np

        if self._by_row is None:
            self._by_row = np.argsort(self.row_ids)
        wanted = np.asarray(row_ids, dtype=self.row_ids.dtype)
        found: list[int] = self._by_row[np.searchsorted(self.row_ids, wanted, sorter=self._by_row)].tolist()
        return found

    def frequency(self, term: str) -> int:
        """Return how many chunks have a keyword."""
        place = self.vocabulary.get(term)
        return 0 if place is None else int(self.starts[place + 1] - self.starts[place])

    def rarity(self, term: str) -> float:
        """Return BM25's inverse document frequency."""
        import math

        there = self.frequency(term)
        return math.log(1 + (self.size - there + 0.5) / (there + 0.5))

    def having(self, term: str) -> tuple[Any, Any]:
        """Return the chunks that have a keyword, and for each how far it is met, 0–1.3 (see :data:`FULL`)."""
        import numpy as np

        place = self.vocabulary.get(term)
        if place is None:
            return np.empty(0, dtype=np.uint32), np.empty(0, dtype=np.float32)
        rows = self.postings[self.starts[place] : self.starts[place + 1]]
        count = self.counts[self.starts[place] : self.starts[place + 1]].astype(np.float32)
        if not self._usual:
            self._usual = float(self.lengths.mean()) or 1.0
        norm = SATURATION * (1 - LENGTH_WEIGHT + LENGTH_WEIGHT * self.lengths[rows] / self._usual)
        return rows, count * (SATURATION + 1) / (count + norm) / FULL


@dataclass(frozen=True, slots=True)
class Matched:
    """How far each chunk meets the words of a question."""

    shares: Any
    """Float32, one for each chunk: how much of the question it meets, its units weighing their rarity; 0–:data:`MOST`."""
    weight: float
    """What all units weigh together."""


def match(snapshot: Snapshot, units: Sequence[Unit]) -> Matched:
    """Compare a question's units with every chunk.

    A unit is met by its own keywords (by each for its part), else by a synonym or a translation, for which all of its
    keywords must be there and which counts for less.
    """
    import numpy as np

    shares = np.zeros(snapshot.size, dtype=np.float32)
    total = 0.0
    for unit in units:
        met, weight = _met(snapshot, unit)
        # Not one matrix product: that would wake threads which then wait spinning for more.
        met *= weight
        shares += met
        total += weight
    if total:
        shares /= total
    return Matched(shares, total)


def _met(snapshot: Snapshot, unit: Unit) -> tuple[Any, float]:
    """Return how far each chunk meets a unit, 0–:data:`MOST`, and what the unit weighs: how rare it is."""
    import numpy as np

    met = np.zeros(snapshot.size, dtype=np.float32)
    rarities = [snapshot.rarity(term) for term in unit.own]
    weight = sum(rarities) / len(rarities)
    for term, rarity in zip(unit.own, rarities, strict=True):
        chunks, gain = snapshot.having(term)
        met[chunks] += gain * (rarity / (weight * len(rarities)))
    for phrase in unit.same:
        chunks, gain, rarity = _together(snapshot, phrase)
        if len(chunks):
            met[chunks] = np.maximum(met[chunks], SYNONYM * min(1.0, rarity / weight) * gain)
    abroad = [_together(snapshot, phrase) for phrase in unit.other]
    most = max((rarity for chunks, _gain, rarity in abroad if len(chunks)), default=0.0)
    for chunks, gain, rarity in abroad:
        if len(chunks):
            met[chunks] = np.maximum(met[chunks], TRANSLATION * (rarity / most) * gain)
    np.minimum(met, MOST, out=met)
    known = any(snapshot.frequency(term) for term in unit.own)
    # A word no document has is as rare as can be; where its translation is there, that says how rare it is.
    return met, most if most and not known else weight


def _together(snapshot: Snapshot, phrase: Sequence[str]) -> tuple[Any, Any, float]:
    """Return the chunks with all keywords of a phrase, how far the least met is met, and their mean rarity."""
    import numpy as np

    chunks, gain = snapshot.having(phrase[0])
    for term in phrase[1:]:
        if not len(chunks):
            break
        others, more = snapshot.having(term)
        chunks, left, right = np.intersect1d(chunks, others, assume_unique=True, return_indices=True)
        gain = np.minimum(gain[left], more[right])
    rarity = sum(snapshot.rarity(term) for term in phrase) / len(phrase) if len(chunks) else 0.0
    return chunks, gain, rarity


async def read(table: Any, version: int, *, with_vectors: bool) -> Snapshot:
    """Make a snapshot of a LanceDB table."""
    import asyncio

    columns = ["doc_id", "ordinal", "section", "keywords", "text"]
    wanted = [*columns, "vector"] if with_vectors else columns
    rows = await table.query().select(wanted).with_row_id().to_arrow()
    made = await asyncio.to_thread(_build, rows, version, table)
    if made.vectors is None and made.size:
        chosen = [int(row) for row in made.row_ids[_sample(made.size)]]
        some = await table.take_row_ids(chosen).select(["vector"]).to_arrow()
        made.floor = _floor(unit_vectors(some.column("vector")))
    elif made.size:
        made.floor = _floor(made.vectors[_sample(made.size)])
    return made


def _sample(size: int) -> Any:
    import numpy as np

    return np.unique(np.linspace(0, size - 1, min(size, SAMPLE)).astype(np.int64))


def _floor(vectors: Any) -> float:
    """Return the median similarity of different vectors; 0 where there are too few to tell."""
    import numpy as np

    if len(vectors) < FEW:
        return 0.0
    alike = vectors @ vectors.T
    return min(0.95, max(0.0, float(np.median(alike[np.triu_indices(len(vectors), 1)]))))


def _build(rows: Any, version: int, table: Any) -> Snapshot:
    import numpy as np
    import pyarrow.compute as pc

    order = pc.sort_indices(rows, sort_keys=[("doc_id", "ascending"), ("ordinal", "ascending")])
    rows = rows.take(order).combine_chunks()
    documents = rows.column("doc_id").combine_chunks().dictionary_encode()
    text = rows.column("text")
    chars = pc.utf8_length(text).to_numpy()
    octets = pc.binary_length(text).to_numpy()
    vocabulary, starts, postings, counts, lengths = _postings(rows.column("keywords"))
    return Snapshot(
        version=version,
        row_ids=rows.column("_rowid").to_numpy(),
        documents=documents.indices.to_numpy(),
        names=documents.dictionary.to_pylist(),
        # A Hangul syllable is three bytes, one character and two cells.
        widths=(chars + (octets - chars) // 2).astype(np.int32),
        lengths=lengths,
        sections=rows.column("section").combine_chunks(),
        vocabulary=vocabulary,
        starts=starts,
        postings=postings,
        counts=counts,
        table=table,
        vectors=unit_vectors(rows.column("vector")) if "vector" in rows.column_names else None,
    )


def _postings(keywords: Any) -> tuple[dict[str, int], Any, Any, Any, Any]:
    """Turn the keywords column into an inverted index."""
    import numpy as np
    import pyarrow.compute as pc

    lists = pc.split_pattern(keywords.combine_chunks(), " ")
    encoded = lists.flatten().dictionary_encode()
    sizes = np.diff(lists.offsets.to_numpy())
    total = len(sizes)
    key = encoded.indices.to_numpy().astype(np.int64) * max(total, 1)
    key += np.repeat(np.arange(total, dtype=np.int64), sizes)
    key.sort()
    first = np.flatnonzero(np.diff(key, prepend=-1))
    counts = np.diff(first, append=len(key)).clip(max=MANY).astype(np.uint8)
    term, chunk = np.divmod(key[first], max(total, 1))
    starts = np.searchsorted(term, np.arange(len(encoded.dictionary) + 1))
    vocabulary = {name: place for place, name in enumerate(encoded.dictionary.to_pylist())}
    return vocabulary, starts, chunk.astype(np.uint32), counts, sizes.astype(np.float32)


def unit_vectors(column: Any) -> Any:
    """Return a column of vectors as float32 (rows, dimensions), each of length 1; zeros where there is none."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    size = array.type.list_size
    found = np.zeros((len(array), size), dtype=np.float32)
    there = pc.is_valid(array).to_numpy(zero_copy_only=False)
    found[there] = array.drop_null().flatten().to_numpy().reshape(-1, size)
    norm = np.linalg.norm(found, axis=1, keepdims=True)
    found /= np.where(norm > 0, norm, 1)
    return found
