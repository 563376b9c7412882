"""The container through a real Docker daemon: start, use, watch, run out of memory, die, stop."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.containers import cgroup, describe, files, logs, oom, up
from core.containers.image import pull
from core.containers.stats import ContainerSampler
from core.containers.types import ContainerStatus, UpProgress
from core.engines import connect
from core.errors import StudyError
from core.events import ContainerChanged, ContainerLog
from core.paths import default_paths
from core.runtime import Runtime
from core.settings import Settings
from tests.docker import image, registry
from tests.docker.conftest import Place, wait_until

MODEL = "smollm2:135m"


def _chat(url: str, timeout: float = 60.0) -> httpx.Response:
    body = {"model": MODEL, "stream": False, "messages": [{"role": "user", "content": "Say hello."}],
            "options": {"num_predict": 8}}  # fmt: skip
    return httpx.post(f"{url}/api/chat", json=body, timeout=timeout, trust_env=False)


def _id(client: Any, place: Place) -> str:
    found = describe.find(client, place.project().name)
    assert found is not None
    return str(found["Id"])


def _archive(name: str) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    return content.getvalue()


def test_up_reaches_healthy_step_by_step_and_does_nothing_twice(client: Any, place: Place) -> None:
    told: list[tuple[ContainerStatus, UpProgress]] = []
    status = up.Up(place.project(), tell=lambda *now: told.append(now)).run()
    steps = list(dict.fromkeys(progress.step for _, progress in told))
    assert steps == ["connect", "create", "start", "health", "ready"]
    assert status.state == "healthy"
    assert status.url == f"http://127.0.0.1:{place.port}"
    assert status.memory_limit == 600 << 20
    first = _id(client, place)
    assert place.up().state == "healthy"
    assert _id(client, place) == first

    # What Compose goes by to find it.
    labels = client.inspect_container(first)["Config"]["Labels"]
    assert labels["com.docker.compose.project"] == place.project().name
    assert labels["com.docker.compose.service"] == "ollama"
    assert {"com.docker.compose.config-hash", "com.docker.compose.oneoff"} <= labels.keys()

    # Another configuration is another container, on the same volume.
    assert client.put_archive(first, "/models", _archive("kept"))
    place.write(OLLAMA_MEMORY="500m")
    assert place.up().memory_limit == 500 << 20
    assert _id(client, place) != first
    assert client.get_archive(_id(client, place), "/models/kept")

    up.down(place.project())
    assert up.current(place.project()).state == "absent"
    assert client.inspect_volume(f"{place.project().name}_ollama-models")
    assert not client.networks(names=[f"{place.project().name}_default"])
    up.down(place.project())


async def test_its_engine_answers_and_its_numbers_are_the_kernels(
    client: Any, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write(tag="engine")
    status = place.up()
    settings = Settings(engine="docker", model=MODEL)
    engine = await connect(settings, default_paths(tmp_path / "data"), lambda status: None)
    try:
        assert (engine.kind, engine.url, engine.model) == ("docker", status.url, MODEL)
        assert _chat(engine.url).json()["message"]["content"]
        assert status.pid in engine.root_pids()
    finally:
        await engine.close()

    sampler = ContainerSampler(place.project().name)
    first = sampler.read()
    assert first is not None and first.memory_bytes is not None
    # The kernel's own file, read here.
    folder = Path("/sys/fs/cgroup/memory/docker") / _id(client, place)
    v1 = folder.exists()
    if not v1:
        folder = next(Path("/sys/fs/cgroup").rglob(f"*{_id(client, place)}*"))
    used = int((folder / ("memory.usage_in_bytes" if v1 else "memory.current")).read_text())
    fields = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    inactive = int(fields["total_inactive_file" if v1 else "inactive_file"])
    assert first.memory_bytes == pytest.approx(used - inactive, rel=0.1)
    # A model of 105 MB was loaded; more than the limit it cannot be.
    assert 105_000_000 < first.memory_bytes < 600 << 20
    assert (first.memory_limit, first.restarts, first.oom_kills) == (600 << 20, 0, 0)

    before = first.cpu_percent
    _chat(status.url)
    second = sampler.read()
    assert before is None
    assert second is not None and second.cpu_percent is not None
    assert 0 < second.cpu_percent <= 100 * (os.cpu_count() or 1) * 1.1
    sampler.close()

    # Where the kernel's files cannot be seen the daemon is asked, and says the same.
    monkeypatch.setattr(cgroup, "find", lambda *args, **kwargs: None)
    blind = ContainerSampler(place.project().name)
    asked = wait_until(lambda: (now := blind.read()) and now.memory_bytes and now, "the daemon's numbers")
    assert asked.memory_bytes == pytest.approx(second.memory_bytes, rel=0.1)
    assert asked.memory_limit == 600 << 20


def test_a_model_too_large_for_the_limit_is_named_while_starting(place: Place) -> None:
    """The server lives on and only its model's process is killed, as with a real Ollama from 0.30 on."""
    place.write(tag="engine", OLLAMA_MEMORY="160m")
    watch, project = oom.Watch(), place.project()
    try:
        place.up()
    except StudyError as error:
        found = error
    else:
        # It became healthy before it loaded its model.
        sampler = ContainerSampler(project.name)
        found = wait_until(lambda: watch.feed(sampler.read() or ContainerStatus()), "the kill is noticed")
    assert found.key == "error.container.memory.runner"
    assert "160 MiB" in found.message
    assert int(found.params["kills"]) >= 1
    assert "OLLAMA_MEMORY" in found.fix


