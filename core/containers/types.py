"""What is known of the service's container. Plain data, light to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ContainerState = Literal[
    "absent", "pulling", "created", "starting", "running", "healthy", "unhealthy", "exited", "unknown"
]
UpStep = Literal["connect", "image", "create", "start", "health", "ready"]


@dataclass(frozen=True, slots=True)
class ContainerStatus:
    """One container at one moment. Sizes bytes; what is not known is ``None``."""

    name: str = ""
    service: str = "ollama"
    image: str = ""
    state: ContainerState = "unknown"
    url: str = ""
    pid: int | None = None
    """Main process on this machine, when it can be seen."""
    cpu_percent: float | None = None
    """100 is one core."""
    memory_bytes: int | None = None
    """Used, without inactive file cache (as ``docker stats`` counts)."""
    memory_limit: int | None = None
    """``None``: no limit."""
    restarts: int | None = None
    oom_killed: bool | None = None
    oom_kills: int | None = None
    """Kernel kills inside it since it was made (cgroup counter), where readable."""
    exit_code: int | None = None
    started_at: float | None = None
    health: str = ""
    """The last output of its health check, cleaned."""


@dataclass(frozen=True, slots=True)
class UpProgress:
    """How far starting is."""

    step: UpStep
    text: str
    """A sentence for the user."""
    done_bytes: int | None = None
    total_bytes: int | None = None
