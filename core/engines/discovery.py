"""Finds an engine: Ollama where it was said to be, Ollama here, its container, else the embedded engine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from core.engines import container
from core.engines.engine import Engine, OnStatus
from core.engines.models import NoChatModel
from core.errors import NoEngineError, StudyError, UsageError
from core.events import EngineKind
from core.i18n import tr
from core.ollama import OllamaClient, is_loopback, parse_host, show_url
from core.ollama.errors import EngineUnreachable, ModelMissing
from core.paths import Paths
from core.settings import Settings
from core.text import clean_line

LOCAL_SECONDS = 1.0
"""How long a server on this machine may take to say its version."""

REMOTE_SECONDS = 3.0
"""The same across a network."""

EMBEDDED_MODEL = "smollm2:135m"
"""The chat model the embedded engine brings along."""


async def connect(
    settings: Settings, paths: Paths, on_status: OnStatus, environ: Mapping[str, str] = os.environ
) -> Engine:
    """Find or start the engine.

    Args:
        settings: ``engine`` says which: ``auto`` tries the address that was set, then 127.0.0.1:11434, then a running
            container of ours, then starts the embedded engine; any other choice stands and never falls through.
        paths: Where the embedded engine logs.
        on_status: Called with every change of the engine's status, on the event loop's thread.
        environ: Where ``OLLAMA_HOST`` and ``OLLAMA_API_KEY`` are looked up.

    Raises:
        NoEngineError: None answered and none could be started.
        ModelMissing: The engine found does not have ``settings.model``.
    """
    search = _Search(settings, paths, on_status, environ)
    if settings.engine == "ollama":
        return await search.ollama()
    if settings.engine == "docker":
        return await search.docker()
    if settings.engine == "embedded":
        return await search.embedded()
    return await search.auto()


class _Search:
    """One search for an engine."""

    def __init__(
        self, settings: Settings, paths: Paths, on_status: OnStatus, environ: Mapping[str, str]
    ) -> None:
        self._settings = settings
        self._paths = paths
        self._on_status = on_status
        self._host = settings.ollama_host.strip() or environ.get("OLLAMA_HOST", "").strip()
        self._key = environ.get("OLLAMA_API_KEY") or None

    async def auto(self) -> Engine:
        if is_file_name(self._settings.model):
            return await self.embedded()
        asked_for = parse_host(self._host)
        note = ""
        for url in dict.fromkeys([asked_for, parse_host("")]):
            try:
                return _noted(await self._at("ollama", url), note)
            except StudyError as error:
                if isinstance(error, ModelMissing) and not self._embedded_has_it():
                    raise
                # Nobody at the usual address is nothing to mention; nobody where the user pointed, or an Ollama that
                # is passed over for its lack of models, is.
                if (self._host and url == asked_for) or isinstance(error, (ModelMissing, NoChatModel)):
                    note = note or tr("engine.instead", reason=error.message, url=show_url(url))
        if container.docker_present():
            try:
                return _noted(await self.docker(), note)
            except StudyError as error:
                if isinstance(error, ModelMissing) and not self._embedded_has_it():
                    raise
        return _noted(await self.embedded(), note)

    def _embedded_has_it(self) -> bool:
        return self._settings.model.lower() in ("", EMBEDDED_MODEL)

    async def ollama(self) -> Engine:
        url = parse_host(self._host)
        try:
            return await self._at("ollama", url)
        except EngineUnreachable as error:
            reason = error.params["reason"]
            raise NoEngineError("error.engine.ollama", url=show_url(url), reason=reason) from error

    async def docker(self) -> Engine:
        found = await asyncio.to_thread(container.find)
        try:
            return await self._at("docker", found.url, pid=found.pid)
        except EngineUnreachable as error:
            reason = error.params["reason"]
            raise NoEngineError(
                "error.docker.silent", name=found.name, url=found.url, reason=reason
            ) from error

    async def _at(self, kind: EngineKind, url: str, pid: int | None = None) -> Engine:
        """Use the server at ``url`` if it says its version in time."""
        # The key is for the server the user named, not for whoever listens on the usual port.
        token = self._key if self._host and url == parse_host(self._host) else None
        client = OllamaClient(url, token=token, timeout=self._settings.request_timeout)
        engine = Engine(kind, self._settings, self._paths, self._on_status)
        try:
            limit = LOCAL_SECONDS if is_loopback(url) else REMOTE_SECONDS
            try:
                async with asyncio.timeout(2 * limit):
                    version = await client.version(timeout=limit)
            except TimeoutError as error:
                raise EngineUnreachable(url, "timeout") from error
            await engine.attach(client, version, token=token, pid=pid)
        except BaseException:
            await client.aclose()
            await engine.close()
            raise
        return engine

    async def embedded(self) -> Engine:
        engine = Engine("embedded", self._settings, self._paths, self._on_status)
        try:
            name, files = _embedded_model(self._settings.model)
            await engine.start_embedded(name, files)
        except BaseException as error:
            await engine.close()
            if isinstance(error, ImportError):
                reason = clean_line(str(error))
                raise NoEngineError("error.engine.embedded.absent", reason=reason) from error
            raise
        return engine


def is_file_name(model: str) -> bool:
    """Say whether a model setting is the path of a GGUF file and not a name."""
    return model.lower().endswith(".gguf")


def _embedded_model(model: str) -> tuple[str, dict[str, str]]:
    """Return the chat model's name in the embedded engine, and the files that engine needs for it."""
    if not is_file_name(model):
        return model or EMBEDDED_MODEL, {}
    from core.embedded.foreground import named_models

    path = Path(model).expanduser()
    if not path.is_file():
        raise UsageError("error.model.file", path=clean_line(model))
    files = named_models([path])
    return next(iter(files)), files


def _noted(engine: Engine, note: str) -> Engine:
    if note:
        engine.note(note)
    return engine
