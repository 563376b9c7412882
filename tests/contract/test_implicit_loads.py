"""Loads nobody asked for by name are recorded too, predicted and measured: the engine's first, a question's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.models.types import LoadRecord
from core.paths import default_paths
from core.runtime import Runtime
from core.settings import Settings
from tests.contract.conftest import CHAT, wait_until


def plausible(record: LoadRecord) -> bool:
    """Other tests' engines map the same file, and PSS shares its pages out: README's table has the differences alone."""
    return record.measured_bytes is None or 0.3 < (record.predicted_bytes or 0) / record.measured_bytes < 3


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    settings = Settings(engine="embedded", num_ctx=512, parallel=1, num_predict=8)
    made = Runtime(settings, default_paths(tmp_path_factory.mktemp("data")))
    made.start()
    made.engine_ready.result(120)
    yield made
    made.stop()


def test_the_first_load_and_a_questions_load_are_recorded_and_an_asked_for_one_once(runtime: Runtime) -> None:
    [first] = wait_until(runtime.models.loads, "a record of the engine's first load", 60)
    assert (first.model, first.implicit, first.outcome, first.num_ctx) == (CHAT, True, "ok", 512)
    assert plausible(first)

    runtime.models.unload(CHAT).result(30)
    session = runtime.new_session().result(10)
    runtime.ask(session.id, "Hello").result(60)
    second = wait_until(
        lambda: [r for r in runtime.models.loads() if r.id != first.id], "the question's load", 60
    )[0]
    assert second.implicit
    assert second.measured_bytes is not None
    assert second.load_ms is not None and plausible(second)

    wait_until(lambda: runtime.status.state == "ready", "the answer", 60)
    asked = runtime.models.load(CHAT).result(60)
    assert not asked.implicit
    # The engine tells of that load as well; two more looks are taken, and no second record comes of it.
    engine = runtime.engine_ready.result(1)
    seen = wait_until(
        lambda: engine.load.loads and engine.load.loads[-1].number >= 3, "the engine's word", 30
    )
    assert seen
    runtime.models._ground.call(runtime.models.spot(engine)).result(10)
    assert len(runtime.models.loads()) == 3
