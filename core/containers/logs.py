"""The container's log: decoded, cleaned, bounded; and followed while somebody looks."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from core.containers import describe
from core.containers.daemon import connect, connected, translated
from core.containers.errors import ContainerError
from core.errors import StudyError
from core.text import clean

MAX_LINES = 5_000
MAX_LINE_CHARS = 2_000
MAX_LINE_BYTES = 64 << 10
MAX_WAITING = 2_000
"""Lines kept for a listener that is behind; older ones are dropped."""
BATCH_SECONDS = 0.1
AGAIN_SECONDS = 1.0


def tail(client: Any, container_id: str, lines: int) -> tuple[str, ...]:
    """Read the last lines, oldest first."""
    raw = client.logs(container_id, stdout=True, stderr=True, tail=max(1, min(lines, MAX_LINES)))
    return tuple(cleaned(line) for line in raw.splitlines()[-lines:])


def cleaned(line: bytes) -> str:
    """One line of a log as harmless text. Progress bars rewrite their line with carriage returns: the last one counts."""
    text = line[:MAX_LINE_BYTES].decode("utf-8", "replace").rstrip("\r\n")
    return clean(text.rpartition("\r")[2], max_chars=MAX_LINE_CHARS)


def split(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Put lines together from pieces that end anywhere. A line without an end is cut at :data:`MAX_LINE_BYTES`."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
        if len(rest) > MAX_LINE_BYTES:
            yield rest
            rest = b""
    if rest:
        yield rest


def recent(project: str, lines: int) -> tuple[str, ...]:
    """Read the last lines of the project's container.

    Raises:
        ContainerError: There is none.
        NoEngineError: No Docker to ask.
    """
    with connected() as client:
        found = describe.find(client, project)
        if found is None:
            raise ContainerError("error.container.absent")
        return tail(client, found["Id"], lines)


class Follower:
    """Reads the log as it grows, through restarts of the container, until it is closed.

    Args:
        project: Compose project.
        on_lines: Called with cleaned lines, a few times a second at most, from a thread of the follower's.
        on_error: Called once when there is nothing to follow any more.
        lines: Older lines to begin with.
    """

    def __init__(
        self,
        project: str,
        on_lines: Callable[[tuple[str, ...]], None],
        on_error: Callable[[StudyError], None] = lambda error: None,
        *,
        lines: int = 0,
    ) -> None:
        self._project, self._on_lines, self._on_error = project, on_lines, on_error
        self._lines = lines
        self._closed = threading.Event()
        self._arrived = threading.Event()
        self._waiting: deque[str] = deque(maxlen=MAX_WAITING)
        self._stream: Any = None
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=work, name=name, daemon=True)
            for name, work in (("container-log", self._read), ("container-log-out", self._tell))
        ]
        for thread in self._threads:
            thread.start()

    def close(self, timeout: float = 2.0) -> None:
        """Stop. Blocks for a moment; safe to call twice, and from ``on_lines``."""
        self._closed.set()
        self._arrived.set()
        with self._lock:
            if self._stream is not None:
                self._stream.close()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Whether it still follows."""
        return self._threads[0].is_alive()

    def _read(self) -> None:
        since = time.time()
        try:
            client = connect()
            try:
                while not self._closed.is_set():
                    with translated():
                        found = describe.find(client, self._project)
                        if found is None:
                            raise ContainerError("error.container.absent")
                        if (found.get("State") or {}).get("Running"):
                            since = self._attach(client, found["Id"], since)
                    self._closed.wait(AGAIN_SECONDS)
            finally:
                client.close()
        except StudyError as error:
            if not self._closed.is_set():
                self._on_error(error)
        finally:
            self._closed.set()
            self._arrived.set()

    def _attach(self, client: Any, container_id: str, since: float) -> float:
        """Read until the container stops; returns when that was."""
        # Older lines and new ones in one answer: none is missed or told twice in between.
        begin = {"tail": self._lines} if self._lines else {"since": since, "tail": "all"}
        self._lines = 0
        stream = client.logs(container_id, stream=True, follow=True, **begin)
        with self._lock:
            self._stream = stream
            if self._closed.is_set():
                stream.close()
        try:
            for line in split(stream):
                self._waiting.append(cleaned(line))
                self._arrived.set()
        finally:
            with self._lock:
                self._stream = None
            stream.close()
        return time.time()

    def _tell(self) -> None:
        while True:
            self._arrived.wait()
            done = self._closed.is_set()
            self._arrived.clear()
            lines = tuple(self._waiting.popleft() for _ in range(len(self._waiting)))
            if lines:
                self._on_lines(lines)
            if done:
                return
            self._closed.wait(BATCH_SECONDS)
            if self._closed.is_set():
                self._arrived.set()
