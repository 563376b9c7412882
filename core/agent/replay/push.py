"""Sending each finished run to an OpenTelemetry collector: in a thread of its own, off unless a setting says where."""

from __future__ import annotations

import logging
import queue
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from core.agent.replay.otlp import traces
from core.agent.replay.words import json_text
from core.events import Event, RunEnded
from core.ollama import is_loopback
from core.session import Store, chat
from core.text import without_secrets

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

WAITING = 256
"""Runs that may wait to be sent; the next one is left out."""
TIMEOUT_S = 5.0
TRIES = 3
PAUSE_S = 1.0
"""Before the next try, doubled each time."""
PASSING = (429, 502, 503, 504)
"""Answers after which the protocol says to try again."""


class Pusher:
    """Sends runs. :meth:`take` returns at once whatever the collector does.

    Args:
        url: Of the collector, ``http://host:4318``; ``/v1/traces`` is added where no path is given.
        content: With what was asked, found and answered.
    """

    def __init__(self, store: Store, url: str, content: bool, pause: float = PAUSE_S) -> None:
        self._store = store
        self._url = address(url)
        self._content = content
        self._pause = pause
        self._runs: queue.Queue[str | None] = queue.Queue(WAITING)
        self._stop = threading.Event()
        self._failing = False
        self.sent = 0
        self.lost = 0
        self._thread = threading.Thread(target=self._work, name="otlp", daemon=True)
        self._thread.start()

    def take(self, event: Event) -> None:
        """Queue a run that ended. Any thread."""
        if not isinstance(event, RunEnded):
            return
        try:
            self._runs.put_nowait(event.run_id)
        except queue.Full:
            self._lose("its queue is full")

    def close(self, timeout: float = 1.0) -> None:
        """Send what waits, for a limited time."""
        try:
            self._runs.put_nowait(None)
        except queue.Full:
            self._stop.set()
        self._thread.join(timeout)
        self._stop.set()

    def _work(self) -> None:
        import httpx

        try:
            local = is_loopback(self._url)
        except ValueError:
            local = False
        with httpx.Client(timeout=TIMEOUT_S, trust_env=not local) as client:
            while not self._stop.is_set():
                run_id = self._runs.get()
                if run_id is None:
                    return
                try:
                    self._send(client, run_id)
                except Exception as error:
                    self._lose(f"{type(error).__name__}")

    def _send(self, client: httpx.Client, run_id: str) -> None:
        run = chat.get_run(self._store, run_id)
        if run is None:
            return
        body = json_text(
            traces([(run, chat.spans(self._store, run_id=run_id))], content=self._content)
        ).encode()
        said = ""
        for attempt in range(TRIES):
            if attempt and self._stop.wait(self._pause * 2 ** (attempt - 1)):
                break
            said = self._once(client, body)
            if said == "":
                self.sent += 1
                if self._failing:
                    self._failing = False
                    log.info("the collector at %s answers again", without_secrets(self._url))
                return
            if said.startswith("refused"):
                break
        self._lose(said)

    def _once(self, client: httpx.Client, body: bytes) -> str:
        """Send once; returns what went wrong, empty when nothing did."""
        import httpx

        try:
            response = client.post(self._url, content=body, headers={"Content-Type": "application/json"})
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return type(error).__name__
        if response.is_success:
            return ""
        return f"{'HTTP' if response.status_code in PASSING else 'refused with HTTP'} {response.status_code}"

    def _lose(self, reason: str) -> None:
        self.lost += 1
        if not self._failing:
            # Once, not at every run: a collector that is off stays off for long.
            self._failing = True
            log.warning("runs are not sent to the collector at %s: %s", without_secrets(self._url), reason)


def address(url: str) -> str:
    """Return where traces are posted."""
    text = url.strip().rstrip("/")
    try:
        return text if urlsplit(text).path else f"{text}/v1/traces"
    except ValueError:
        return text  # It is no address: sending says so.
