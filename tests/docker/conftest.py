"""A real Docker daemon and an image made from this machine's own files.

A daemon that answers already is used (``DOCKER_HOST``, else the usual socket). Else root starts one, with everything
below a folder of its own, and stops it at the end. CI must have one; elsewhere its lack is a reason to skip.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.containers import compose, up
from core.containers.describe import PROJECT_LABEL
from core.engines.container import SOCKET
from tests.docker import image

DAEMON_SECONDS = 60


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this directory needs a real daemon."""
    for item in items:
        if Path(item.path).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.slow)


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    """Poll until the condition is true; fail when the time is over."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        pause.wait(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def _missing(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"CI needs a Docker daemon: {reason}")
    pytest.skip(f"no Docker daemon: {reason}")


def _answers(host: str) -> bool:
    import docker

    try:
        client = docker.APIClient(base_url=host, version="auto", timeout=5)
    except docker.errors.DockerException:
        return False
    client.close()
    return True


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


@contextlib.contextmanager
def _own_daemon() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="llm-study-docker-"))
    host = f"unix://{folder}/s"
    places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
    # The machine's firewall is not touched: ports on 127.0.0.1 go through Docker's own proxy.
    command = ["dockerd", "--host", host, "--iptables=false", "--ip6tables=false"]
    # No default bridge: compose projects have their own. But asking for none would delete another daemon's.
    command += [] if Path("/sys/class/net/docker0").exists() else ["--bridge=none"]
    command += [f"--{key}={folder / name}" for key, name in places.items()]
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            preexec_fn=_die_with_parent,
        )  # fmt: skip
    try:
        wait_until(
            lambda: daemon.poll() is not None or ((folder / "s").exists() and _answers(host)),
            "dockerd answers",
            DAEMON_SECONDS,
        )
        if daemon.poll() is not None:
            tail = (folder / "log").read_text("utf-8", "replace")[-1500:]
            _missing(f"dockerd ended with status {daemon.returncode}: {tail}")
        yield host
    finally:
        daemon.terminate()
        try:
            daemon.wait(30)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def docker_host() -> Iterator[str]:
    """Where a daemon answers."""
    for host in (os.environ.get("DOCKER_HOST", ""), f"unix://{SOCKET}" if SOCKET.exists() else ""):
        if host and _answers(host):
            yield host
            return
    if os.geteuid() != 0:
        _missing("none answers, and only root can start one")
    if shutil.which("dockerd") is None:
        _missing("none answers, and dockerd is not installed (Debian: docker.io)")
    with _own_daemon() as host:
        yield host


@pytest.fixture(scope="session")
def client(docker_host: str) -> Iterator[Any]:
    """The daemon, with the test's image in it."""
    import docker

    client = docker.APIClient(base_url=docker_host, version="auto", timeout=120)
    image.build(client)
    yield client
    client.close()


@pytest.fixture(autouse=True)
def _daemon(docker_host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything the program asks goes to that daemon, and nothing of the user's reaches the compose file."""
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    for name in [name for name in os.environ if name.startswith(("OLLAMA_", "COMPOSE_"))]:
        monkeypatch.delenv(name)


@dataclass
class Place:
    """A folder with the project's own compose file and a ``.env``."""

    folder: Path
    port: int

    @property
    def file(self) -> Path:
        return self.folder / "docker-compose.yml"

    def write(self, *, tag: str = "alone", changes: dict[str, str] | None = None, **variables: str) -> None:
        """Write both files; ``changes`` are replacements in the compose file.

        The tag ``alone`` starts twice as fast as ``engine``, and loads its model at the first question only.
        """
        text = (image.PROJECT / "docker-compose.yml").read_text("utf-8")
        # Nobody wants to wait ten seconds for the first health check of every test.
        for old, new in {"interval: 10s": "interval: 500ms", **(changes or {})}.items():
            assert old in text, old
            text = text.replace(old, new)
        self.file.write_text(text, "utf-8")
        values = {"OLLAMA_IMAGE": image.REPOSITORY, "OLLAMA_VERSION": tag, "OLLAMA_PORT": str(self.port)}
        values |= {"OLLAMA_MEMORY": "600m", **variables}
        (self.folder / ".env").write_text("".join(f"{key}={value}\n" for key, value in values.items()))

    def project(self) -> compose.Project:
        return compose.load(self.file, os.environ)

    def up(self) -> Any:
        return up.Up(self.project()).run()


@pytest.fixture
def place(client: Any, tmp_path: Path) -> Iterator[Place]:
    """A compose project of its own; nothing of it is left afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path / f"llmstudytest{port}"
    folder.mkdir()
    here = Place(folder, port)
    here.write()
    yield here
    here.write()
    for row in client.containers(all=True, filters={"label": f"{PROJECT_LABEL}={folder.name}"}):
        client.remove_container(row["Id"], force=True)
    up.down(here.project())
    with contextlib.suppress(Exception):
        client.remove_volume(f"{folder.name}_ollama-models")
