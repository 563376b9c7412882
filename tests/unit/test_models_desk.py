"""The models' desk on a real store and a real HTTP server of files, over a labelled FAKE engine."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import StudyError, UsageError
from core.events import Event, PullChanged
from core.fit.types import Availability, Estimate, FitReport, LoadPlan, Term, Verdict
from core.ground import Ground
from core.models import loading, sources
from core.models.desk import Models
from core.models.errors import NeedsConfirmation
from core.models.pulls import _row
from core.models.tracker import Tracker
from core.models.types import Pull
from core.ollama import EngineLoad, ModelDetails, PullProgress
from core.ollama.errors import PullFailed, StreamCut
from core.paths import default_paths
from core.session import Store
from core.session import models as rows
from core.settings import Settings


class FakeClient:
    """FAKE engine client: plays back status lines; an exception among them is raised."""

    def __init__(self) -> None:
        self.script: list[list[Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.hold: asyncio.Event | None = None

    async def pull(self, model: str, **options: Any) -> AsyncGenerator[PullProgress, None]:
        self.asked.append((model, options.get("source", "")))
        for item in self.script.pop(0):
            if isinstance(item, Exception):
                raise item
            yield item
            if self.hold is not None:
                await self.hold.wait()

    async def show(self, model: str) -> ModelDetails:
        return ModelDetails(model, ("completion",), architecture="llama")

    async def tags(self) -> list[Any]:
        return []

    async def ps(self) -> list[Any]:
        return []

    async def load_now(self) -> EngineLoad:
        return EngineLoad()

    async def load(self, model: str, **options: Any) -> None:
        self.asked.append(("load", model))


class FakeEngine:
    """FAKE: what the desk needs of an engine."""

    kind = "embedded"
    embed_model = "none"
    version = "fake"
    url = ""
    model = ""
    details = None

    def __init__(self) -> None:
        self.client = FakeClient()

    def root_pids(self) -> list[int]:
        return []


class Bench:
    """A desk on a loop of its own."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.store = Store.open(folder / "session.db")
        self.engine = FakeEngine()
        self.events: list[Event] = []
        self.changed = threading.Condition()

        async def store() -> Store:
            return self.store

        async def engine() -> Any:
            return self.engine

        self.ground = Ground(
            settings=Settings(),
            paths=default_paths(folder),
            call=lambda work: asyncio.run_coroutine_threadsafe(work, self.loop),
            emit=self._emit,
            store=store,
            engine=engine,
            store_now=lambda: self.store,
            hub=lambda: None,
        )
        self.desk = Models(self.ground)

    def _emit(self, event: Event) -> None:
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def wait_for(self, pull_id: str, *statuses: str, done: int = 0) -> Pull:
        def found() -> Pull | None:
            pulls = [e.pull for e in self.events if isinstance(e, PullChanged) and e.pull.id == pull_id]
            there = pulls and pulls[-1].status in statuses and pulls[-1].done_bytes >= done
            return pulls[-1] if there else None

        with self.changed:
            assert self.changed.wait_for(found, 10), [e for e in self.events if isinstance(e, PullChanged)]
            pull = found()
        assert pull is not None
        return pull

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.desk.close(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()
        self.store.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def line(done: int, total: int = 100, resumed: int = 0) -> PullProgress:
    return PullProgress("pulling abc", "sha256:abc", total, done, resumed)


DONE = PullProgress("success")


def test_a_pull_is_on_disk_before_it_is_shown_and_ends_done(bench: Bench) -> None:
    bench.engine.client.script = [[PullProgress("pulling manifest"), line(10), line(100), DONE]]
    pull = bench.desk.pull("llama3.2:1b").result(5)
    assert pull.status == "queued" and bench.desk.pulls()[0].id == pull.id
    done = bench.wait_for(pull.id, "done")
    assert (done.done_bytes, done.total_bytes, done.model) == (100, 100, "llama3.2:1b")
    assert [layer.digest for layer in done.layers] == ["sha256:abc"]
    assert bench.desk.pulls()[0] == done


def test_one_pull_at_a_time_in_the_order_asked(bench: Bench) -> None:
    bench.engine.client.script = [[line(100), DONE], [line(100), DONE]]
    first = bench.desk.pull("a:1").result(5)
    second = bench.desk.pull("b:1").result(5)
    bench.wait_for(first.id, "done")
    bench.wait_for(second.id, "done")
    assert [model for model, _ in bench.engine.client.asked] == ["a:1", "b:1"]


def test_a_cut_stream_is_tried_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.models.pulls.LONGEST_WAIT", 0.01)
    bench.engine.client.script = [
        [line(40), StreamCut()],
        [line(40, resumed=40), line(100, resumed=40), DONE],
    ]
    pull = bench.desk.pull("a:1").result(5)
    done = bench.wait_for(pull.id, "done", "failed")
    assert (done.status, done.attempts, done.resumed_bytes, done.done_bytes) == ("done", 2, 40, 100)


def test_a_missing_model_is_not_tried_again(bench: Bench) -> None:
    bench.engine.client.script = [[PullFailed("not_found", what="a:1")]]
    pull = bench.desk.pull("a:1").result(5)
    failed = bench.wait_for(pull.id, "failed")
    assert "a:1" in failed.error and failed.fix and failed.attempts <= 1
    assert len(bench.engine.client.asked) == 1


def test_cancelled_then_tried_again(bench: Bench) -> None:
    client = bench.engine.client
    client.script = [[line(40), line(60)], [line(40, resumed=40), line(100, resumed=40), DONE]]
    client.hold = asyncio.Event()
    pull = bench.desk.pull("a:1").result(5)
    bench.wait_for(pull.id, "running", done=40)
    bench.desk.cancel_pull(pull.id)
    assert bench.wait_for(pull.id, "cancelled").ended_at
    client.hold = None
    assert bench.desk.retry_pull(pull.id).result(5).id == pull.id
    assert bench.wait_for(pull.id, "done").done_bytes == 100


def test_a_pull_of_a_dead_process_is_interrupted_and_can_go_on(bench: Bench) -> None:
    left = Pull("p1", "a:1", "a:1", "embedded", "running", total_bytes=100, done_bytes=40, queued_at=1.0)
    rows.put_pull(bench.store, _row(left)).result()
    bench.store.submit(lambda db: db.execute("UPDATE pulls SET owner_pid = 999999999")).result()
    found = bench.desk.pulls()[0]
    assert (found.status, found.done_bytes) == ("interrupted", 40) and found.note
    bench.engine.client.script = [[line(100, resumed=40), DONE]]
    bench.desk.retry_pull("p1").result(5)
    assert bench.wait_for("p1", "done").resumed_bytes == 40


def test_the_rate_and_the_time_left_are_over_the_last_seconds() -> None:
    now = 0.0
    tracker = Tracker(Pull("p", "a", "a", "embedded", "running"), lambda: now)
    tracker.add(line(0, 1000))
    for second in range(1, 5):
        now = float(second)
        pull = tracker.add(line(100 * second, 1000))
    assert pull.bytes_per_s == pytest.approx(100) and pull.eta_s == pytest.approx(6)
    now = 30.0
    waiting = tracker.add(PullProgress("waiting: no answer"))
    assert "no answer" in waiting.note
    now = 31.0
    pull = tracker.add(line(500, 1000))
    assert pull.seconds == pytest.approx(4), "the wait is left out"


def test_sources_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "My Model.Q4.gguf"
    file.write_bytes(b"GGUF")
    monkeypatch.chdir(tmp_path)
    kinds = {text: sources.classify(text).kind for text in (
        "llama3.2:1b", "hf.co/a/b:Q4", "https://x/y.gguf", str(file), file.name, "package:some-model")}  # fmt: skip
    assert list(kinds.values()) == ["registry", "registry", "url", "path", "path", "package"]
    assert sources.model_name(sources.classify(str(file)), "") == "my-model.q4:latest"
    assert sources.model_name(sources.classify("https://x/a/b.gguf?token=secret"), "") == "b:latest"
    for bad in ("", "a b", "a/b/c/d/e"):
        with pytest.raises(UsageError):
            sources.classify(bad)
    with pytest.raises(UsageError):
        sources.model_name(sources.classify("llama3:1b"), "../bad name")


def report(kind: Any) -> FitReport:
    estimate = Estimate("a:1", "llama", LoadPlan(512), (Term("weights", 10 << 30, "10"),))
    verdict = Verdict(kind, 10 << 30, 9 << 30)
    return FitReport("a:1", "here", Availability(), verdict, estimate)


def test_what_would_exhaust_memory_needs_confirmation(bench: Bench) -> None:
    def load(confirmed: bool) -> Any:
        work = loading.load(
            bench.ground, bench.engine, report("too_big"), num_ctx=512, parallel=1, confirmed=confirmed
        )  # type: ignore[arg-type]
        return asyncio.run_coroutine_threadsafe(work, bench.loop).result(5)

    with pytest.raises(NeedsConfirmation) as asked:
        load(False)
    assert "1.0 GiB" in asked.value.message and asked.value.report.verdict.short == 1 << 30
    assert bench.engine.client.asked == []
    assert load(True).predicted_bytes == 10 << 30
    assert [(one.model, one.outcome) for one in bench.desk.loads()] == [("a:1", "ok")]


def test_a_load_that_fails_for_memory_is_recorded_as_that(bench: Bench) -> None:
    from core.ollama.errors import EngineOutOfMemory

    async def fails(model: str, **options: Any) -> None:
        raise EngineOutOfMemory("failed to allocate buffer")

    bench.engine.client.load = fails  # type: ignore[method-assign]
    work = loading.load(bench.ground, bench.engine, report("fits"), num_ctx=512, parallel=1, confirmed=False)  # type: ignore[arg-type]
    with pytest.raises(StudyError):
        asyncio.run_coroutine_threadsafe(work, bench.loop).result(5)
    record = bench.desk.loads()[0]
    assert record.outcome == "out_of_memory" and record.error
    assert dataclasses.asdict(record)["predicted"] == {"weights": 10 << 30}
