"""FAKE recorded runs, for unit tests of the interface only: what was asked of them is kept."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from core.agent.replay.types import ComparedStep, Comparison
from core.agent.replay.words import diff
from core.events import ReplayChanged
from core.session import chat
from core.session.rows import Rerun, Session
from tests.tui.fakes import START, done

if TYPE_CHECKING:
    from tests.tui.fakes import FakeRuntime


def rerun(
    number: int, text: str, same: bool | None, at: int | None = None, of: str = "s", **more: Any
) -> Rerun:
    return Rerun(f"r{of}{number}", of, "call", "smollm2:135m", START, text, same, at, output_tokens=3, **more)


class FakeTraces:
    """FAKE of core.agent.replay.desk.Traces."""

    def __init__(self, runtime: FakeRuntime) -> None:
        self.runtime = runtime
        self.asked: list[tuple[Any, ...]] = []
        self.answers = ["It is 408.", "It is 409."]
        self.hold: Future[list[Rerun]] | None = None
        """Given instead of an answer, when set."""

    def call(self, span_id: str) -> Any:
        return SimpleNamespace(text="It is 408.")

    def reruns(self, of: str) -> list[Rerun]:
        return []

    def curl(self, span_id: str) -> str:
        self.asked.append(("curl", span_id))
        return "curl -sS http://127.0.0.1:9/api/chat -H \"Authorization: Bearer $LLM_STUDY_TOKEN\" --data-raw '{}'"

    def rerun(self, span_id: str, n: int = 1) -> Future[list[Rerun]]:
        self.asked.append(("rerun", span_id, n))
        if self.hold is not None:
            return self.hold
        rows = [
            rerun(number, text, text == "It is 408.", None if text == "It is 408." else 2, span_id)
            for number, text in enumerate(self.answers[:n])
        ]
        for place, row in enumerate(rows, 1):
            self.runtime.emit(ReplayChanged(row, place, n))
        return done(rows)

    def determinism(self, prompt: str, k: int, seeded: bool) -> Future[list[Rerun]]:
        self.asked.append(("determinism", prompt, k, seeded))
        of = f"d{seeded}"
        others = [
            rerun(n, "one" if seeded else f"one {n}", seeded, None if seeded else 1, of) for n in range(1, k)
        ]
        return done([rerun(0, "one", None, of=of), *others])

    def fork(self, session_id: str, at: str, **edit: Any) -> Future[Session]:
        self.asked.append(("fork", at, {name: value for name, value in edit.items() if value is not None}))
        assert self.runtime.store
        return chat.create_session(self.runtime.store, title="forked")

    def replay(self, run_id: str, model: str | None = None, live_tools: bool = False) -> Future[str]:
        self.asked.append(("replay", run_id, model))
        run = self.runtime.begin(self.runtime.new_session().result().id, "again")
        self.runtime.end()
        return done(run.run_id)

    def compare_runs(self, a: str, b: str) -> Comparison:
        assert self.runtime.store
        runs = [chat.get_run(self.runtime.store, one) for one in (a, b)]
        assert runs[0] and runs[1]
        spans = [chat.spans(self.runtime.store, run_id=one) for one in (a, b)]
        steps = (ComparedStep(spans[0][0], spans[1][0], True), ComparedStep(spans[0][1], None, False))
        texts = ("It is 408 now.", "It is 409 now.")
        return Comparison(runs[0], runs[1], steps, *texts, tuple(diff(*texts)))

    def correct_route(self, run_id: str, tool: str) -> Future[None]:
        self.asked.append(("correct", run_id, tool))
        return done(None)

    def export(self, what: str, folder: Path, format: str = "otlp") -> Future[Path]:
        self.asked.append(("export", what, format))
        return done(folder / "trace.json")
