"""Which process on this machine is the Ollama that listens on a port."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import psutil

from core.ollama import is_loopback

SEARCH_SECONDS = 10.0
"""A search reads every process of the machine (tens of milliseconds): after a vain one, wait this long."""

_FORWARDERS = ("ssh", "docker-proxy", "rootlesskit", "com.docker", "socat", "kubectl", "vpnkit")
_ERRORS = (psutil.Error, OSError)


class ServerProcess:
    """Finds the server behind a loopback URL and keeps it until it ends.

    Args:
        url: The engine's URL. Another machine's has no process here.
        pid: The server, when it is already known (a container's).
    """

    def __init__(self, url: str, pid: int | None = None) -> None:
        self._port = urlsplit(url).port if is_loopback(url) else None
        self._process = _process(pid) if pid else None
        self._search_at = 0.0

    def pids(self) -> list[int]:
        """Return the server's process id, or ``[]``. Cheap unless the server was restarted. Any thread."""
        process = self._process
        if process is not None and _alive(process):
            return [process.pid]
        now = time.monotonic()
        if self._port is None or now < self._search_at:
            return []
        self._search_at = now + SEARCH_SECONDS
        self._process = process = _listener(self._port) or _by_name()
        return [process.pid] if process is not None else []


def _alive(process: psutil.Process) -> bool:
    try:
        # Also compares the start time: a later process with the same number is not the server.
        return bool(process.is_running())
    except _ERRORS:
        return False


def _process(pid: int) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        # Docker Desktop reports a number inside its virtual machine, which is some other program's here.
        return process if "ollama" in process.name().lower() else None
    except _ERRORS:
        return None


def _listener(port: int) -> psutil.Process | None:
    """Return the owner of a listening socket, where this user may see it and it is not a mere forwarder."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                process = psutil.Process(connection.pid)
                return None if process.name().lower().startswith(_FORWARDERS) else process
    except _ERRORS:
        pass  # macOS lets only root see sockets
    return None


def _by_name() -> psutil.Process | None:
    """Return the only ``ollama serve`` there is; of several, none can be told to be the one."""
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        name, command = process.info["name"] or "", process.info["cmdline"] or []
        if name.lower() in ("ollama", "ollama.exe") and (not command or "serve" in command):
            found.append(process)
    return found[0] if len(found) == 1 else None
