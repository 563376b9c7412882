"""Recorded runs repeated on the real engine: call again, replay, fork, determinism, and what is on disk afterwards."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from core.events import RunEnded
from core.paths import default_paths
from core.runtime import Runtime
from core.session import chat
from core.settings import Settings
from tests.contract.conftest import wait_until


def test_a_recorded_run_is_repeated_forked_and_taken_elsewhere(tmp_path: Path) -> None:
    settings = Settings(engine="embedded", num_ctx=1024, parallel=1, num_predict=24, lang="en")
    runtime = Runtime(settings, default_paths(tmp_path))
    runtime.start()
    runtime.engine_ready.result(120)
    ended: dict[str, RunEnded] = {}
    runtime.subscribe(
        lambda event: ended.__setitem__(event.run_id, event) if isinstance(event, RunEnded) else None
    )
    try:
        store, traces = runtime.store_ready.result(), runtime.traces
        session = runtime.new_session().result(10)
        run_id = runtime.ask(session.id, "What is 12*34?").result(60)
        first = wait_until(lambda: ended.get(run_id), "the answer", 60)
        spans = {span.kind: span for span in chat.spans(store, run_id=run_id)}

        # The same call, as curl makes it and as the program does.
        call = traces.call(spans["model"].id)
        token = runtime.engine_ready.result().token or ""
        command = traces.curl(spans["model"].id)
        assert token and token not in command
        if shutil.which("curl"):
            said = subprocess.run(
                ["sh", "-c", command], env={**os.environ, "LLM_STUDY_TOKEN": token}, capture_output=True, timeout=60,
                check=True,
            ).stdout  # fmt: skip
            assert "".join(json.loads(line)["message"]["content"] for line in said.splitlines()) == call.text
        again = traces.rerun(spans["model"].id, 2).result(60)
        assert [one.same for one in again] == [True, True], [one.text for one in again]

        # The whole run, and another outcome.
        new = traces.replay(run_id).result(60)
        assert wait_until(lambda: ended.get(new), "the replay", 60).answer == first.answer
        wait_until(lambda: [one for one in traces.reruns(run_id) if one.same], "its row", 20)
        fork = traces.fork(session.id, spans["tool"].id, tool_result="12*34 = 409").result(60)
        wait_until(lambda: [one for one in ended.values() if one.session_id == fork.id], "the fork", 60)
        assert "409" in chat.messages(store, fork.id)[-1].content
        assert [one.content for one in chat.messages(store, session.id)] == ["What is 12*34?", first.answer]

        # With the seed a warm sampler repeats itself; without, it does not.
        prompt = "Write a sentence about the sea."
        seeded = traces.determinism(prompt, 3, True, 1.0).result(90)
        assert [one.same for one in seeded] == [None, True, True], [one.text for one in seeded]
        free = traces.determinism(prompt, 3, False, 1.0).result(90)
        assert any(one.same is False and one.differs_at is not None for one in free), [
            one.text for one in free
        ]
        assert {one.id for one in chat.list_sessions(store)} == {session.id, fork.id}

        path = traces.export(session.id, tmp_path / "out", "jsonl").result(20)
        assert token not in path.read_text("utf-8")
        back = traces.import_session(path).result(20)
        assert back.id != session.id and back.message_count == 2
    finally:
        runtime.stop()
