"""The connection to Docker: every call has a time limit, every failure a message."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

from core.containers.errors import ContainerError
from core.engines import container
from core.errors import NoEngineError, StudyError
from core.text import clean_line

API_SECONDS = 10.0
"""Longest silence of the daemon in an ordinary call."""


@contextlib.contextmanager
def connected(timeout: float = API_SECONDS) -> Iterator[Any]:
    """A ``docker.APIClient`` for a few calls; closed at the end.

    Args:
        timeout: Seconds without a byte from the daemon before a call counts as failed.

    Raises:
        NoEngineError: No Docker, no permission, or the daemon does not answer.
        ContainerError: It answered with an error that nobody foresaw.
    """
    client = connect(timeout)
    try:
        with translated():
            yield client
    finally:
        client.close()


def connect(timeout: float = API_SECONDS) -> Any:
    """Open a connection, for calls that outlast a ``with``. Raises as :func:`connected` does."""
    if not container.docker_present():
        raise NoEngineError(
            "error.docker.down" if shutil.which("docker") else "error.docker.absent",
            reason=str(container.SOCKET),
        )
    try:
        import docker
    except ImportError as error:
        raise NoEngineError("error.docker.absent") from error
    with translated():
        # The daemon's own version: Debian 12 has one of 2022, and newer clients' default is too new for it.
        client = docker.APIClient(version="auto", timeout=timeout, **container.client_options())
    return client


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what the Docker library raises into errors a user can read."""
    import docker
    import requests
    import urllib3

    try:
        yield
    except StudyError:
        raise
    except docker.errors.APIError as error:
        raise ContainerError("error.container.refused", reason=said(error)) from error
    except (docker.errors.DockerException, requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise container.no_docker(error) from error
    except OSError as error:
        raise container.no_docker(error) from error


def said(error: BaseException) -> str:
    """What the daemon answered, cleaned, on one line."""
    return clean_line(str(getattr(error, "explanation", None) or error), max_chars=300)
