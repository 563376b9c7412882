"""The lab's desk on a loop of its own, with a real store and a FAKE server as its engine (tests/lab_fakes.py).

Run as a script it starts a run and measures until it is killed: ``python tests/lab_ground.py URL DIR NAME OPTIONS``.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.events import Event, LabChanged
from core.ground import Ground
from core.lab.desk import Lab
from core.lab.types import LabRun
from core.ollama import OllamaClient
from core.paths import Paths
from core.session import Store
from core.settings import Settings

OVER = ("done", "failed", "cancelled", "interrupted")


class FakeEngine:
    """FAKE engine: the fake server under the face of core.engines.Engine."""

    kind = "ollama"
    version = "0.0.0-fake"
    model = "fake:1b"
    token = None

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = OllamaClient(url)

    def root_pids(self) -> list[int]:
        return []


class Room:
    """A desk, its events, and its end."""

    def __init__(
        self, url: str, folder: Path, on_event: Callable[[Event], None] = lambda event: None, **settings: Any
    ) -> None:
        self.store = Store.open(folder / "session.db")
        self.events: list[LabChanged] = []
        self._moved = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._on_event = on_event
        self.engine = self._call(self._engine(url)).result(10)
        self.lab = Lab(
            Ground(
                Settings(**{"num_ctx": 4096, "request_timeout": 5.0, **settings}), Paths(folder, folder, folder), self._call,
                self._emit, self._give(self.store), self._give(self.engine), lambda: self.store, lambda: None,
            )  # type: ignore[arg-type]
        )  # fmt: skip

    async def _engine(self, url: str) -> FakeEngine:
        return FakeEngine(url)

    def _give(self, value: Any) -> Callable[[], Any]:
        async def give() -> Any:
            return value

        return give

    def _call(self, work: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _emit(self, event: Event) -> None:
        assert isinstance(event, LabChanged)
        self._on_event(event)
        with self._moved:
            self.events.append(event)
            self._moved.notify_all()

    def wait(self, condition: Callable[[LabChanged], bool], seconds: float = 40) -> LabChanged:
        """Wait for an event."""
        with self._moved:
            found = self._moved.wait_for(
                lambda: next((one for one in self.events if condition(one)), None), seconds
            )
            assert found, f"not within {seconds} s; last: {self.events[-3:]}"
            return found

    def measure(self, name: str, **options: Any) -> LabRun:
        """Run an experiment to its end."""
        run = self.lab.start(name, options).result(10)
        self.wait(lambda event: event.run_id == run.id and event.status in OVER)
        return self.lab.run(run.id)

    def close(self) -> None:
        self._call(self.lab.close()).result(10)
        self._call(self.engine.client.aclose()).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
        self.store.close()


if __name__ == "__main__":
    room = Room(sys.argv[1], Path(sys.argv[2]))
    print(room.lab.start(sys.argv[3], json.loads(sys.argv[4])).result(10).id, flush=True)
    room.wait(lambda event: event.status in OVER, 60)
