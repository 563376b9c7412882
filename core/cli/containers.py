"""``llm-study up``, ``down``, ``logs``, ``status``: the compose service's container, and the engine beside it."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import threading
from typing import Any

from core.cli import print_json
from core.cli.arguments import stderr
from core.cli.work import mebibytes, runtime, wait
from core.containers import logs, up
from core.containers.compose import Project, load
from core.containers.files import compose_file
from core.containers.stats import ContainerSampler
from core.containers.types import ContainerStatus, UpProgress
from core.errors import StudyError
from core.i18n import tr
from core.paths import Paths
from core.settings import Settings
from core.text import clean


def run(arguments: argparse.Namespace, settings: Settings, paths: Paths) -> int:
    """Do one of the commands."""
    project = load(compose_file(paths, arguments.file), os.environ)
    if arguments.command == "up":
        return _up(arguments, project)
    if arguments.command == "down":
        up.down(project)
        if arguments.json:
            print_json({"project": project.name, "removed": True})
        else:
            print(tr("container.down"))
        return 0
    if arguments.command == "logs":
        return _logs(arguments, project)
    return _status(arguments, settings, paths, project)


def _up(arguments: argparse.Namespace, project: Project) -> int:
    screen = _Progress()
    try:
        status = up.Up(project, gpu=arguments.gpu, tell=screen.show).run()
    finally:
        screen.end()
    if arguments.json:
        print_json(dataclasses.asdict(status))
    else:
        print(_line(status))
    return 0


class _Progress:
    """Steps on standard error: one line each, the bytes of a pull in place where that is a terminal."""

    def __init__(self) -> None:
        self._last = ""
        self._open = False

    def show(self, status: ContainerStatus, progress: UpProgress) -> None:
        if progress.total_bytes:
            if sys.stderr.isatty():
                done, total = (size or 0 for size in (progress.done_bytes, progress.total_bytes))
                sys.stderr.write(f"\r{clean(progress.text)} {done / 1e6:,.0f} / {total / 1e6:,.0f} MB ")
                sys.stderr.flush()
                self._open = True
        elif progress.text != self._last:
            self.end()
            stderr(clean(progress.text))
        self._last = progress.text

    def end(self) -> None:
        if self._open:
            sys.stderr.write("\n")
        self._open = False


def _logs(arguments: argparse.Namespace, project: Project) -> int:
    if arguments.json or not arguments.follow:
        lines = logs.recent(project.name, arguments.lines)
        if arguments.json:
            print_json({"project": project.name, "lines": lines})
        else:
            print("\n".join(lines))
        return 0
    ended, failures = threading.Event(), list[StudyError]()

    def failed(error: StudyError) -> None:
        failures.append(error)
        ended.set()

    def show(new: tuple[str, ...]) -> None:
        print("\n".join(new), flush=True)

    follower = logs.Follower(project.name, show, failed, lines=arguments.lines)
    try:
        while not ended.wait(0.2):
            pass
    finally:
        follower.close()
    raise failures[0]


def _status(arguments: argparse.Namespace, settings: Settings, paths: Paths, project: Project) -> int:
    engine: dict[str, Any]
    container: dict[str, Any]
    code = 0
    # The processor's share takes two readings: the engine is looked for in between.
    sampler = ContainerSampler()
    sampler.read()
    with runtime(settings, paths) as work:
        try:
            wait(work.engine_ready)
            now = work.status
            engine = dataclasses.asdict(now)
            first = f"{now.kind} · {now.version} · {now.model} · {now.url}"
        except StudyError as error:
            engine, first, code = _error(error), str(error), error.exit_code
        try:
            status = up.current(project)
            sample = sampler.read()
            if sample is not None and sample.name == status.name:
                status = dataclasses.replace(status, cpu_percent=sample.cpu_percent)
            container, line = dataclasses.asdict(status), _line(status)
        except StudyError as error:
            container, line = _error(error), str(error)
    sampler.close()
    if arguments.json:
        print_json({"engine": engine, "container": container})
    else:
        print(clean(first))
        print(clean(line))
    return code


def _error(error: StudyError) -> dict[str, Any]:
    return {"error": {"key": error.key, "message": clean(error.message), "fix": clean(error.fix)}}


def _line(status: ContainerStatus) -> str:
    """Write a container's status in one or two lines."""
    if status.state == "absent":
        return tr("container.status.absent")
    state = tr(f"container.state.{status.state}")
    text = tr("container.status", name=status.name, state=state, image=status.image)
    text += f" · {status.url}" if status.url else ""
    if status.pid is None:
        return text
    return (
        text
        + "\n"
        + tr(
            "container.status.use",
            used=mebibytes(status.memory_bytes),
            limit=tr("container.no_limit") if status.memory_limit is None else mebibytes(status.memory_limit),
            cpu="N/A" if status.cpu_percent is None else f"{status.cpu_percent:.0f} %",
            restarts=status.restarts,
            kills="N/A" if status.oom_kills is None else status.oom_kills,
        )
    )
