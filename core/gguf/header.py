"""Read a GGUF file's header: what ``/api/show``, ``/api/tags`` and ``/api/ps`` tell about a model.

The file may be anybody's. Every count and length in it is checked against the bytes that are really there, nothing
is stored that is longer than a limit, and long arrays (a vocabulary) are counted, not kept. The source is a mapped
file or the first bytes of one that is elsewhere (:mod:`core.gguf.remote`).
"""

from __future__ import annotations

import math
import mmap
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.gguf.ggml import TYPES, tensor_bytes

MAX_KEYS = 10_000
MAX_TENSORS = 200_000
MAX_KEY_BYTES = 1_024
MAX_STRING_BYTES = 1 << 20
MAX_KEPT_ITEMS = 5
"""Longer arrays are shown as ``[]``, as Ollama does."""
MAX_LAYERS_KEPT = 1_024
"""Arrays of numbers up to this length (one value a layer) are kept apart, for the memory estimate."""
MAX_COUNT = 1 << 62
MAX_PARTS = 100
"""Files one model may be split into."""

_SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_STRING, _ARRAY = 8, 9

#: ``general.file_type`` to the name people know the quantisation by.
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
    12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K",
    19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL",
    26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16",
    36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip


_PART = re.compile(r"-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf$")


class GgufError(ValueError):
    """The file is no GGUF, or its header contradicts its size."""


class NeedMore(Exception):
    """The bytes at hand end before the header does.

    Args:
        until: Bytes from the start of the file that are needed at least.
    """

    def __init__(self, until: int) -> None:
        self.until = until
        super().__init__(until)


@dataclass(frozen=True)
class Tensors:
    """Sums over the tensor table. Sizes are bytes as in the file."""

    count: int = 0
    bytes: int = 0
    embedding: int = 0
    """Token embedding."""
    output: int = 0
    """Output matrix; 0: it shares the token embedding's memory (tied)."""
    experts: int = 0
    """Experts of a mixture: read only in part for each token."""
    largest: int = 0
    matrices: Mapping[str, int] = field(default_factory=dict)
    """By type: matrices that are multiplied with: all with two or more dimensions but the token embedding."""
    embedding_type: str = ""
    unknown: int = 0
    """Tensors of types that are not known here, and so not in the sums."""

    def __add__(self, other: Tensors) -> Tensors:
        kinds = {*self.matrices, *other.matrices}
        return Tensors(
            self.count + other.count,
            self.bytes + other.bytes,
            self.embedding + other.embedding,
            self.output + other.output,
            self.experts + other.experts,
            max(self.largest, other.largest),
            {kind: self.matrices.get(kind, 0) + other.matrices.get(kind, 0) for kind in sorted(kinds)},
            self.embedding_type or other.embedding_type,
            self.unknown + other.unknown,
        )


@dataclass(frozen=True)
class Header:
    """A model's metadata."""

    metadata: dict[str, Any] = field(default_factory=dict)
    """Every key; arrays of more than :data:`MAX_KEPT_ITEMS` values are empty."""
    parameter_count: int = 0
    """Sum of all tensors' elements."""
    arrays: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Arrays of up to :data:`MAX_LAYERS_KEPT` numbers that do not belong to the tokenizer."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Length of every array, for example of the vocabulary."""
    tensors: Tensors = field(default_factory=Tensors)
    header_bytes: int = 0
    """Where the tensor table ends."""

    @property
    def architecture(self) -> str:
        """For example ``llama``."""
        return str(self.metadata.get("general.architecture", ""))

    @property
    def quantization(self) -> str:
        """For example ``Q4_K_M``; ``unknown`` when the file does not say."""
        kind = self.metadata.get("general.file_type")
        return _FILE_TYPES.get(kind, "unknown") if isinstance(kind, int) else "unknown"

    @property
    def chat_template(self) -> str:
        """The Jinja template, or ``""``."""
        return str(self.metadata.get("tokenizer.chat_template", ""))

    def number(self, name: str) -> int:
        """An integer of the architecture, such as ``context_length`` (tokens); 0 when absent."""
        value = self.metadata.get(f"{self.architecture}.{name}")
        return value if isinstance(value, int) and value > 0 else 0

    def per_layer(self, name: str, layers: int, default: float = 0) -> list[float]:
        """A value for each layer: an array in the file, one number for all of them, or the default."""
        key = f"{self.architecture}.{name}"
        values = list(self.arrays.get(key, ()))
        if values:
            return [
                values[layer % len(values)] if len(values) < layers else values[layer]
                for layer in range(layers)
            ]
        value = self.metadata.get(key)
        return [value if isinstance(value, int | float) else default] * layers

    @property
    def vocabulary(self) -> int:
        """Tokens of the vocabulary; 0 when the file does not say."""
        return self.counts.get("tokenizer.ggml.tokens", 0) or self.number("vocab_size")

    @property
    def parts(self) -> int:
        """Files the model is split into."""
        value = self.metadata.get("split.count")
        return value if isinstance(value, int) and value > 1 else 1

    @property
    def capabilities(self) -> list[str]:
        """What the model can do, by Ollama's rules for a GGUF."""
        if self.number("pooling_type"):
            return ["embedding"]
        found = ["completion"]
        if "tools" in self.chat_template or "tool_call" in self.chat_template:
            found.append("tools")
        if "<think>" in self.chat_template and "</think>" in self.chat_template:
            found.append("thinking")
        return found


