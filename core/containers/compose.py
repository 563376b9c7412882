"""Reads docker-compose.yml: what our own file uses, and a clear error with the line for anything else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.containers.errors import compose_key, compose_value
from core.containers.interpolate import environment, fill
from core.containers.yaml_lines import Node, read
from core.errors import UsageError
from core.text import clean_line

SERVICE, GPU_SERVICE = "ollama", "ollama-gpu"
MAX_SECONDS = 3600


@dataclass(frozen=True)
class Port:
    """One published port."""

    host_ip: str
    host: int
    container: int


@dataclass(frozen=True)
class Mount:
    """One named volume in the container."""

    volume: str
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class Health:
    """The health check. Times in seconds."""

    test: tuple[str, ...]
    interval: float = 30.0
    timeout: float = 30.0
    retries: int = 3
    start_period: float = 0.0


@dataclass(frozen=True)
class Service:
    """One service as it would be run. Sizes bytes."""

    name: str
    image: str
    restart: str = "no"
    ports: tuple[Port, ...] = ()
    mounts: tuple[Mount, ...] = ()
    mem_limit: int | None = None
    memswap_limit: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    health: Health | None = None
    gpu_count: int | None = None
    """NVIDIA cards; -1 is all, ``None`` none."""


@dataclass(frozen=True)
class Project:
    """A compose file, read."""

    name: str
    file: Path
    services: Mapping[str, Service]
    volumes: tuple[str, ...]

    def service(self, *, gpu: bool) -> Service:
        """Return the service to run.

        Raises:
            UsageError: The file has no such service.
        """
        name = GPU_SERVICE if gpu else SERVICE
        if name not in self.services:
            raise UsageError("error.compose.service", file=_shown(self.file), name=name)
        return self.services[name]


def load(file: Path, environ: Mapping[str, str]) -> Project:
    """Read a compose file and the ``.env`` beside it.

    Args:
        file: The compose file.
        environ: The environment; it wins over ``.env``, as with ``docker compose``.

    Raises:
        UsageError: It is missing, is not YAML, or has something this program does not know. Names file and line.
    """
    variables = environment(file.parent / ".env", environ)
    root = read(file)
    _only(root, file, {"version", "name", "services", "volumes"}, extensions=True)
    volumes = _volumes(root, file)
    services = {
        name: _service(name, node, file, variables, volumes)
        for name, node in _mapping(root, "services", file, variables)
    }
    if not services:
        raise UsageError("error.compose.service", file=_shown(file), name=SERVICE)
    return Project(_project_name(root, file, variables), file, services, volumes)


def _shown(file: Path) -> str:
    return clean_line(str(file))


def _project_name(root: Node, file: Path, variables: Mapping[str, str]) -> str:
    """The name that Compose would give: its variable, the file's own name, else the folder's."""
    name = variables.get("COMPOSE_PROJECT_NAME") or _text(root, "name", file, variables) or file.parent.name
    return re.sub(r"^[^a-z0-9]+|[^-_a-z0-9]", "", name.lower()) or "llm-study"


def _only(node: Node, file: Path, known: set[str], *, extensions: bool = False) -> None:
    """Refuse keys that are not known: ignoring one would run something else than the file says."""
    if not isinstance(node.value, dict):
        raise compose_value(file, node, expected="a: b")
    for key, child in node.value.items():
        if key not in known and not (extensions and key.startswith("x-")):
            raise compose_key(file, child.key_line, key)


def _mapping(node: Node, key: str, file: Path, variables: Mapping[str, str]) -> list[tuple[str, Node]]:
    child = node.value.get(key)
    if child is None or child.value is None:
        return []
    if not isinstance(child.value, dict):
        raise compose_value(file, child, expected="a: b")
    return list(child.value.items())


def _list(node: Node, key: str, file: Path) -> list[Node]:
    child = node.value.get(key)
    if child is None or child.value is None:
        return []
    if not isinstance(child.value, list):
        raise compose_value(file, child, expected="- a")
    return list(child.value)


def _scalar(node: Node, file: Path, variables: Mapping[str, str]) -> str:
    """Return a plain value as text, its variables filled in."""
    if isinstance(node.value, bool):
        return str(node.value).lower()
    if isinstance(node.value, (int, float)):
        return str(node.value)
    if not isinstance(node.value, str):
        raise compose_value(file, node, expected="a")
    return fill(node.value, variables, file, node.line)


def _text(node: Node, key: str, file: Path, variables: Mapping[str, str]) -> str:
    child = node.value.get(key)
    return "" if child is None or child.value is None else _scalar(child, file, variables).strip()


def _volumes(root: Node, file: Path) -> tuple[str, ...]:
    names = []
    for name, node in _mapping(root, "volumes", file, {}):
        if node.value not in (None, {}):
            raise compose_value(file, node, expected=f"{name}:")
        names.append(name)
    return tuple(names)


_KEYS = {
    "image", "restart", "ports", "volumes", "mem_limit", "memswap_limit", "environment", "healthcheck", "profiles",
    "deploy",
}  # fmt: skip


def _service(
    name: str, node: Node, file: Path, variables: Mapping[str, str], volumes: tuple[str, ...]
) -> Service:
    _only(node, file, _KEYS, extensions=True)
    image = _text(node, "image", file, variables)
    if not re.fullmatch(r"[\w.\-/:]+(@sha256:[0-9a-f]{64})?", image, re.ASCII):
        raise compose_value(
            file, node.value.get("image", node), image, expected="image: ollama/ollama:0.33.0"
        )
    restart = _text(node, "restart", file, variables) or "no"
    if restart not in ("no", "always", "unless-stopped", "on-failure"):
        raise compose_value(file, node.value["restart"], restart, expected="restart: unless-stopped")
    return Service(
        name=name,
        image=image,
        restart=restart,
        ports=tuple(_port(child, file, variables) for child in _list(node, "ports", file)),
        mounts=tuple(_mount(child, file, variables, volumes) for child in _list(node, "volumes", file)),
        mem_limit=_size(node, "mem_limit", file, variables),
        memswap_limit=_size(node, "memswap_limit", file, variables),
        environment=_environment(node, file, variables),
        health=_health(node, file, variables),
        gpu_count=_gpus(node, file, variables),
    )


def _port(node: Node, file: Path, variables: Mapping[str, str]) -> Port:
    text = _scalar(node, file, variables)
    found = re.fullmatch(r"(?:(\[[0-9a-fA-F:]+\]|[\d.]+):)?(\d{1,5}):(\d{1,5})(?:/tcp)?", text)
    if not found or not 0 < int(found[2]) < 65536 or not 0 < int(found[3]) < 65536:
        raise compose_value(file, node, text, expected="127.0.0.1:11434:11434")
    return Port((found[1] or "0.0.0.0").strip("[]"), int(found[2]), int(found[3]))


def _mount(node: Node, file: Path, variables: Mapping[str, str], volumes: tuple[str, ...]) -> Mount:
    text = _scalar(node, file, variables)
    volume, _, rest = text.partition(":")
    target, _, mode = rest.partition(":")
    # A folder of this machine in the container would be more than the file needs to be able to do.
    if volume not in volumes or not target.startswith("/") or mode not in ("", "rw", "ro"):
        raise compose_value(file, node, text, expected="ollama-models:/models")
    return Mount(volume, target, mode == "ro")


_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def _size(node: Node, key: str, file: Path, variables: Mapping[str, str]) -> int | None:
    text = _text(node, key, file, variables)
    if text in ("", "0"):
        return None
    if key == "memswap_limit" and text == "-1":
        return -1
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,6})?)\s*([bkmgt]?)(?:i?b)?", text.lower())
    size = int(float(found[1]) * _UNITS[found[2]]) if found else 0
    # Docker itself refuses less than 6 MiB.
    if not 6 << 20 <= size < 1 << 60:
        raise compose_value(file, node.value[key], text, expected=f"{key}: 6g")
    return size


def _environment(node: Node, file: Path, variables: Mapping[str, str]) -> dict[str, str]:
    return {
        name: "" if child.value is None else _scalar(child, file, variables)
        for name, child in _mapping(node, "environment", file, variables)
    }


def _health(node: Node, file: Path, variables: Mapping[str, str]) -> Health | None:
    child = node.value.get("healthcheck")
    if child is None or child.value is None:
        return None
    _only(child, file, {"test", "interval", "timeout", "retries", "start_period"})
    test = [_scalar(part, file, variables) for part in _list(child, "test", file)]
    if len(test) < 2 or test[0] not in ("CMD", "CMD-SHELL"):
        raise compose_value(file, child.value.get("test", child), expected='["CMD", "ollama", "list"]')
    default = Health(tuple(test))
    retries = _text(child, "retries", file, variables) or str(default.retries)
    if not retries.isascii() or not retries.isdigit() or not 0 < int(retries) <= 100:
        raise compose_value(file, child.value["retries"], retries, expected="retries: 6")
    return Health(
        test=tuple(test),
        interval=_seconds(child, "interval", file, variables, default.interval),
        timeout=_seconds(child, "timeout", file, variables, default.timeout),
        retries=int(retries),
        start_period=_seconds(child, "start_period", file, variables, default.start_period),
    )


def _seconds(node: Node, key: str, file: Path, variables: Mapping[str, str], default: float) -> float:
    text = _text(node, key, file, variables)
    if not text:
        return default
    found = re.fullmatch(r"(?:(\d{1,4})m)?(?:(\d{1,6}(?:\.\d{1,3})?)s)?(?:(\d{1,6})ms)?", text)
    seconds = int(found[1] or 0) * 60 + float(found[2] or 0) + int(found[3] or 0) / 1000 if found else 0.0
    if not 0 < seconds <= MAX_SECONDS:
        raise compose_value(file, node.value[key], text, expected=f"{key}: 10s")
    return seconds


def _gpus(node: Node, file: Path, variables: Mapping[str, str]) -> int | None:
    here = node.value.get("deploy")
    if here is None:
        return None
    for key in ("resources", "reservations"):
        _only(here, file, {key})
        here = here.value.get(key, here)
    _only(here, file, {"devices"})
    count: int | None = None
    for device in _list(here, "devices", file):
        _only(device, file, {"driver", "count", "capabilities"})
        capabilities = [_scalar(one, file, variables) for one in _list(device, "capabilities", file)]
        if _text(device, "driver", file, variables) != "nvidia" or capabilities != ["gpu"]:
            raise compose_value(file, device, expected="driver: nvidia, capabilities: [gpu]")
        text = _text(device, "count", file, variables) or "all"
        if text != "all" and not re.fullmatch(r"[1-9]\d?", text):
            raise compose_value(file, device.value["count"], text, expected="count: all")
        count = -1 if text == "all" else int(text)
    return count
