"""Finds the running Ollama container of docker-compose.yml."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import NoEngineError
from core.text import clean_line

SOCKET = Path("/var/run/docker.sock")
OTHER_SOCKETS = (
    Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent")) / "docker.sock",
    Path("~/.docker/run/docker.sock").expanduser(),
    Path("~/.docker/desktop/docker.sock").expanduser(),
)
"""Where a daemon without root listens, and Docker Desktop of macOS and Linux."""
SERVICE_LABEL = "com.docker.compose.service"
SERVICES = ("ollama", "ollama-gpu")
API_SECONDS = 3
_PORT = "11434/tcp"


@dataclass(frozen=True)
class Container:
    """A running container and where it can be reached from this machine."""

    name: str
    url: str
    pid: int | None
    """Its main process, as this machine's kernel numbers it (Linux without Docker Desktop)."""


def docker_present() -> bool:
    """Say whether there is a Docker to ask, without loading its library."""
    return bool(os.environ.get("DOCKER_HOST")) or _socket() is not None


def _socket() -> Path | None:
    return next((path for path in (SOCKET, *OTHER_SOCKETS) if path.exists()), None)


def client_options() -> dict[str, Any]:
    """Return what a client of the Docker library is made with: where the daemon is, and its certificates."""
    import docker

    options: dict[str, Any] = docker.utils.kwargs_from_env()
    socket = _socket()
    if not os.environ.get("DOCKER_HOST") and socket is not None:
        options["base_url"] = f"unix://{socket}"
    return options


def find() -> Container:
    """Ask Docker for the service's running container. Blocks for a few seconds at most.

    Raises:
        NoEngineError: No Docker, no permission, the daemon is down, no container, or no published port.
    """
    if not docker_present():
        raise NoEngineError(
            "error.docker.down" if shutil.which("docker") else "error.docker.absent", reason=str(SOCKET)
        )
    try:
        import docker
        import requests
    except ImportError as error:
        raise NoEngineError("error.docker.absent") from error
    try:
        client = docker.DockerClient(timeout=API_SECONDS, **client_options())
        try:
            found = client.containers.list(filters={"label": SERVICE_LABEL, "status": "running"})
            ours = [one for one in found if one.labels.get(SERVICE_LABEL) in SERVICES]
            if not ours:
                raise NoEngineError("error.docker.container")
            return _described(ours[0])
        finally:
            client.close()
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise no_docker(error) from error


def _described(container: Any) -> Container:
    name = clean_line(str(container.name))
    for binding in (container.ports or {}).get(_PORT) or ():
        port = str(binding.get("HostPort", ""))
        if port.isdigit():
            address = binding.get("HostIp") or "127.0.0.1"
            host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(address, address)
            host = f"[{host}]" if ":" in host and not host.startswith("[") else host
            pid = (container.attrs.get("State") or {}).get("Pid")
            return Container(name, f"http://{host}:{port}", pid if isinstance(pid, int) and pid > 0 else None)
    raise NoEngineError("error.docker.port", name=name)


def no_docker(error: BaseException) -> NoEngineError:
    """Say why Docker cannot be talked to: no permission, or nobody answers."""
    causes = list(_causes(error))
    denied = next((one for one in causes if isinstance(one, PermissionError)), None)
    if denied is not None:
        return NoEngineError("error.docker.permission", reason=clean_line(denied.strerror or str(denied)))
    system = next((one for one in causes if isinstance(one, OSError) and one.strerror), error)
    reason = getattr(system, "strerror", None) or str(system)
    return NoEngineError("error.docker.down", reason=clean_line(reason, max_chars=120))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all it wraps: the Docker library keeps the real cause among its arguments."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = [one.__cause__, one.__context__, *one.args]
        for argument in list(inner):
            if isinstance(argument, tuple):
                inner.extend(argument)
        waiting.extend(item for item in inner if isinstance(item, BaseException))