class _Reader:
    """A position in the file.

    Args:
        data: The bytes at hand, from the start of the file.
        size: Bytes of the whole file; ``None``: not known.
    """

    def __init__(self, data: mmap.mmap | bytes | bytearray, size: int | None = None) -> None:
        self._data = data
        self._at = 0
        self._size = len(data) if size is None else size
        self.arrays: dict[str, tuple[float, ...]] = {}
        self.counts: dict[str, int] = {}

    @property
    def at(self) -> int:
        """Bytes read."""
        return self._at

    @property
    def left(self) -> int:
        """Bytes of the file not read yet."""
        return self._size - self._at

    def skip(self, count: int) -> None:
        """Step over ``count`` bytes."""
        if count > self.left:
            raise GgufError("the file ends in the middle of its header")
        if self._at + count > len(self._data):
            raise NeedMore(self._at + count)
        self._at += count

    def scalar(self, code: str) -> Any:
        """Read one number."""
        at = self._at
        self.skip(struct.calcsize(code))
        return struct.unpack_from(code, self._data, at)[0]

    def text(self, limit: int) -> str:
        """Read one string of at most ``limit`` bytes."""
        length = self.scalar("<Q")
        if length > limit:
            raise GgufError(f"a text of {length} bytes in the header is longer than the limit of {limit}")
        at = self._at
        self.skip(length)
        return bytes(self._data[at : at + length]).decode("utf-8", "replace")

    def skip_texts(self, count: int) -> None:
        """Step over ``count`` strings."""
        data, at, end = self._data, self._at, len(self._data)
        read = struct.Struct("<Q").unpack_from
        for _ in range(count):
            if end - at < 8:
                self._at = at
                self.skip(8)
            at += 8 + read(data, at)[0]
            if at > self._size:
                raise GgufError("a text in the header is longer than the file")
        if at > end:
            raise NeedMore(at)
        self._at = at

    def value(self, kind: int, key: str = "") -> Any:
        """Read one metadata value."""
        if kind in _SCALARS:
            number = self.scalar(_SCALARS[kind])
            # JSON has no infinities; a hostile file could otherwise break every answer that shows it.
            return None if isinstance(number, float) and not math.isfinite(number) else number
        if kind == _STRING:
            return self.text(MAX_STRING_BYTES)
        if kind == _ARRAY:
            return self._array(key)
        raise GgufError(f"unknown value type {kind}")

    def _array(self, key: str) -> list[Any]:
        kind, count = self.scalar("<I"), self.scalar("<Q")
        size = 8 if kind == _STRING else struct.calcsize(_SCALARS.get(kind, ""))
        if not size:
            raise GgufError(f"unknown element type {kind}")
        if count > self.left // size:
            raise GgufError(f"an array of {count} values does not fit into the file")
        self.counts[key] = count
        if kind != _STRING and count <= MAX_LAYERS_KEPT and not key.startswith("tokenizer."):
            values = [self.value(kind) for _ in range(count)]
            self.arrays[key] = tuple(
                float(value) if isinstance(value, float) else int(value or 0) for value in values
            )
            return values if count <= MAX_KEPT_ITEMS else []
        if count <= MAX_KEPT_ITEMS:
            return [self.value(kind) for _ in range(count)]
        if kind == _STRING:
            self.skip_texts(count)
        else:
            self.skip(count * size)
        return []


