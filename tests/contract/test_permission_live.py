"""A permission question on the real engine: asked, left by quitting, there again at the next start, answered."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from core.events import RunEnded
from core.paths import default_paths
from core.runtime import Runtime
from core.settings import Settings
from tests.contract.conftest import wait_until


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Runtime]:
    settings = Settings(engine="embedded", num_ctx=1024, parallel=1, tools={"calculator": "ask"}, lang="en")
    made = Runtime(settings, default_paths(folder))
    made.start()
    made.engine_ready.result(120)
    try:
        yield made
    finally:
        made.stop()


def test_a_permission_question_survives_quitting(tmp_path: Path) -> None:
    with started(tmp_path) as first:
        session = first.new_session().result(10)
        run_id = first.ask(session.id, "What is 12*34?").result(60)
        [asked] = wait_until(lambda: first.open_permissions(session.id), "the question", 60)
        assert (asked.tool, dict(asked.arguments)) == ("calculator", {"expression": "12*34"})
        wait_until(lambda: first.store.query("SELECT 1 FROM runs WHERE status = 'waiting'"), "it waits", 30)
        first.ask(session.id, "And 2+3?").result(30)
        assert [text for _, text in first.waiting(session.id)] == ["And 2+3?"]
    with started(tmp_path) as second:
        ended: list[RunEnded] = []
        second.subscribe(lambda event: ended.append(event) if isinstance(event, RunEnded) else None)
        second.open_session(session.id).result(10)
        assert second.open_permissions(session.id) == [asked]
        assert [text for _, text in second.waiting(session.id)] == ["And 2+3?"]
        second.answer(asked.id, "once").result(60)
        wait_until(lambda: ended, "the answer", 60)
        assert ended[0].run_id == run_id and ended[0].status == "ok", ended[0].error
        assert "408" in ended[0].answer
        # Then the question that waited is asked, and its tool asks anew.
        [again] = wait_until(lambda: second.open_permissions(session.id), "the next question", 60)
        assert dict(again.arguments) == {"expression": "2+3"}
        second.answer(again.id, "deny").result(60)
        wait_until(lambda: len(ended) == 2, "its answer", 60)
        assert second.open_permissions(session.id) == []
