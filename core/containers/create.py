"""Makes the container, its network and its volume the way Compose would, labels included.

With Compose's labels a later ``docker compose ps``, ``logs`` or ``down`` finds what was made here.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

from core import __version__
from core.containers import describe
from core.containers.compose import Project, Service
from core.engines.container import SERVICE_LABEL

_COMPOSE = "com.docker.compose"
NANOSECONDS = 1_000_000_000


def config_hash(service: Service, image_id: str) -> str:
    """A digest of everything the container is made from: it is made anew when this changes."""
    text = json.dumps([dataclasses.asdict(service), image_id], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def network_name(project: Project) -> str:
    """The network's name, as Compose gives it."""
    return f"{project.name}_default"


def container_name(project: Project, service: Service) -> str:
    """The container's name, as Compose gives it."""
    return f"{project.name}-{service.name}-1"


def ensure_network(client: Any, project: Project) -> None:
    """Make the project's network unless it is there."""
    name = network_name(project)
    if any(found["Name"] == name for found in client.networks(names=[name])):
        return
    labels = {
        describe.PROJECT_LABEL: project.name,
        f"{_COMPOSE}.network": "default",
        f"{_COMPOSE}.version": __version__,
    }
    client.create_network(name, driver="bridge", check_duplicate=True, labels=labels)


def ensure_volumes(client: Any, project: Project, service: Service) -> None:
    """Make the service's volumes unless they are there. A volume that is there stays as it is."""
    import docker

    for volume in dict.fromkeys(mount.volume for mount in service.mounts):
        name = f"{project.name}_{volume}"
        try:
            client.inspect_volume(name)
        except docker.errors.NotFound:
            labels = {
                describe.PROJECT_LABEL: project.name,
                f"{_COMPOSE}.volume": volume,
                f"{_COMPOSE}.version": __version__,
            }
            client.create_volume(name, labels=labels)


def create(client: Any, project: Project, service: Service, image_id: str) -> str:
    """Make the container; returns its id."""
    import docker

    network = network_name(project)
    # What Compose writes; its hash is another one, so that its own `up` makes the container anew.
    digest = config_hash(service, image_id)
    labels = {
        describe.PROJECT_LABEL: project.name,
        SERVICE_LABEL: service.name,
        describe.HASH_LABEL: digest,
        f"{_COMPOSE}.config-hash": digest,
        f"{_COMPOSE}.container-number": "1",
        f"{_COMPOSE}.image": image_id,
        f"{_COMPOSE}.oneoff": "False",
        f"{_COMPOSE}.depends_on": "",
        f"{_COMPOSE}.project.config_files": str(project.file),
        f"{_COMPOSE}.project.working_dir": str(project.file.parent),
        f"{_COMPOSE}.version": __version__,
    }
    host = client.create_host_config(
        port_bindings={f"{port.container}/tcp": (port.host_ip, port.host) for port in service.ports},
        binds=[
            f"{project.name}_{mount.volume}:{mount.target}:{'ro' if mount.read_only else 'rw'}"
            for mount in service.mounts
        ],
        mem_limit=service.mem_limit,
        memswap_limit=service.memswap_limit if service.mem_limit else None,
        restart_policy=None if service.restart == "no" else {"Name": service.restart},
        network_mode=network,
        device_requests=None
        if service.gpu_count is None
        else [docker.types.DeviceRequest(driver="nvidia", count=service.gpu_count, capabilities=[["gpu"]])],
    )
    aliases = client.create_endpoint_config(aliases=[service.name])
    made = client.create_container(
        service.image,
        name=container_name(project, service),
        environment=dict(service.environment),
        labels=labels,
        ports=[(port.container, "tcp") for port in service.ports],
        healthcheck=_health(service),
        host_config=host,
        networking_config=client.create_networking_config({network: aliases}),
    )
    return str(made["Id"])


def _health(service: Service) -> dict[str, Any] | None:
    health = service.health
    if health is None:
        return None
    return {
        "test": list(health.test),
        "interval": int(health.interval * NANOSECONDS),
        "timeout": int(health.timeout * NANOSECONDS),
        "retries": health.retries,
        "start_period": int(health.start_period * NANOSECONDS),
    }
