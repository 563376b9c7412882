"""Which container is the service's, and what Docker says of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.containers.types import ContainerState, ContainerStatus
from core.engines.container import SERVICE_LABEL, SERVICES
from core.text import clean_line

PROJECT_LABEL = "com.docker.compose.project"
HASH_LABEL = "llm-study.config-hash"
"""Ours alone: a container without it was made by Compose itself."""
HEALTH_CHARS = 300
_STATES: Mapping[str, ContainerState] = {
    "created": "created", "running": "running", "paused": "running", "restarting": "starting", "exited": "exited",
    "dead": "exited", "removing": "exited",
}  # fmt: skip
_HEALTH: Mapping[str, ContainerState] = {
    "starting": "starting",
    "healthy": "healthy",
    "unhealthy": "unhealthy",
}


def find(client: Any, project: str = "") -> dict[str, Any] | None:
    """Find the service's container, running ones first.

    Args:
        client: A ``docker.APIClient``.
        project: Compose project it must belong to; ``""``: any.

    Returns:
        What ``docker inspect`` says, ``None`` when there is none.
    """
    import docker

    labels = [SERVICE_LABEL] + ([f"{PROJECT_LABEL}={project}"] if project else [])
    rows = [row for row in client.containers(all=True, filters={"label": labels}) if ours(row["Labels"])]
    rows.sort(key=lambda row: (row["State"] != "running", -row["Created"]))
    for row in rows:
        try:
            found: dict[str, Any] = client.inspect_container(row["Id"])
        except docker.errors.NotFound:
            continue  # removed since
        return found
    return None


def ours(labels: Mapping[str, str]) -> bool:
    """Say whether labels are those of one of the services, and not of a one-off ``docker compose run``."""
    return labels.get(SERVICE_LABEL) in SERVICES and labels.get("com.docker.compose.oneoff") != "True"


def status(inspected: Mapping[str, Any]) -> ContainerStatus:
    """Write what ``docker inspect`` says as a status. Foreign text is cleaned."""
    state = inspected.get("State") or {}
    config = inspected.get("Config") or {}
    host = inspected.get("HostConfig") or {}
    now: ContainerState = _STATES.get(str(state.get("Status")), "unknown")
    check = state.get("Health") or {}
    if now == "running" and check:
        now = _HEALTH.get(str(check.get("Status")), now)
    pid = state.get("Pid")
    ended = str(state.get("Status")) in ("exited", "dead", "restarting")
    return ContainerStatus(
        name=clean_line(str(inspected.get("Name", "")).lstrip("/")),
        service=clean_line(str((config.get("Labels") or {}).get(SERVICE_LABEL, "ollama"))),
        image=clean_line(str(config.get("Image", ""))),
        state=now,
        url=_url(inspected),
        pid=pid if isinstance(pid, int) and pid > 0 else None,
        memory_limit=host.get("Memory") or None,
        restarts=int(inspected.get("RestartCount") or 0),
        oom_killed=bool(state.get("OOMKilled")),
        exit_code=state.get("ExitCode") if ended else None,
        started_at=_seconds(str(state.get("StartedAt", ""))),
        health=health_output(check),
    )


def health_output(check: Mapping[str, Any]) -> str:
    """The last output of a health check, on one line; ``""`` when it was quiet or there was none."""
    log = check.get("Log") or []
    return clean_line(str(log[-1].get("Output", "")), max_chars=HEALTH_CHARS) if log else ""


def absent(service: str = "ollama", *, image: str = "") -> ContainerStatus:
    """There is no container."""
    return ContainerStatus(service=service, image=clean_line(image), state="absent")


def with_use(known: ContainerStatus, **numbers: Any) -> ContainerStatus:
    """The status with figures put in where they are known."""
    return dataclasses.replace(known, **{key: value for key, value in numbers.items() if value is not None})


def _url(inspected: Mapping[str, Any]) -> str:
    ports = (inspected.get("NetworkSettings") or {}).get("Ports") or {}
    wanted = (inspected.get("HostConfig") or {}).get("PortBindings") or {}
    for binding in ports.get("11434/tcp") or wanted.get("11434/tcp") or ():
        port, address = str(binding.get("HostPort", "")), str(binding.get("HostIp") or "127.0.0.1")
        if port.isdigit():
            address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
            return f"http://[{address}]:{port}" if ":" in address else f"http://{clean_line(address)}:{port}"
    return ""


def _seconds(text: str) -> float | None:
    """Read Docker's time stamp (nanoseconds, UTC); its zero is year 1."""
    try:
        found = datetime.fromisoformat(text[:19] + "+00:00")
    except ValueError:
        return None
    return found.timestamp() if found.year > 1970 else None
