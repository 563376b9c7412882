"""Parts of the container room that need no daemon: the kernel's files, the daemon's answers, logs, deaths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.containers import cgroup, describe, image, logs, oom, stats
from core.containers.types import ContainerStatus

ID = "c0ffee" * 10


def _tree(root: Path, version: int) -> Path:
    """FAKE /proc and /sys/fs/cgroup with one container in them."""
    proc = root / "proc"
    for name in ("42", "self"):
        (proc / name).mkdir(parents=True)
    if version == 1:
        memory, cpu = root / "memory" / "docker" / ID, root / "cpu" / "docker" / ID
        memory.mkdir(parents=True)
        cpu.mkdir(parents=True)
        (proc / "42" / "cgroup").write_text(
            f"5:cpu,cpuacct:/docker/{ID}\n4:memory:/docker/{ID}\n0::/docker/{ID}\n"
        )
        (proc / "self" / "mountinfo").write_text(
            f"30 25 0:26 / {root}/memory rw,nosuid - cgroup cgroup rw,memory\n"
            f"31 25 0:27 / {root}/cpu rw,nosuid shared:1 - cgroup cgroup rw,cpu,cpuacct\n"
        )
        (memory / "memory.usage_in_bytes").write_text("5000\n")
        (memory / "memory.limit_in_bytes").write_text("9223372036854771712\n")
        (memory / "memory.stat").write_text("inactive_file 1\ntotal_inactive_file 1200\n")
        (memory / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
        (cpu / "cpuacct.usage").write_text("2500000000\n")
        return memory
    folder = root / "unified" / "system.slice" / f"docker-{ID}.scope"
    folder.mkdir(parents=True)
    (proc / "42" / "cgroup").write_text(f"0::/system.slice/docker-{ID}.scope\n")
    (proc / "self" / "mountinfo").write_text(f"30 25 0:26 / {root}/unified rw - cgroup2 cgroup rw\n")
    (folder / "memory.current").write_text("5000\n")
    (folder / "memory.max").write_text("6000\n")
    (folder / "memory.stat").write_text("anon 1\ninactive_file 1200\n")
    (folder / "memory.events").write_text("low 0\noom 4\noom_kill 3\n")
    (folder / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    return folder


@pytest.mark.parametrize(("version", "limit"), [(1, None), (2, 6000)])
def test_a_group_is_read_without_its_inactive_file_cache(
    tmp_path: Path, version: int, limit: int | None
) -> None:
    folder = _tree(tmp_path, version)
    group = cgroup.find(42, ID, proc=tmp_path / "proc")
    assert group is not None
    assert group.read() == cgroup.Use(3800, limit, 2.5, 3)
    for file in folder.iterdir():
        file.unlink()
    assert group.read() is None


@pytest.mark.parametrize("version", [1, 2])
def test_another_processs_group_is_not_taken_for_the_containers(tmp_path: Path, version: int) -> None:
    """Behind Docker Desktop the number belongs to some other process of this machine."""
    _tree(tmp_path, version)
    assert cgroup.find(42, "f" * 60, proc=tmp_path / "proc") is None
    assert cgroup.find(43, ID, proc=tmp_path / "proc") is None


def test_the_daemons_statistics_of_both_versions() -> None:
    cpu = {"cpu_usage": {"total_usage": 2_500_000_000}}
    old = {"usage": 5000, "limit": 6000, "stats": {"total_inactive_file": 1200, "inactive_file": 1}}
    new = {"usage": 5000, "limit": 6000, "stats": {"inactive_file": 1200}}
    for memory in (old, new):
        assert stats.from_stats({"memory_stats": memory, "cpu_stats": cpu}) == cgroup.Use(
            3800, 6000, 2.5, None
        )
    assert stats.from_stats({"memory_stats": {}, "cpu_stats": cpu}) is None


def _inspected(**state: Any) -> dict[str, Any]:
    return {
        "Name": "/study-ollama-1", "RestartCount": 2,
        "State": {"Status": "running", "Pid": 42, "StartedAt": "2026-11-24T03:00:00.123456789Z", **state},
        "Config": {"Image": "ollama/ollama:0.33.0", "Labels": {"com.docker.compose.service": "ollama"}},
        "HostConfig": {"Memory": 6 << 30},
        "NetworkSettings": {"Ports": {"11434/tcp": [{"HostIp": "0.0.0.0", "HostPort": "11500"}]}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ({}, "running"),
        ({"Health": {"Status": "starting"}}, "starting"),
        ({"Health": {"Status": "healthy"}}, "healthy"),
        ({"Health": {"Status": "unhealthy"}}, "unhealthy"),
        ({"Status": "restarting", "ExitCode": 1}, "starting"),
        ({"Status": "exited", "Pid": 0, "ExitCode": 137, "OOMKilled": True}, "exited"),
        ({"Status": "something new"}, "unknown"),
    ],
)
def test_what_docker_inspect_says(state: dict[str, Any], shown: str) -> None:
    status = describe.status(_inspected(**state))
    assert status.state == shown
    assert (status.name, status.restarts, status.url) == ("study-ollama-1", 2, "http://127.0.0.1:11500")
    assert status.memory_limit == 6 << 30
    assert status.exit_code == state.get("ExitCode")
    assert status.oom_killed is bool(state.get("OOMKilled"))


def test_a_health_checks_output_cannot_drive_the_terminal() -> None:
    output = "\x1b]0;owned\x07bad\n\x1b[31mthing\u202e" + "x" * 5000
    status = describe.status(_inspected(Health={"Status": "starting", "Log": [{"Output": output}]}))
    assert status.health.startswith("bad thing") and len(status.health) <= describe.HEALTH_CHARS
    assert status.health.isprintable()


def test_log_lines_are_put_together_cleaned_and_bounded() -> None:
    pieces = [
        b"one\ntw",
        b"o\n\x1b[31mred\x1b[0m\npull 10%\rpull 20%\n",
        b"x" * (logs.MAX_LINE_BYTES + 5),
        b"\xff\n",
    ]
    lines = [logs.cleaned(line) for line in logs.split(pieces)]
    assert lines[:4] == ["one", "two", "red", "pull 20%"]
    assert all(len(line) <= logs.MAX_LINE_CHARS + 1 for line in lines)
    assert lines[-1] == "�"


def test_a_pulls_bytes_are_added_up_over_its_layers() -> None:
    layers: dict[str, tuple[int, int]] = {}
    told = [
        image.progress(layers, line)
        for line in [
            {"status": "Pulling from ollama/ollama", "id": "0.33.0"},
            {"status": "Downloading", "id": "a", "progressDetail": {"current": 10, "total": 100}},
            {"status": "Downloading", "id": "b", "progressDetail": {"current": 1, "total": 50}},
            {"status": "Download complete", "id": "a", "progressDetail": {}},
            {"status": "Extracting", "id": "b", "progressDetail": {"current": 3, "total": 50}},
            {"status": "Already exists", "id": "c"},
        ]
    ]
    assert told == [None, (10, 100), (11, 150), (101, 150), (150, 150), None]


@pytest.mark.parametrize(
    ("reason", "key"),
    [
        ("manifest for ollama/ollama:9 not found: manifest unknown", "error.container.image.unknown"),
        ("pull access denied for x, repository does not exist", "error.container.image.unknown"),
        ("Get https://r/v2/: dial tcp: lookup r: no such host", "error.container.image.offline"),
        ("net/http: TLS handshake timeout", "error.container.image.offline"),
        ("write /var/lib/x: no space left on device", "error.container.disk"),
        ("toomanyrequests: You have reached your pull rate limit", "error.container.image"),
    ],
)
def test_why_an_image_cannot_be_had(reason: str, key: str) -> None:
    error = image._failed("ollama/ollama:9", reason)
    assert error.key == key
    assert "ollama/ollama:9" in error.message and error.fix


def _status(**values: Any) -> ContainerStatus:
    base: dict[str, Any] = {
        "name": "a", "state": "healthy", "pid": 42, "started_at": 1.0, "memory_bytes": 150 << 20,
        "memory_limit": 160 << 20, "restarts": 0, "oom_killed": False, "oom_kills": 0,
    }  # fmt: skip
    return ContainerStatus(**(base | values))


def test_a_killed_model_process_is_told_once_with_the_numbers() -> None:
    watch = oom.Watch()
    assert watch.feed(_status(oom_kills=1)) is None  # what happened before is not news
    found = watch.feed(_status(oom_kills=2, memory_bytes=20 << 20))
    assert found is not None and found.key == "error.container.memory.runner"
    assert "160 MiB" in found.message and "150 MiB" in found.message
    assert watch.feed(_status(oom_kills=2)) is None


def test_a_killed_container_is_told_once_restarted_or_not() -> None:
    watch = oom.Watch()
    watch.feed(_status())
    dead = {"state": "exited", "pid": None, "oom_killed": True, "exit_code": 137, "oom_kills": None}
    found = watch.feed(_status(**dead))
    assert found is not None and found.key == "error.container.memory"
    assert "137" in found.message and "150 MiB" in found.message
    assert watch.feed(_status(**dead)) is None
    # Started again between two looks; a new group counts from 0.
    watch.feed(_status(started_at=2.0, restarts=1))
    found = watch.feed(_status(started_at=3.0, restarts=2, oom_killed=True))
    assert found is not None and found.key == "error.container.memory"
    # A container that was made anew is another one.
    assert watch.feed(_status(name="b", oom_killed=True, oom_kills=9)) is None
