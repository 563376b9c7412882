"""Brings the service up, step by step: connect, image, create, start, health, ready."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from core.containers import create, describe, image, logs, oom, stats
from core.containers.compose import Project, Service
from core.containers.daemon import connect, said, translated
from core.containers.errors import Cancelled, ContainerError
from core.containers.types import ContainerStatus, UpProgress, UpStep
from core.engines.container import SERVICE_LABEL
from core.i18n import tr
from core.text import clean_line

POLL_SECONDS = 0.2
STOP_SECONDS = 10
"""How long a container may take to end by itself before it is killed."""
START_SECONDS = 60.0
"""Longest wait for a container without a health check to stay up, and grace beyond its health check's own times."""
DAEMON_SECONDS = 60.0
"""Making and starting a container may take the daemon this long on a busy disk."""
DIE_SECONDS = 5.0
SHOWN_LINES = 5

Tell = Callable[[ContainerStatus, UpProgress], None]


class Up:
    """One start of the service. Blocking; for a worker thread.

    Args:
        project: The compose file, read.
        gpu: Use the service for an NVIDIA card.
        tell: Called at every step with the status and how far it is.
        stop: Set to give up at the next chance.
    """

    def __init__(
        self,
        project: Project,
        *,
        gpu: bool = False,
        tell: Tell = lambda status, progress: None,
        stop: threading.Event | None = None,
    ) -> None:
        self._project = project
        self._service: Service = project.service(gpu=gpu)
        self._tell_all = tell
        self._stop = stop or threading.Event()
        self._status = describe.absent(self._service.name, image=self._service.image)
        self._others: list[str] = []
        """Containers of the project's other service."""

    def run(self) -> ContainerStatus:
        """Do it; does nothing that is done already.

        Raises:
            Cancelled: ``stop`` was set. What was made stays, and the next start goes on from there.
            NoEngineError: No Docker.
            ContainerError: A step failed.
        """
        self._tell("connect")
        client = connect(DAEMON_SECONDS)
        try:
            with translated():
                image_id = self._image(client)
                container_id = self._create(client, image_id)
                self._start(client, container_id)
                return self._wait(client, container_id)
        finally:
            client.close()

    def restart(self) -> ContainerStatus:
        """Stop and start the container as it is, and wait until it is healthy.

        Raises:
            Cancelled, NoEngineError, ContainerError: As :meth:`run`; also when there is no container.
        """
        self._tell("connect")
        client = connect(DAEMON_SECONDS)
        try:
            with translated():
                found = describe.find(client, self._project.name)
                if found is None:
                    raise ContainerError("error.container.absent")
                self._see(found)
                self._tell("start")
                client.restart(found["Id"], timeout=STOP_SECONDS)
                return self._wait(client, found["Id"])
        finally:
            client.close()

    def _tell(
        self, step: UpStep, done: int | None = None, total: int | None = None, *, key: str = "", **params: Any
    ) -> None:
        if self._stop.is_set():
            raise Cancelled
        text = tr(key or f"container.up.{step}", image=clean_line(self._service.image), **params)
        self._tell_all(self._status, UpProgress(step, text, done, total))

    def _see(self, inspected: Mapping[str, Any]) -> None:
        self._status = describe.status(inspected)

    def _image(self, client: Any) -> str:
        import docker

        name = self._service.image
        try:
            return str(client.inspect_image(name)["Id"])
        except docker.errors.ImageNotFound:
            pass
        self._status = describe.with_use(self._status, state="pulling")
        self._tell("image")
        image.pull(name, lambda done, total: self._tell("image", done, total), self._stop)
        return str(client.inspect_image(name)["Id"])

    def _create(self, client: Any, image_id: str) -> str:
        """Return the container to use: the one that is there if it is as the file says, else a new one."""
        labels = [f"{describe.PROJECT_LABEL}={self._project.name}", SERVICE_LABEL]
        wanted = create.config_hash(self._service, image_id)
        keep = ""
        for row in client.containers(all=True, filters={"label": labels}):
            if not describe.ours(row["Labels"]):
                continue
            if row["Labels"].get(SERVICE_LABEL) != self._service.name:
                self._others.append(row["Id"])
                continue
            # One that Compose made says nothing we could compare: it stays.
            if not keep and row["Labels"].get(describe.HASH_LABEL, wanted) == wanted:
                keep = row["Id"]
                continue
            self._tell("create", key="container.up.replace", name=clean_line(row["Names"][0].lstrip("/")))
            _remove(client, row["Id"])
        if keep:
            return str(keep)
        self._tell("create")
        create.ensure_network(client, self._project)
        create.ensure_volumes(client, self._project, self._service)
        return create.create(client, self._project, self._service, image_id)

    def _start(self, client: Any, container_id: str) -> None:
        import docker

        inspected = client.inspect_container(container_id)
        self._see(inspected)
        if inspected["State"]["Running"] and not inspected["State"].get("Restarting"):
            return
        # With a card and without share the port and the models: one at a time.
        stopped = [other for other in self._others if client.inspect_container(other)["State"]["Running"]]
        for other in stopped:
            self._tell("start", key="container.up.other")
            client.stop(other, timeout=STOP_SECONDS)
        self._tell("start")
        try:
            client.start(container_id)
        except docker.errors.APIError as error:
            failed = self._not_started(client, said(error))
            for other in stopped:
                # What worked before works again.
                client.start(other)
            raise failed from error
        for other in self._others:
            _remove(client, other)

    def _not_started(self, client: Any, reason: str) -> ContainerError:
        if "address already in use" in reason or "port is already allocated" in reason:
            return _port_taken(client, self._service, reason)
        if "could not select device driver" in reason or "nvidia" in reason.lower():
            return ContainerError("error.container.gpu", reason=reason)
        return ContainerError("error.container.start", reason=reason)

    def _wait(self, client: Any, container_id: str) -> ContainerStatus:
        """Wait until Docker says it is healthy; without a health check, until it runs."""
        inspected = client.inspect_container(container_id)
        restarts = int(inspected.get("RestartCount") or 0)
        health = self._service.health
        limit = START_SECONDS
        if health is not None:
            limit += health.start_period + (health.interval + health.timeout) * (health.retries + 1)
        deadline = time.monotonic() + limit
        told = ""
        watch = oom.Watch()
        while True:
            self._status = stats.once(client, inspected)
            killed = watch.feed(self._status)
            if killed is not None:
                _stop_looping(client, inspected, restarts)
                raise killed
            if self._status.state == "healthy" or (
                self._status.state == "running" and not (inspected["State"].get("Health"))
            ):
                self._tell("ready", url=self._status.url)
                return self._status
            if self._status.state == "exited" or int(inspected.get("RestartCount") or 0) > restarts:
                raise self._died(client, inspected, restarts)
            if self._status.state == "unhealthy":
                raise ContainerError(
                    "error.container.unhealthy",
                    name=self._status.name,
                    output=self._status.health or "—",
                    log=self._last_lines(client, container_id),
                )
            if time.monotonic() > deadline:
                raise ContainerError(
                    "error.container.slow",
                    name=self._status.name,
                    seconds=int(limit),
                    output=self._status.health or "—",
                )
            if self._status.health != told or not told:
                told = self._status.health
                key = "container.up.health.output" if told else ""
                self._tell("health", key=key, output=told)
            if self._stop.wait(POLL_SECONDS):
                raise Cancelled
            inspected = client.inspect_container(container_id)

    def _died(self, client: Any, inspected: Mapping[str, Any], restarts: int) -> ContainerError:
        # Docker may have started it again already: its exit code is told when it dies the next time.
        deadline = time.monotonic() + DIE_SECONDS
        while inspected["State"].get("Status") == "running" and time.monotonic() < deadline:
            if self._stop.wait(POLL_SECONDS):
                raise Cancelled
            inspected = client.inspect_container(inspected["Id"])
        code = inspected["State"].get("ExitCode")
        text = self._last_lines(client, inspected["Id"])
        _stop_looping(client, inspected, restarts)
        return ContainerError("error.container.died", name=self._status.name, code=code, log=text)

    def _last_lines(self, client: Any, container_id: str) -> str:
        lines = logs.tail(client, container_id, SHOWN_LINES)
        return clean_line(" | ".join(line.strip() for line in lines if line.strip()), max_chars=400) or "—"


