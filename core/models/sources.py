"""What a user may name as a source of a model, and how it gets into either kind of engine."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from core.embedded.names import name_for_file, parse
from core.errors import UsageError
from core.events import EngineKind
from core.ollama import OllamaClient, PullProgress
from core.ollama.errors import PullFailed
from core.text import clean_line

if TYPE_CHECKING:
    from core.models.types import Pull

PACKAGE = "package:"
"""Before the name of an installed Python package, when it could also be a model's name."""

Kind = Literal["registry", "url", "path", "package"]


@dataclass(frozen=True)
class Plan:
    """A source, understood."""

    kind: Kind
    value: str
    """The name, address, absolute path or package."""
    text: str
    """What to keep and show: the value, told apart from a model's name where need be."""


def classify(source: str, engine: EngineKind | None = None) -> Plan:
    """Understand a source. May look at the disk: not for the event loop.

    Raises:
        UsageError: it is empty or cannot be a name.
    """
    source = source.strip()
    if source.startswith(PACKAGE):
        return Plan("package", source.removeprefix(PACKAGE), source)
    if re.match(r"[a-z][a-z0-9+.-]*://", source, re.IGNORECASE):
        if source.startswith("file://"):
            return classify(source.removeprefix("file://"), engine)
        return Plan("url", source, source)
    looks_like_file = source.lower().endswith((".gguf", ".whl"))
    if source.startswith(("/", "~", "./", "../")) or (looks_like_file and Path(source).exists()):
        path = os.path.abspath(Path(source).expanduser())  # noqa: PTH100 - links stay as the user named them
        return Plan("path", path, path)
    if ":" not in source and "/" not in source and _is_package(source):
        return Plan("package", source, f"{PACKAGE}{source}")
    if parse(source) is None:
        raise UsageError("error.pull.name_needed", name=clean_line(source, max_chars=120) or '""')
    return Plan("registry", source, source)


def _is_package(name: str) -> bool:
    from core.embedded.download import DownloadError
    from core.embedded.sources import package_files

    try:
        package_files(name)
    except DownloadError:
        return False
    return True


def model_name(plan: Plan, wanted: str) -> str:
    """The name a pulled model gets: the one wanted, else after its source.

    Raises:
        UsageError: it is no name.
    """
    if wanted:
        text = wanted
    elif plan.kind == "registry":
        text = plan.value
    else:
        base = plan.value.split("?", 1)[0].split("#", 1)[0] if plan.kind == "url" else plan.value
        stem = base.rstrip("/").rsplit("/", 1)[-1]
        text = name_for_file(Path(stem if stem.lower().endswith((".gguf", ".whl")) else f"{stem}.gguf"))
    name = parse(text)
    if name is None or name.is_cloud:
        raise UsageError("error.pull.name_needed", name=clean_line(text, max_chars=120))
    return name.short


async def pull_and_name(client: OllamaClient, source: str, model: str) -> AsyncGenerator[PullProgress, None]:
    """Pull a name from its registry and, where another name was wanted, give it that too."""
    async with aclosing(client.pull(source)) as lines:
        async for line in lines:
            yield line
    asked = parse(source)
    if asked is not None and asked.short.lower() != model.lower():
        await client.copy(source, model)


async def hand_over(
    client: OllamaClient, plan: Plan, pull: Pull, folder: Path
) -> AsyncGenerator[PullProgress, None]:
    """Bring a file into a real Ollama: download or copy it here, upload it as a blob, create the model.

    Raises:
        PullFailed: it cannot be had.
    """
    from core.embedded.download import DownloadError
    from core.embedded.pull import Puller, Report
    from core.embedded.store import ModelStore
    from core.ollama.models import pull_progress

    store, report = ModelStore(folder), Report()
    found: list[str] = []

    async def fetch() -> None:
        found.append(await Puller(store, report).fetch(plan.value, pull.sha256))

    task = asyncio.ensure_future(fetch())
    try:
        async for told in report.lines(task):
            yield pull_progress(told)
    except DownloadError as error:
        raise PullFailed(error.code, **error.params) from None
    finally:
        task.cancel()
        await asyncio.wait({task})
    digest = f"sha256:{found[0]}"
    file = store.blob(found[0])
    if not await client.has_blob(digest):
        async for line in _upload(client, digest, file):
            yield line
    files = {f"{pull.model.replace('/', '-').replace(':', '-')}.gguf": digest}
    async with aclosing(client.create(pull.model, files=files)) as lines:
        async for line in lines:
            yield line
    await asyncio.to_thread(file.unlink, missing_ok=True)


async def _upload(client: OllamaClient, digest: str, file: Path) -> AsyncGenerator[PullProgress, None]:
    size = (await asyncio.to_thread(file.stat)).st_size
    sent = 0

    def tell(count: int) -> None:
        nonlocal sent
        sent = count

    task = asyncio.ensure_future(client.push_blob(digest, file, tell))
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=0.2)
            yield PullProgress(f"uploading {digest[7:19]}", "", size, sent, 0)
        task.result()
    except OSError as error:
        raise PullFailed("path", what=f"{file.name}: {error.strerror}") from None
    finally:
        task.cancel()
        await asyncio.wait({task})
