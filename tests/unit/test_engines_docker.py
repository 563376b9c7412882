"""The running container: the real Docker library against a FAKE daemon on loopback."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.engines import container
from core.errors import NoEngineError
from tests.engine_fakes import (  # noqa: F401 - fixtures by the names without _fixture
    FakeServer,
    Serve,
    World,
    embedded_fixture,
    ollama,
    serve_fixture,
    world_fixture,
)


def daemon(*containers: dict[str, Any]) -> dict[str, Any]:
    """Routes of a FAKE Docker daemon."""
    routes: dict[str, Any] = {f"/containers/{one['Id']}/json": one for one in containers}
    routes["/containers/json"] = [{"Id": one["Id"]} for one in containers]
    return routes | {"/version": {"ApiVersion": "1.44", "Version": "25"}}


def compose_container(service: str, port: int | None, address: str = "127.0.0.1") -> dict[str, Any]:
    ports = {"11434/tcp": [{"HostIp": address, "HostPort": str(port)}] if port else None}
    return {
        "Id": "f" * 12,
        "Name": f"/study-{service}-1",
        "State": {"Status": "running", "Pid": os.getpid()},
        "Config": {"Labels": {container.SERVICE_LABEL: service}},
        "NetworkSettings": {"Ports": ports},
    }


async def use_docker(monkeypatch: pytest.MonkeyPatch, server: FakeServer) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.port}")


@pytest.mark.parametrize(("service", "address"), [("ollama", "127.0.0.1"), ("ollama-gpu", "0.0.0.0")])
async def test_the_running_container_is_used(
    world: World, serve: Serve, monkeypatch: pytest.MonkeyPatch, service: str, address: str
) -> None:
    server = await serve(ollama("a:1b"))
    await use_docker(monkeypatch, await serve(daemon(compose_container(service, server.port, address))))
    for choice in ("docker", "auto"):
        engine = await world.connect(engine=choice)
        assert (engine.kind, engine.url, engine.model) == ("docker", server.url, "a:1b")


async def test_each_trouble_with_docker_has_its_own_fix(
    world: World, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def trouble() -> NoEngineError:
        with pytest.raises(NoEngineError) as caught:
            await world.connect(engine="docker")
        assert caught.value.fix
        return caught.value

    monkeypatch.setattr(container, "shutil", SimpleNamespace(which=lambda name: None))
    assert (await trouble()).key == "error.docker.absent"
    monkeypatch.setattr(container, "shutil", SimpleNamespace(which=lambda name: "/usr/bin/docker"))
    assert (await trouble()).key == "error.docker.down"
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    down = await trouble()
    assert down.key == "error.docker.down" and "refused" in down.message.lower()
    await use_docker(monkeypatch, await serve(daemon()))
    assert (await trouble()).key == "error.docker.container"
    await use_docker(monkeypatch, await serve(daemon(compose_container("postgres", 5432))))
    assert (await trouble()).key == "error.docker.container"
    await use_docker(monkeypatch, await serve(daemon(compose_container("ollama", None))))
    assert (await trouble()).key == "error.docker.port"
    await use_docker(monkeypatch, await serve(daemon(compose_container("ollama", 1))))
    assert (await trouble()).key == "error.docker.silent"


def test_a_missing_permission_is_found_inside_the_librarys_wrapping() -> None:
    import docker
    import requests

    inner = requests.ConnectionError(("Connection aborted.", PermissionError(13, "Permission denied")))
    error = docker.errors.DockerException(f"Error while fetching server API version: {inner}")
    error.__cause__ = inner
    told = container.no_docker(error)
    assert told.key == "error.docker.permission" and "docker" in told.fix


async def test_trouble_with_docker_does_not_stop_the_search(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    assert (await world.connect()).kind == "embedded"


async def test_without_docker_its_library_is_not_even_loaded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "docker", None)  # an import would fail
    assert (await world.connect()).kind == "embedded"