def test_a_container_killed_for_memory_is_explained_and_started_again(place: Place) -> None:
    """The model in the container's first process: the container dies."""
    place.write(tag="alone", OLLAMA_MEMORY="160m")
    status = place.up()
    sampler, watch = ContainerSampler(place.project().name), oom.Watch()
    first = sampler.read()
    assert first is not None and watch.feed(first) is None
    with pytest.raises(httpx.HTTPError):
        _chat(status.url)
    found = wait_until(lambda: watch.feed(up.current(place.project())), "the death is noticed")
    assert found.key == "error.container.memory"
    assert "160 MiB" in found.message and "137" in found.message
    # The restart policy brings it back.
    back = wait_until(
        lambda: (now := up.current(place.project())).state == "healthy" and now, "it is healthy again"
    )
    assert back.restarts == 1


def test_a_killed_container_comes_back_and_its_log_goes_on(place: Place) -> None:
    status = place.up()
    lines: list[str] = []
    assert any("engine starts" in line for line in logs.recent(place.project().name, 50))
    assert len(logs.recent(place.project().name, 1)) == 1
    follower = logs.Follower(place.project().name, lines.extend)
    try:
        assert status.pid is not None
        sampler = ContainerSampler(place.project().name)
        sampler.read()
        os.kill(status.pid, signal.SIGKILL)
        after = wait_until(
            lambda: (now := sampler.read()) and now.restarts == 1 and now.pid and now,
            "the restart is counted",
        )
        assert after.pid != status.pid
        assert after.oom_killed is False
        wait_until(lambda: any("engine starts" in line for line in lines), "the new start is in the log")
    finally:
        follower.close()
    assert not follower.alive