def _stop_looping(client: Any, inspected: Mapping[str, Any], restarts: int) -> None:
    """Stop a container that Docker keeps starting again only to see it die: it would go on for ever."""
    if int(inspected.get("RestartCount") or 0) > restarts or inspected["State"].get("Restarting"):
        client.stop(inspected["Id"], timeout=1)


def _remove(client: Any, container_id: str) -> None:
    import docker

    try:
        client.stop(container_id, timeout=STOP_SECONDS)
        client.remove_container(container_id, force=True)
    except docker.errors.NotFound:
        pass  # gone since


def _port_taken(client: Any, service: Service, reason: str) -> ContainerError:
    found = re.search(r":(\d+)(?:: bind)?[: ]", reason)
    ports = {port.host for port in service.ports}
    port = int(found[1]) if found and int(found[1]) in ports else min(ports, default=0)
    who = _container_at(client, port) or _process_at(port)
    if who:
        return ContainerError("error.container.port.by", port=port, who=who)
    return ContainerError("error.container.port", port=port)


def _container_at(client: Any, port: int) -> str:
    for row in client.containers():
        if any(one.get("PublicPort") == port for one in row.get("Ports") or ()):
            return tr("container.port.container", name=clean_line(row["Names"][0].lstrip("/")))
    return ""


def _process_at(port: int) -> str:
    """Name the process that listens on a port here, where it may be known."""
    import psutil

    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                name = clean_line(psutil.Process(connection.pid).name(), max_chars=40)
                return tr("container.port.process", name=name, pid=connection.pid)
    except (psutil.Error, OSError):
        pass
    return ""


def down(project: Project) -> None:
    """Stop and remove the project's containers and its network. The volume with the models stays.

    Raises:
        NoEngineError: No Docker.
        ContainerError: The daemon refused.
    """
    import docker

    client = connect(DAEMON_SECONDS)
    try:
        with translated():
            labels = [f"{describe.PROJECT_LABEL}={project.name}", SERVICE_LABEL]
            for row in client.containers(all=True, filters={"label": labels}):
                if describe.ours(row["Labels"]):
                    _remove(client, row["Id"])
            try:
                client.remove_network(create.network_name(project))
            except docker.errors.NotFound:
                pass
            except docker.errors.APIError as error:
                # Something else of the user's is on it.
                if "active endpoints" not in said(error):
                    raise
    finally:
        client.close()


def current(project: Project) -> ContainerStatus:
    """Say how the service's container is: the project's, else any other project's that engines would use.

    Raises:
        NoEngineError: No Docker.
    """
    client = connect()
    try:
        with translated():
            found = describe.find(client, project.name) or describe.find(client)
            if found is None:
                return describe.absent(image=project.service(gpu=False).image)
            return stats.once(client, found)
    finally:
        client.close()
