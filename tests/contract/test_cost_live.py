"""What a question took on the real engine, counted from what was recorded of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.events import RunEnded
from core.paths import default_paths
from core.runtime import Runtime
from core.settings import Settings
from tests.contract.conftest import wait_until


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    settings = Settings(
        engine="embedded", num_ctx=1024, parallel=1, num_predict=8, power_w=60, power_price=0.25
    )
    made = Runtime(settings, default_paths(tmp_path_factory.mktemp("data")))
    made.start()
    made.engine_ready.result(120)
    yield made
    made.stop()


def test_a_question_is_counted_by_call_run_session_and_in_all(runtime: Runtime) -> None:
    ended: list[RunEnded] = []
    runtime.subscribe(lambda event: ended.append(event) if isinstance(event, RunEnded) else None)
    session = runtime.new_session().result(10)
    run_id = runtime.ask(session.id, "Hello, who are you?").result(60)
    wait_until(lambda: ended, "the answer", 60)
    assert ended[0].status == "ok", ended[0].error
    cost = runtime.costs.of_run(run_id)
    assert cost.output_tokens >= ended[0].usage.output_tokens > 0
    assert cost.input_tokens > 10 and cost.seconds > 0
    if not cost.energy_measured:
        assert cost.energy_wh == pytest.approx(60 * cost.seconds / 3600)
    assert cost.local_usd == pytest.approx((cost.energy_wh or 0) / 1000 * 0.25)
    assert len(cost.hosted) == 4 and all(price.usd > 0 for price in cost.hosted)
    assert runtime.costs.of_session(session.id) == runtime.costs.total()
    assert runtime.costs.by_run(session.id)[run_id] == cost