class _Table:
    """Adds up the tensor table."""

    def __init__(self) -> None:
        self.parameters = self.bytes = self.embedding = self.output = self.experts = self.largest = (
            self.unknown
        ) = 0
        self.count = 0
        self.embedding_type = ""
        self.matrices: dict[str, int] = {}

    def add(self, reader: _Reader) -> None:
        """Read one entry."""
        name = reader.text(MAX_KEY_BYTES)
        dimensions = reader.scalar("<I")
        if dimensions > 8:
            raise GgufError(f"a tensor of {dimensions} dimensions")
        elements = min(math.prod(reader.scalar("<Q") for _ in range(dimensions)), MAX_COUNT)
        kind = reader.scalar("<I")
        reader.skip(8)
        self.count += 1
        self.parameters = min(self.parameters + elements, MAX_COUNT)
        size = tensor_bytes(kind, elements)
        if size is None:
            self.unknown += 1
            return
        self.bytes += size
        self.largest = max(self.largest, size)
        if name in ("token_embd.weight", "token_embd"):
            self.embedding += size
            self.embedding_type = TYPES[kind][0]
            return
        if name in ("output.weight", "output"):
            self.output += size
        if "_exps" in name:
            self.experts += size
        if dimensions >= 2:
            label = TYPES[kind][0]
            self.matrices[label] = self.matrices.get(label, 0) + size

    def sums(self) -> Tensors:
        """What was added."""
        return Tensors(
            self.count, self.bytes, self.embedding, self.output, self.experts, self.largest,
            self.matrices, self.embedding_type, self.unknown,
        )  # fmt: skip


def read_header(path: Path, *, parts: bool = True) -> Header:
    """Read the header of a GGUF file; of a split model, of all its files beside it.

    Args:
        path: The file, or the first of a split model.
        parts: Whether to add up the other files of a split model.

    Raises:
        GgufError: it is no GGUF file (version 2 or 3), is cut, or lies about its lengths; a part is missing.
        OSError: it cannot be read.
    """
    header = _read_file(path)
    if not parts or header.parts == 1:
        return header
    others = []
    for name in part_names(path.name, header.parts):
        other = path.with_name(name)
        if not other.is_file():
            raise GgufError(f"the model is split into {header.parts} files and {name} is missing")
        others.append(_read_file(other))
    return merged(header, others)


def part_names(name: str, count: int) -> list[str]:
    """Names of the other files of a split model.

    Raises:
        GgufError: the name is not that of a first part, or there are too many.
    """
    found = _PART.search(name)
    if found is None or int(found["number"]) != 1 or int(found["count"]) != count:
        raise GgufError(f"the header says {count} files, but the name is not …-00001-of-{count:05}.gguf")
    if count > MAX_PARTS:
        raise GgufError(f"a model in {count} files")
    start = name[: found.start()]
    return [f"{start}-{number:05}-of-{count:05}.gguf" for number in range(2, count + 1)]


def merged(first: Header, others: list[Header]) -> Header:
    """The header of a split model: the first file's metadata, all files' tensors."""
    tensors, parameters = first.tensors, first.parameter_count
    for other in others:
        tensors += other.tensors
        parameters = min(parameters + other.parameter_count, MAX_COUNT)
    return Header(first.metadata, parameters, first.arrays, first.counts, tensors, first.header_bytes)


def parse(data: mmap.mmap | bytes | bytearray, size: int | None = None) -> Header:
    """Read a header from the first bytes of a file.

    Args:
        data: The bytes at hand.
        size: Bytes of the whole file; ``None``: ``data`` is all of it.

    Raises:
        GgufError: as :func:`read_header`.
        NeedMore: more of the file is needed.
    """
    if len(data) < 4 and size is not None and size > len(data):
        raise NeedMore(4)
    if bytes(data[:4]) != b"GGUF":
        raise GgufError("supplied file was not in GGUF format")
    return _parse(_Reader(data, size))


def _read_file(path: Path) -> Header:
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise GgufError("supplied file was not in GGUF format")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return parse(data)


def _parse(reader: _Reader) -> Header:
    reader.skip(4)
    version = reader.scalar("<I")
    if version not in (2, 3):
        raise GgufError(f"GGUF version {version} is not supported")
    tensors, keys = reader.scalar("<Q"), reader.scalar("<Q")
    if keys > MAX_KEYS or tensors > MAX_TENSORS:
        raise GgufError(f"{keys} keys and {tensors} tensors are more than any model has")
    metadata: dict[str, Any] = {}
    for _ in range(keys):
        key = reader.text(MAX_KEY_BYTES)
        metadata[key] = reader.value(reader.scalar("<I"), key)
    table = _Table()
    for _ in range(tensors):
        table.add(reader)
    return Header(metadata, table.parameters, reader.arrays, reader.counts, table.sums(), reader.at)
