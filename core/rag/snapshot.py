"""What a search looks at: every chunk with its keywords and its vector, in arrays.

LanceDB is where chunks are kept; a scan of it for every question would take 20 to 80 ms, and each of the few chunks read
from it a twentieth of one. A snapshot takes 0.3 s to make at 10,000 chunks, and answers in a few milliseconds with exact
scores. A large one is kept in a file (:mod:`core.rag.snapshot_file`), 1.7 kB a chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from core.rag.chunking import Chunk
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

BATCH = 4_096
"""Chunks read at once."""

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
    """Keys of documents."""
    ordinals: Any
    pages: Any
    """-1: none."""
    lines: Any
    """The three int32."""
    begins: Any
    ends: Any
    """Characters of the document, int64."""
    widths: Any
    """Terminal cells of the text, int32, estimated from its bytes."""
    lengths: Any
    """Keywords, float32."""
    sections: Any
    """Heading paths, an Arrow array of strings."""
    texts: Any
    """The same, of large strings."""
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
    partial: bool = False
    """Whether there are too many chunks to compare every vector: the vector index says which."""
    vectors: Any = None
    """(chunks, dimensions), of length 1, zeros where a chunk has none; float32, float16 where partial: the difference
    is in the fifth digit of a similarity."""
    made_at: float = 0.0
    """Monotonic clock."""
    took_s: float = 0.0
    """How long it took to make, not to take from its file."""
    _by_row: Any = None
    _usual: float = 1.0

    def __post_init__(self) -> None:
        """Work out how many keywords a chunk has as a rule."""
        if self.size:
            self._usual = float(self.lengths.mean()) or 1.0

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

    def chunk(self, place: int) -> tuple[str, Chunk]:
        """Return the key of a chunk's document, and the chunk."""
        page = int(self.pages[place])
        return self.names[self.documents[place]], Chunk(
            int(self.ordinals[place]),
            self.sections[place].as_py(),
            self.texts[place].as_py(),
            int(self.begins[place]),
            int(self.ends[place]),
            page if page >= 0 else None,
            int(self.lines[place]),
        )

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
        """Return the chunks that have a keyword, in order, and how often each has it."""
        place = self.vocabulary.get(term)
        if place is None:
            return self.postings[:0], self.counts[:0]
        entries = slice(int(self.starts[place]), int(self.starts[place + 1]))
        return self.postings[entries], self.counts[entries]

    def gains(self, chunks: Any, counts: Any) -> Any:
        """Return how far chunks meet a keyword they have so often, 0–1.3 (see :data:`FULL`)."""
        import numpy as np

        counts = counts.astype(np.float32)
        norm = SATURATION * (1 - LENGTH_WEIGHT + LENGTH_WEIGHT * self.lengths[chunks] / self._usual)
        return counts * (SATURATION + 1) / (counts + norm) / FULL


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
        chunks, counts = snapshot.having(term)
        met[chunks] += snapshot.gains(chunks, counts) * (rarity / (weight * len(rarities)))
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

    entries = [snapshot.having(term) for term in phrase]
    chunks = min((having for having, _counts in entries), key=len)
    for having, _counts in entries:
        if having is not chunks and len(chunks):
            chunks = chunks[_found(having, chunks)[1]]
    if not len(chunks):
        return chunks, np.empty(0, dtype=np.float32), 0.0
    gain = np.full(len(chunks), np.inf, dtype=np.float32)
    for having, counts in entries:
        np.minimum(gain, snapshot.gains(chunks, counts[_found(having, chunks)[0]]), out=gain)
    return chunks, gain, sum(snapshot.rarity(term) for term in phrase) / len(phrase)


def _found(among: Any, wanted: Any) -> tuple[Any, Any]:
    """Return where values are in a sorted array that has some, and which are there at all."""
    import numpy as np

    where = np.minimum(np.searchsorted(among, wanted), len(among) - 1)
    return where, among[where] == wanted


async def read(table: Any, version: int, *, partial: bool) -> Snapshot:
    """Make a snapshot of a LanceDB table."""
    import asyncio

    import pyarrow as pa

    words, batches = _Words(), []
    # Batch by batch: the keywords of 100,000 chunks at once, only to be counted, would be half a gigabyte.
    reader = (
        await table.query()
        .select([*_KEPT, "keywords", "text", "vector"])
        .with_row_id()
        .to_batches(max_batch_length=BATCH)
    )
    batches.append(_counted(pa.RecordBatch.from_pylist([], schema=reader.schema), words, partial))
    async for batch in reader:
        batches.append(await asyncio.to_thread(_counted, batch, words, partial))
    made = await asyncio.to_thread(_joined, batches, words, version, table)
    made.partial = partial
    if made.size:
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
    vectors = vectors.astype(np.float32)
    alike = vectors @ vectors.T
    return min(0.95, max(0.0, float(np.median(alike[np.triu_indices(len(vectors), 1)]))))


_KEPT = ["doc_id", "ordinal", "section", "page", "line", "char_start", "char_end"]