def test_a_taken_port_is_told_with_its_owner(place: Place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", place.port))
        taken.listen()
        with pytest.raises(StudyError) as told:
            place.up()
    assert told.value.key == "error.container.port.by"
    assert str(place.port) in told.value.message
    assert str(os.getpid()) in told.value.message
    # Once the port is free, the same container starts.
    assert place.up().state == "healthy"


def test_without_a_graphics_card_the_other_container_goes_on(client: Any, place: Place) -> None:
    if any(name.startswith("nvidia") for name in client.info().get("Runtimes", {})):
        pytest.skip("this daemon can give containers a graphics card")
    place.up()
    first = _id(client, place)
    with pytest.raises(StudyError) as told:
        up.Up(place.project(), gpu=True).run()
    assert told.value.key == "error.container.gpu"
    now = wait_until(lambda: (now := up.current(place.project())).state == "healthy" and now, "it is back")
    assert (now.service, _id(client, place)) == ("ollama", first)


def test_a_container_that_ends_at_once_is_told_with_its_last_words(client: Any, place: Place) -> None:
    recipe = io.BytesIO(f'FROM {image.IMAGE}\nCMD ["nonsense"]\n'.encode())
    for line in client.build(fileobj=recipe, tag=f"{image.REPOSITORY}:broken", rm=True, decode=True):
        assert "error" not in line, line
    place.write(tag="broken")
    with pytest.raises(StudyError) as told:
        place.up()
    assert told.value.key == "error.container.died"
    assert told.value.params["code"] == 1
    assert "unknown command" in told.value.message
    # It is not left to be started and to die for ever.
    assert wait_until(lambda: up.current(place.project()).state == "exited", "it stays down")


def test_a_failing_health_check_is_told_with_its_output(place: Place) -> None:
    place.write(
        changes={
            '"ollama", "list"': '"ollama", "nonsense"',
            "retries: 6": "retries: 1",
            "start_period: 20s": "start_period: 1ms",
        }
    )
    with pytest.raises(StudyError) as told:
        place.up()
    assert told.value.key == "error.container.unhealthy"
    assert "unknown command" in told.value.message


def test_giving_up_stops_at_the_next_step(client: Any, place: Place) -> None:
    from core.containers.errors import Cancelled

    stop = threading.Event()

    def tell(status: ContainerStatus, progress: UpProgress) -> None:
        if progress.step == "create":
            stop.set()

    with pytest.raises(Cancelled):
        up.Up(place.project(), tell=tell, stop=stop).run()
    assert up.current(place.project()).state == "created"


def test_no_daemon_and_no_registry_are_different_messages(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # A name that no resolver knows (RFC 2606).
    place.write(OLLAMA_IMAGE="registry.invalid/ollama")
    with pytest.raises(StudyError) as told:
        place.up()
    assert told.value.key == "error.container.image.offline"
    assert "registry.invalid/ollama:" in told.value.message
    with monkeypatch.context() as context:
        context.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody")
        with pytest.raises(StudyError) as told:
            place.up()
    assert told.value.key == "error.docker.down"
    assert told.value.exit_code == 3


def test_an_image_is_pulled_with_its_bytes_and_a_pull_can_be_given_up(client: Any, place: Place) -> None:
    from core.containers.errors import Cancelled

    with registry.serve() as here:
        place.write(tag="nowhere", OLLAMA_IMAGE=here.name)
        with pytest.raises(StudyError) as told:
            place.up()
        assert told.value.key == "error.container.image.unknown"
        assert "OLLAMA_VERSION" in told.value.fix

        # Half of the layer, and no more: given up in the middle.
        here.gate.clear()
        place.write(tag="here", OLLAMA_IMAGE=here.name)
        stop, halves = threading.Event(), list[UpProgress]()

        def tell(status: ContainerStatus, progress: UpProgress) -> None:
            if progress.done_bytes:
                assert status.state == "pulling"
                halves.append(progress)
                stop.set()

        with pytest.raises(Cancelled):
            up.Up(place.project(), tell=tell, stop=stop).run()
        assert here.hung_up.wait(20), "the daemon goes on pulling for nobody"
        assert halves[-1].total_bytes == pytest.approx(registry.LAYER_BYTES, rel=0.01)

        here.gate.set()
        bytes_told: list[tuple[int | None, int | None]] = []
        pull(f"{here.name}:here", lambda done, total: bytes_told.append((done, total)), threading.Event())
        assert bytes_told[-1][0] == bytes_told[-1][1] == pytest.approx(registry.LAYER_BYTES, rel=0.01)
        assert client.inspect_image(f"{here.name}:here")
        client.remove_image(f"{here.name}:here")


def test_the_desk_tells_what_happens_and_gives_up_when_asked(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "compose_file", lambda paths, given="": place.file)
    events: list[Any] = []
    runtime = Runtime(Settings(engine="docker", model=MODEL), default_paths(tmp_path / "data"))
    runtime.subscribe(events.append)
    runtime.start()
    try:
        desk = runtime.containers
        assert desk.status().result(30).state == "absent"
        begun = desk.up()
        wait_until(
            lambda: any(isinstance(event, ContainerChanged) and event.progress for event in events), "a step"
        )
        begun.cancel()
        assert desk.up().result(60).state == "healthy"
        steps = [
            event.progress.step for event in events if isinstance(event, ContainerChanged) and event.progress
        ]
        assert steps[-1] == "ready"
        desk.follow(True)
        wait_until(_following, "the log is followed")
        old = desk.status().result(30)
        new = desk.restart().result(60)
        assert (new.name, new.state) == (old.name, "healthy") and new.pid != old.pid
        wait_until(lambda: any(isinstance(event, ContainerLog) for event in events), "lines of the log")
        desk.follow(False)
        assert any("engine starts" in line for line in desk.logs(20).result(30))
        desk.down().result(60)
        assert desk.status().result(30).state == "absent"
        with pytest.raises(StudyError):
            desk.logs(5).result(30)
    finally:
        runtime.stop()
    assert not _following()


def _following() -> bool:
    return any(thread.name == "container-log" and thread.is_alive() for thread in threading.enumerate())


def test_the_command_line_brings_it_up_shows_it_and_takes_it_down(place: Place, tmp_path: Path) -> None:
    def study(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "core.cli", *words, "--file", str(place.file)]
        command += ["--data-dir", str(tmp_path / "data"), "--lang", "en"]
        return subprocess.run(
            command, cwd=image.PROJECT, capture_output=True, text=True, timeout=120, check=False
        )

    begun = study("up", "--json")
    assert begun.returncode == 0, begun.stderr
    assert json.loads(begun.stdout)["state"] == "healthy"
    assert "Waiting for the health check." in begun.stderr and "Healthy at" in begun.stderr
    now = json.loads(study("status", "--json", "--engine", "docker", "--model", MODEL).stdout)
    assert (now["engine"]["kind"], now["engine"]["model"]) == ("docker", MODEL)
    assert now["container"]["memory_limit"] == 600 << 20
    assert now["container"]["memory_bytes"] > 10 << 20 and now["container"]["cpu_percent"] is not None
    assert "engine starts" in study("logs", "-n", "20").stdout
    ended = study("down")
    assert (ended.returncode, ended.stderr) == (0, "")
    gone = study("logs", "--json")
    assert gone.returncode == 1
    assert json.loads(gone.stdout)["error"]["key"] == "error.container.absent"
