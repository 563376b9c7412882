"""The engine's own models on disk: blobs named by their SHA-256, and one small manifest for each name.

Several processes may share a store (the app and the command line): every look reads the folder again when it changed,
and everything appears by a rename, whole or not at all.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.embedded.names import Name, parse

DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})")
MAX_MANIFEST_BYTES = 4 << 20
PARTIAL_DAYS = 30
"""A download nobody went on with for this long is given up: its part would fill the disk for ever."""


@dataclass(frozen=True)
class Entry:
    """One stored name."""

    name: Name
    digest: str = ""
    """64 hex digits of the GGUF blob; ``""``: an alias of a model that is not in the store."""
    alias_of: str = ""
    """Full name of the bundled model, or the user's own file, it stands for."""
    source: str = ""
    """Where it was pulled from."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Options that apply unless a request says otherwise."""
    system: str = ""
    """System text that is put before a chat without one."""
    licence: str = ""
    others: tuple[str, ...] = ()
    """Digests of further blobs that belong to it (licence, template as the registry had them)."""
    created: float = 0.0


class ModelStore:
    """Blobs and manifests below one folder.

    Args:
        root: The folder; made when something is first written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs"
        self.partials = root / "partial"
        self._manifests = root / "manifests"
        self._seen = -1
        self._entries: dict[str, Entry] = {}

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            OSError: they cannot be made.
        """
        for folder in (self.blobs, self.partials, self._manifests):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def sweep(self, now: float | None = None) -> list[str]:
        """Remove what downloads left that nobody went on with for :data:`PARTIAL_DAYS`; returns the files' names."""
        limit = (time.time() if now is None else now) - PARTIAL_DAYS * 86_400
        gone = []
        for path in self.partials.glob("*"):
            with contextlib.suppress(OSError):
                if path.is_file() and path.stat().st_mtime < limit:
                    path.unlink()
                    gone.append(path.name)
        return gone

    def blob(self, digest: str) -> Path:
        """Where the blob of a digest (64 hex digits) is or would be."""
        return self.blobs / f"sha256-{digest}"

    def has(self, digest: str) -> bool:
        """Whether a blob is there."""
        return self.blob(digest).is_file()

    def entries(self) -> dict[str, Entry]:
        """Every stored name by its key. A manifest that cannot be read is left out."""
        try:
            stamp = self._manifests.stat().st_mtime_ns
        except OSError:
            return {}
        if stamp != self._seen:
            found = [self._read(path) for path in sorted(self._manifests.glob("*.json"))]
            self._entries = {entry.name.key: entry for entry in found if entry is not None}
            # A second change within the clock's tick would not be seen: a young folder is read again.
            self._seen = stamp if time.time_ns() - stamp > 50_000_000 else -1
        return self._entries

    def put(self, entry: Entry) -> None:
        """Write a name, in place of what it meant before; blobs nobody needs any more go.

        Raises:
            OSError: it cannot be written.
        """
        self.prepare()
        before = self.entries().get(entry.name.key)
        values = dataclasses.asdict(entry) | {
            "name": entry.name.full,
            "created": entry.created or time.time(),
        }
        path = self._manifest(entry.name)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with fresh.open("w", encoding="utf-8") as file:
                json.dump(values, file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        self._seen = -1
        if before is not None:
            self._drop(before)

    def remove(self, name: Name) -> bool:
        """Remove a name, and its blobs unless another name uses them. False: it was not there."""
        entry = self.entries().get(name.key)
        if entry is None:
            return False
        self._manifest(name).unlink(missing_ok=True)
        self._seen = -1
        self._drop(entry)
        return True

    def _drop(self, entry: Entry) -> None:
        used = {digest for other in self.entries().values() for digest in (other.digest, *other.others)}
        for digest in {entry.digest, *entry.others} - used - {""}:
            with contextlib.suppress(OSError):
                self.blob(digest).unlink(missing_ok=True)

    def _manifest(self, name: Name) -> Path:
        # The name itself may be longer than a file name, and hold a colon.
        readable = re.sub(r"[^a-z0-9_.-]", "-", f"{name.model}-{name.tag}".lower())[:80]
        return self._manifests / f"{readable}-{hashlib.sha256(name.key.encode()).hexdigest()[:16]}.json"

    def _read(self, path: Path) -> Entry | None:
        try:
            if path.stat().st_size > MAX_MANIFEST_BYTES:
                return None
            values = json.loads(path.read_text("utf-8"))
            name = parse(values.pop("name"))
            values["others"] = tuple(values.get("others", ()))
            entry = Entry(name=name, **values) if name is not None else None
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        if entry is None or (entry.digest and not re.fullmatch(r"[0-9a-f]{64}", entry.digest)):
            return None
        return entry
