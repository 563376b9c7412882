"""What the user asks to remember comes back when it belongs to the question, with the real embedder and model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.paths import default_paths
from core.runtime import Runtime
from core.session import chat
from core.settings import Settings
from tests.contract.conftest import wait_until


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    settings = Settings(engine="embedded", num_ctx=1024, parallel=1, num_predict=24)
    made = Runtime(settings, default_paths(tmp_path_factory.mktemp("data")))
    made.start()
    made.engine_ready.result(120)
    yield made
    made.stop()


def ask(runtime: Runtime, text: str) -> str:
    """Ask in a session of its own: nothing but memory connects the questions."""
    session = runtime.new_session().result(10)
    run_id = runtime.ask(session.id, text).result(60)
    store = runtime.store
    assert store is not None
    wait_until(lambda: (run := chat.get_run(store, run_id)) and run.status != "running", text, 60)
    run = chat.get_run(store, run_id)
    assert run is not None and run.status == "ok", run
    return chat.messages(store, session.id)[-1].content


@pytest.mark.parametrize(
    ("said", "question", "answer"),
    [
        ("기억해: 내 이름은 민수야", "내 이름이 뭐야?", "민수"),
        ("Remember that our fiscal year starts in April", "When does our fiscal year start?", "April"),
    ],
)
def test_what_was_said_in_another_session_is_recalled(
    runtime: Runtime, said: str, question: str, answer: str
) -> None:
    ask(runtime, said)
    assert answer in ask(runtime, question)
    assert answer not in ask(runtime, "Why is the sky blue?"), "it belongs to another question"
    [fact] = [one for one in runtime.facts.list() if answer in one.text]
    assert fact.used == 1
    runtime.facts.forget(fact.id).result(10)
    assert fact.id not in [one.id for one in runtime.facts.list()]


def test_what_was_said_is_nearer_than_the_documents(runtime: Runtime, tmp_path: Path) -> None:
    handbook = tmp_path / "handbook.md"
    handbook.write_text("# Lockers\n\nLockers are given out by the front desk on the first day.\n", "utf-8")
    runtime.library.add([str(handbook)]).result(60)
    ask(runtime, "Please remember: my locker number is 217")
    ask(runtime, "내 사물함 번호는 512라고 기억해 줘")
    assert "217" in ask(runtime, "Which number does my locker have?")
    assert "512" in ask(runtime, "내 사물함 번호가 뭐였지?"), "in the language of the question"
    assert "front desk" in ask(runtime, "Who gives out lockers according to the handbook?")
