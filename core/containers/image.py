"""Pulls the image, in bytes, and says why it cannot."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

from core.containers.daemon import connect, said, translated
from core.containers.errors import Cancelled, ContainerError
from core.text import clean_line

PULL_SECONDS = 300.0
"""Longest silence of a pull: unpacking a large layer says little."""
TELL_SECONDS = 0.2

Tell = Callable[[int, int], None]
"""Called with bytes done and bytes in all, as far as they are known yet."""

_OFFLINE = re.compile(
    r"no such host|dial tcp|i/o timeout|timeout|connection refused|network is unreachable|proxyconnect|TLS|x509|EOF|lookup",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(
    r"manifest unknown|not found|does not exist|pull access denied|no matching manifest", re.IGNORECASE
)


def pull(image: str, tell: Tell, stop: threading.Event) -> None:
    """Pull an image.

    Args:
        image: Repository with tag or digest.
        tell: Told how far it is, a few times a second.
        stop: Set to give up; the daemon keeps the layers that are complete.

    Raises:
        Cancelled: ``stop`` was set.
        ContainerError: It cannot be had; says why.
    """
    client = connect(PULL_SECONDS)
    opened: list[Any] = []
    client.hooks["response"].append(lambda response, *args, **kwargs: opened.append(response))
    lines: queue.SimpleQueue[dict[str, Any] | BaseException | None] = queue.SimpleQueue()

    def read() -> None:
        try:
            for line in _lines(client, image):
                lines.put(line)
            lines.put(None)
        except BaseException as error:
            lines.put(error)

    # A thread of its own: between two lines minutes may pass, and "stop" is not to wait for them.
    reader = threading.Thread(target=read, name="pull", daemon=True)
    reader.start()
    try:
        _follow(lines, image, tell, stop)
    finally:
        if reader.is_alive() and opened:
            _hang_up(opened[-1])
        client.close()


def _lines(client: Any, image: str) -> Iterator[dict[str, Any]]:
    name, _, digest = image.partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = name, "latest"
    yield from client.pull(repository, tag=digest or tag, stream=True, decode=True)


def _follow(
    lines: queue.SimpleQueue[dict[str, Any] | BaseException | None],
    image: str,
    tell: Tell,
    stop: threading.Event,
) -> None:
    import docker

    layers: dict[str, tuple[int, int]] = {}
    while not stop.is_set():
        try:
            line = lines.get(timeout=TELL_SECONDS)
        except queue.Empty:
            continue
        if line is None:
            return
        if isinstance(line, docker.errors.APIError):
            raise _failed(image, said(line)) from line
        if isinstance(line, BaseException):
            with translated():
                raise line
        if "error" in line:
            raise _failed(image, clean_line(str(line["error"]), max_chars=300))
        done = progress(layers, line)
        if done is not None:
            tell(*done)
    raise Cancelled


def progress(layers: dict[str, tuple[int, int]], line: dict[str, Any]) -> tuple[int, int] | None:
    """Take one line of the daemon's and return bytes downloaded and to download, ``None`` when nothing changed."""
    layer, word = str(line.get("id", "")), str(line.get("status", ""))
    detail = line.get("progressDetail") or {}
    total = detail.get("total")
    if word == "Downloading" and isinstance(total, int) and total > 0:
        layers[layer] = (min(int(detail.get("current") or 0), total), total)
    elif (
        word in ("Download complete", "Verifying Checksum", "Extracting", "Pull complete") and layer in layers
    ):
        layers[layer] = (layers[layer][1], layers[layer][1])
    else:
        return None
    return sum(done for done, _ in layers.values()), sum(size for _, size in layers.values())


def _hang_up(response: Any) -> None:
    """End an answer another thread is reading: the daemon gives the pull up when nobody listens."""
    import docker

    docker.types.CancellableStream(iter(()), response).close()


def _failed(image: str, reason: str) -> ContainerError:
    if "no space left" in reason:
        return ContainerError("error.container.disk", image=image, reason=reason)
    if _UNKNOWN.search(reason):
        return ContainerError("error.container.image.unknown", image=image, reason=reason)
    if _OFFLINE.search(reason):
        return ContainerError("error.container.image.offline", image=image, reason=reason)
    return ContainerError("error.container.image", image=image, reason=reason)
