"""Read a GGUF file's header: what ``/api/show``, ``/api/tags`` and ``/api/ps`` tell about a model.

The file may be anybody's. Every count and length in it is checked against the bytes that are really there, nothing
is stored that is longer than a limit, and long arrays (a vocabulary) are stepped over, not kept.
"""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAX_KEYS = 10_000
MAX_TENSORS = 200_000
MAX_KEY_BYTES = 1_024
MAX_STRING_BYTES = 1 << 20
MAX_KEPT_ITEMS = 5
"""Longer arrays are shown as ``[]``, as Ollama does."""

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


class GgufError(ValueError):
    """The file is no GGUF, or its header contradicts its size."""


@dataclass(frozen=True)
class Header:
    """A model's metadata."""

    metadata: dict[str, Any] = field(default_factory=dict)
    """Every key; arrays of more than :data:`MAX_KEPT_ITEMS` values are empty."""
    parameter_count: int = 0
    """Sum of all tensors' elements."""

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
    """A position in the mapped file."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._at

    def skip(self, count: int) -> None:
        """Step over ``count`` bytes."""
        if count > self.left:
            raise GgufError("the file ends in the middle of its header")
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
        return self._data[at : at + length].decode("utf-8", "replace")

    def skip_texts(self, count: int) -> None:
        """Step over ``count`` strings."""
        data, at, end = self._data, self._at, len(self._data)
        read = struct.Struct("<Q").unpack_from
        for _ in range(count):
            if end - at < 8:
                raise GgufError("the file ends in the middle of its header")
            at += 8 + read(data, at)[0]
            if at > end:
                raise GgufError("a text in the header is longer than the file")
        self._at = at

    def value(self, kind: int) -> Any:
        """Read one metadata value."""
        if kind in _SCALARS:
            number = self.scalar(_SCALARS[kind])
            # JSON has no infinities; a hostile file could otherwise break every answer that shows it.
            return None if isinstance(number, float) and not math.isfinite(number) else number
        if kind == _STRING:
            return self.text(MAX_STRING_BYTES)
        if kind == _ARRAY:
            return self._array()
        raise GgufError(f"unknown value type {kind}")

    def _array(self) -> list[Any]:
        kind, count = self.scalar("<I"), self.scalar("<Q")
        size = 8 if kind == _STRING else struct.calcsize(_SCALARS.get(kind, ""))
        if not size:
            raise GgufError(f"unknown element type {kind}")
        if count > self.left // size:
            raise GgufError(f"an array of {count} values does not fit into the file")
        if count <= MAX_KEPT_ITEMS:
            return [self.value(kind) for _ in range(count)]
        if kind == _STRING:
            self.skip_texts(count)
        else:
            self.skip(count * size)
        return []


def _elements(reader: _Reader) -> int:
    reader.skip(reader.scalar("<Q"))
    dimensions = reader.scalar("<I")
    if dimensions > 8:
        raise GgufError(f"a tensor of {dimensions} dimensions")
    count: int = math.prod(reader.scalar("<Q") for _ in range(dimensions))
    reader.skip(12)
    return min(count, 1 << 62)


def read_header(path: Path) -> Header:
    """Read the header of a GGUF file.

    Raises:
        GgufError: it is no GGUF file (version 2 or 3), is cut, or lies about its lengths.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise GgufError("supplied file was not in GGUF format")
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _parse(_Reader(data))
        except struct.error as error:
            raise GgufError(str(error)) from None


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
        metadata[key] = reader.value(reader.scalar("<I"))
    return Header(metadata, sum(_elements(reader) for _ in range(tensors)))
