"""Model names as Ollama writes them: ``[host/][namespace/]model[:tag]``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

HOST, NAMESPACE, TAG = "registry.ollama.ai", "library", "latest"

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}", re.ASCII)
_NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}", re.ASCII)
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}", re.ASCII)


@dataclass(frozen=True)
class Name:
    """A model's full name. Compare with :attr:`key`: case does not matter."""

    host: str
    namespace: str
    model: str
    tag: str

    @property
    def short(self) -> str:
        """The display form: default host and namespace left out, the tag always shown."""
        text = f"{self.model}:{self.tag}"
        if self.host != HOST:
            return f"{self.host}/{self.namespace}/{text}"
        return text if self.namespace == NAMESPACE else f"{self.namespace}/{text}"

    @property
    def full(self) -> str:
        """Every part."""
        return f"{self.host}/{self.namespace}/{self.model}:{self.tag}"

    @property
    def key(self) -> str:
        """What two spellings of the same name have in common."""
        return self.full.lower()

    @property
    def is_cloud(self) -> bool:
        """It asks for a model on somebody else's machine."""
        return self.tag == "cloud" or self.tag.endswith("-cloud")


def parse(text: str) -> Name | None:
    """Read a name; ``None`` when it is malformed."""
    rest, tag = text, TAG
    slash, colon = rest.rfind("/"), rest.rfind(":")
    if colon > slash:
        rest, tag = rest[:colon], rest[colon + 1 :]
    parts = rest.split("/")
    if len(parts) > 3:
        return None
    model = parts[-1]
    namespace = parts[-2] if len(parts) > 1 else NAMESPACE
    host = parts[0] if len(parts) == 3 else HOST
    good = _HOST.fullmatch(host) and _NAMESPACE.fullmatch(namespace)
    if not good or not _PART.fullmatch(model) or not _PART.fullmatch(tag):
        return None
    return Name(host, namespace, model, tag)


def name_for_file(path: Path) -> str:
    """Make a valid model name from a GGUF file's name, e.g. ``My Model.Q4_K_M.gguf`` → ``my-model.q4_k_m:latest``."""
    stem = re.sub(r"[^a-z0-9_.-]+", "-", path.stem.lower()).strip("-.") or "model"
    return f"{stem[:80]}:{TAG}"