@dataclass(slots=True)
class _Words:
    """Keywords of the chunks read so far. Of each batch an array of keywords, of chunks that have them, of counts."""

    vocabulary: dict[str, int] = field(default_factory=dict)
    terms: list[Any] = field(default_factory=list)
    chunks: list[Any] = field(default_factory=list)
    counts: list[Any] = field(default_factory=list)
    lengths: list[Any] = field(default_factory=list)
    size: int = 0

    def add(self, keywords: Any) -> None:
        """Count a column of keywords."""
        import numpy as np
        import pyarrow.compute as pc

        lists = pc.split_pattern(keywords, " ")
        encoded = lists.flatten().dictionary_encode()
        known = self.vocabulary
        ids = np.array(
            [known.setdefault(term, len(known)) for term in encoded.dictionary.to_pylist()], dtype=np.int64
        )
        lengths = np.diff(lists.offsets.to_numpy())
        key = ids[encoded.indices.to_numpy()] * len(lengths) + np.repeat(np.arange(len(lengths)), lengths)
        key.sort()
        first = np.flatnonzero(np.diff(key, prepend=-1))
        term, chunk = np.divmod(key[first], len(lengths))
        self.terms.append(term.astype(np.uint32))
        self.chunks.append((chunk + self.size).astype(np.uint32))
        self.counts.append(np.diff(first, append=len(key)).clip(max=MANY).astype(np.uint8))
        self.lengths.append(lengths.astype(np.float32))
        self.size += len(lengths)

    def inverted(self, places: Any) -> tuple[Any, Any, Any]:
        """Return each keyword's start, the chunks that have it, counts (see :class:`Snapshot`).

        Args:
            places: Where each chunk goes, in the order they were read.
        """
        import numpy as np

        size = max(self.size, 1)
        # One number an entry, so that sorting is all there is to do.
        key = _flat(self.terms, np.int64) * size + places[_flat(self.chunks, np.int64)]
        key = key * (MANY + 1) + _flat(self.counts, np.int64)
        key.sort()
        counts = (key % (MANY + 1)).astype(np.uint8)
        key //= MANY + 1
        starts = np.searchsorted(key, np.arange(len(self.vocabulary) + 1) * size)
        return starts, (key % size).astype(np.uint32), counts


def _flat(arrays: list[Any], kind: Any) -> Any:
    import numpy as np

    return np.concatenate(arrays, dtype=kind) if arrays else np.empty(0, dtype=kind)


def _counted(batch: Any, words: _Words, partial: bool) -> tuple[Any, Any]:
    """Return a batch without keywords, with its texts' widths, and its vectors."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    words.add(batch.column("keywords"))
    text = batch.column("text")
    chars = pc.cast(pc.utf8_length(text), pa.int32())
    octets = pc.cast(pc.binary_length(text), pa.int32())
    # A Hangul syllable is three bytes, one character and two cells.
    widths = pc.add(chars, pc.divide(pc.subtract(octets, chars), 2))
    vectors = unit_vectors(batch.column("vector")).astype(np.float16 if partial else np.float32, copy=False)
    rest = pa.Table.from_batches([batch]).drop_columns(["keywords", "text", "vector"])
    rest = rest.append_column("text", pc.cast(text, pa.large_string()))
    rest = rest.append_column("width", widths)
    # Copied: as they are, the columns hold on to everything that was read with them.
    return rest.take(np.arange(len(rest))), vectors


def _joined(batches: list[tuple[Any, Any]], words: _Words, version: int, table: Any) -> Snapshot:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = pa.concat_tables([rest for rest, _vectors in batches])
    order = pc.sort_indices(rows, sort_keys=[("doc_id", "ascending"), ("ordinal", "ascending")])
    rows = rows.take(order).combine_chunks()
    column = {name: rows.column(name).combine_chunks() for name in rows.column_names}
    documents = column["doc_id"].dictionary_encode()
    order = order.to_numpy()
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.arange(len(order))
    starts, postings, counts = words.inverted(places)
    vectors = np.empty((len(order), batches[0][1].shape[1]), dtype=batches[0][1].dtype)
    at = 0
    for _rest, some in batches:
        vectors[places[at : at + len(some)]] = some
        at += len(some)
    return Snapshot(
        version=version,
        row_ids=column["_rowid"].to_numpy(),
        documents=documents.indices.to_numpy(),
        names=documents.dictionary.to_pylist(),
        ordinals=column["ordinal"].to_numpy(),
        pages=column["page"].fill_null(-1).to_numpy(),
        lines=column["line"].to_numpy(),
        begins=column["char_start"].to_numpy(),
        ends=column["char_end"].to_numpy(),
        widths=column["width"].to_numpy(),
        lengths=_flat(words.lengths, np.float32)[order],
        sections=column["section"],
        texts=column["text"],
        vocabulary=words.vocabulary,
        starts=starts,
        postings=postings,
        counts=counts,
        table=table,
        vectors=vectors,
    )


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
