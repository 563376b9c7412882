"""Ask an Ollama registry what a model is made of, without downloading it. Contacted only when asked."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import httpx

from core.errors import StudyError
from core.gguf.remote import MAX_REDIRECTS, TIMEOUT
from core.text import clean_line, without_secrets

DEFAULT_HOST = "registry.ollama.ai"
MAX_MANIFEST_BYTES = 1 << 20
_ACCEPT = "application/vnd.docker.distribution.manifest.v2+json"
_NAME = re.compile(
    r"(?:(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{1,5})?)/)??(?:(?P<space>[A-Za-z0-9_][\w.-]*)/)?"
    r"(?P<model>[A-Za-z0-9_][\w.-]*)(?::(?P<tag>[A-Za-z0-9_][\w.-]*))?",
    re.ASCII,
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class RegistryLayer:
    """One file of a model."""

    kind: str
    """``model``, ``projector``, ``template``, ``license``, ``params`` …"""
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class RegistryModel:
    """A model in a registry."""

    name: str
    url: str
    """Address of the GGUF itself."""
    digest: str
    """``sha256:…`` of the GGUF."""
    size: int
    """Bytes of all layers: what a pull downloads."""
    layers: tuple[RegistryLayer, ...] = ()

    @property
    def projector_bytes(self) -> int:
        """Bytes of image or sound encoders that are loaded beside the model."""
        return sum(layer.size for layer in self.layers if layer.kind == "projector")


async def find(name: str, *, base_url: str = "", client: httpx.AsyncClient | None = None) -> RegistryModel:
    """Look a model up.

    Args:
        name: As for ``ollama pull``: ``llama2:7b``, ``space/model:tag``, ``host/space/model:tag``.
        base_url: Address of the registry instead of the one in the name, for example a mirror.
        client: Reused when given.

    Raises:
        StudyError: ``error.fit.registry.*`` or ``error.fit.remote.*``.
    """
    parsed = _NAME.fullmatch(name.strip()) if len(name) <= 300 else None
    if parsed is None:
        raise StudyError("error.fit.registry.name", name=clean_line(name))
    base = (base_url or f"https://{parsed['host'] or DEFAULT_HOST}").rstrip("/")
    tag = parsed["tag"] or "latest"
    path = f"{parsed['space'] or 'library'}/{parsed['model']}"
    label = f"{parsed['model']}:{tag}" if not parsed["space"] else f"{path}:{tag}"
    if client is None:
        async with httpx.AsyncClient(
            follow_redirects=True, max_redirects=MAX_REDIRECTS, timeout=TIMEOUT
        ) as fresh:
            manifest = await _manifest(fresh, f"{base}/v2/{path}/manifests/{tag}", label)
    else:
        manifest = await _manifest(client, f"{base}/v2/{path}/manifests/{tag}", label)
    layers = _layers(manifest)
    model = next((layer for layer in layers if layer.kind == "model"), None)
    if model is None:
        raise StudyError("error.fit.registry.no_model", name=label)
    size = sum(layer.size for layer in layers)
    return RegistryModel(label, f"{base}/v2/{path}/blobs/{model.digest}", model.digest, size, layers)


async def _manifest(client: httpx.AsyncClient, url: str, name: str) -> dict[str, object]:
    body = bytearray()
    try:
        async with client.stream("GET", url, headers={"Accept": _ACCEPT}) as response:
            if response.status_code == 404:
                raise StudyError("error.fit.registry.missing", name=name, url=without_secrets(url))
            if response.status_code != 200:
                raise StudyError(
                    "error.fit.remote.status", url=without_secrets(url), status=response.status_code
                )
            async for chunk in response.aiter_bytes(1 << 16):
                body += chunk
                if len(body) > MAX_MANIFEST_BYTES:
                    raise StudyError("error.fit.registry.garbage", url=without_secrets(url))
    except httpx.TimeoutException:
        raise StudyError("error.fit.remote.stalled", url=without_secrets(url)) from None
    except httpx.HTTPError as error:
        reason = clean_line(str(error)) or type(error).__name__
        raise StudyError("error.fit.remote.unreachable", url=without_secrets(url), reason=reason) from None
    try:
        manifest = json.loads(bytes(body))
    except (ValueError, RecursionError):
        manifest = None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("layers"), list):
        raise StudyError("error.fit.registry.garbage", url=without_secrets(url))
    return manifest


def _layers(manifest: dict[str, object]) -> tuple[RegistryLayer, ...]:
    found = []
    entries = manifest["layers"]
    for entry in entries[:100] if isinstance(entries, list) else ():
        if not isinstance(entry, dict):
            continue
        kind, digest, size = entry.get("mediaType"), entry.get("digest"), entry.get("size")
        if (
            isinstance(kind, str)
            and isinstance(digest, str)
            and _DIGEST.fullmatch(digest)
            and isinstance(size, int)
            and 0 <= size < 1 << 50
        ):
            found.append(RegistryLayer(clean_line(kind.rpartition(".")[2], max_chars=40), digest, size))
    return tuple(found)
