"""What calls, runs and sessions took: local by settings, energy by a meter where there is one, hosted by the list."""

from __future__ import annotations

import dataclasses
import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from core.agent import semconv
from core.cli import main
from core.cost import prices
from core.cost.calculate import Energy, cost_of, total
from core.cost.desk import of_runs
from core.cost.words import money
from core.events import Detail, Gpu, MemoryUse, RunEnded, Sample, Span, Usage
from core.session import Store, chat, samples
from core.settings import Settings
from core.telemetry import energy

PAID = Settings(
    power_w=100, power_price=0.2, hardware_price=876.6, hardware_years=1, compare_prices="openai/gpt-5-mini"
)
"""100 W at 0.20 a kWh; 0.10 of the machine an hour."""
WHEN = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC).timestamp()


def test_power_and_hardware_by_the_settings() -> None:
    cost = cost_of(Usage(1000, 300), 36.0, None, PAID, when=WHEN)
    assert cost.energy_wh == pytest.approx(1.0) and not cost.energy_measured
    # 1 Wh at 0.20 a kWh, and 36 s of 0.10 an hour.
    assert cost.local_usd == pytest.approx(0.0002 + 0.001)


def test_unknown_stays_unknown() -> None:
    cost = cost_of(Usage(10, 5), 1.0, None, Settings(), when=WHEN)
    assert cost.energy_wh is None and cost.local_usd is None
    assert cost_of(Usage(10, 5), 1.0, None, Settings(power_w=50), when=WHEN).local_usd is None


def test_a_meter_wins_over_the_settings() -> None:
    cost = cost_of(Usage(10, 5), 36.0, Energy(3.0), PAID, when=WHEN)
    assert (cost.energy_wh, cost.energy_measured) == (3.0, True)


def test_hosted_prices_are_those_of_the_day_and_of_the_request() -> None:
    cost = cost_of(Usage(1000, 300), 1.0, None, PAID, when=WHEN)
    assert [(price.model, price.provider) for price in cost.hosted] == [("GPT-5 mini", "OpenAI")]
    assert cost.hosted[0].usd == pytest.approx(1000 * 0.25e-6 + 300 * 2e-6)
    # The model's price was cut in June 2025.
    before, after = (
        prices.hosted(1000, 1000, "openai/o3", datetime.date(2025, month, 1))[0].usd for month in (5, 8)
    )
    assert before == pytest.approx(5 * after)


def test_the_price_list_has_a_date_and_unknown_models_are_named() -> None:
    assert "2026-01-01" < prices.date() <= datetime.datetime.now(datetime.UTC).date().isoformat()
    assert prices.unknown("openai/gpt-5-mini, nobody/nothing, gibberish") == ("nobody/nothing", "gibberish")
    assert prices.unknown(Settings().compare_prices) == ()
    assert prices.hosted(10, 10, " , ", datetime.date(2026, 1, 1)) == ()


def test_the_price_list_asks_no_network(monkeypatch: Any) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr("socket.socket.connect", refused)
    prices._price.cache_clear()
    assert prices.hosted(10, 10, "openai/gpt-5-mini", datetime.date(2026, 1, 1))


def test_costs_add_up() -> None:
    parts = [cost_of(Usage(100, 20), 36.0, None, PAID, when=WHEN) for _ in range(3)]
    whole = total(parts)
    assert (whole.input_tokens, whole.output_tokens, whole.seconds) == (300, 60, 108.0)
    assert whole.local_usd == pytest.approx(3 * (parts[0].local_usd or 0))
    assert whole.hosted[0].usd == pytest.approx(3 * parts[0].hosted[0].usd)
    nothing = total([])
    assert (nothing.input_tokens, nothing.energy_wh, nothing.local_usd, nothing.hosted) == (0, None, None, ())


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (None, "N/A"),
        (0, "$0.00"),
        (0.00000123, "$0.00000123"),
        (0.0123, "$0.0123"),
        (1.5, "$1.50"),
        (1234.5, "$1,234.50"),
    ],
)
def test_money_keeps_three_digits(usd: float | None, text: str) -> None:
    assert money(usd) == text


# -- energy -----------------------------------------------------------------------------------------


def powercap(root: Path, values: dict[str, tuple[str, int]]) -> tuple[energy.Zone, ...]:
    """Files as the kernel's powercap has them."""
    for zone, (name, value) in values.items():
        folder = root / zone
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "name").write_text(f"{name}\n")
        (folder / "energy_uj").write_text(f"{value}\n")
        (folder / "max_energy_range_uj").write_text("262143328850\n")
    return energy.zones(root)


def test_rapl_adds_packages_and_memory_and_nothing_twice(tmp_path: Path) -> None:
    counters = powercap(
        tmp_path,
        {
            "intel-rapl:0": ("package-0", 1_000_000),
            "intel-rapl:0:0": ("core", 5),
            "intel-rapl:0:1": ("dram", 2_000_000),
            "intel-rapl:1": ("psys", 9),
        },
    )
    before = energy.read(counters)
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("4000000\n")
    (tmp_path / "intel-rapl:0:0" / "energy_uj").write_text("999999999\n")
    (tmp_path / "intel-rapl:0:1" / "energy_uj").write_text("2500000\n")
    assert energy.joules_since(before, counters) == pytest.approx(3.5)


def test_rapl_counters_begin_again(tmp_path: Path) -> None:
    counters = powercap(tmp_path, {"intel-rapl:0": ("package-0", 262_143_328_000)})
    before = energy.read(counters)
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("999150\n")
    assert energy.joules_since(before, counters) == pytest.approx(1.0)


def test_without_counters_energy_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "intel-rapl:0").mkdir()
    assert energy.zones(tmp_path) == energy.zones(tmp_path / "nowhere") == ()
    assert energy.joules_since({}, ()) is None


# -- from the rows -----------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = Store.open(tmp_path / "session.db")
    yield opened
    opened.close()


def run(store: Store, session_id: str, calls: list[dict[str, Any]], usage: Usage | None = None) -> str:
    """A run with these model calls, each 36 s long."""
    started = chat.begin_run(
        store, session_id, "q", engine="embedded", engine_version="1", model="m", options={}
    ).result()
    for number, attributes in enumerate(calls):
        kind: Any = attributes.pop("kind", "model")
        span = Span(
            f"{started.run_id}-{number}",
            started.run_id,
            None,
            "chat m",
            kind,
            "ok",
            WHEN,
            36_000.0,
            attributes,
        )
        chat.put_span(store, session_id, span).result()
    chat.end_run(
        store,
        RunEnded(
            started.run_id, session_id, started.assistant_message_id, "ok", "a", "routed", "embedded", "m",
            usage or Usage(), 1.0, 1.0, MemoryUse(),
        ),
    ).result()  # fmt: skip
    return started.run_id


def tokens(read: int, written: int, **more: Any) -> dict[str, Any]:
    return {
        semconv.INPUT_TOKENS: read,
        semconv.OUTPUT_TOKENS: written,
        "app.request.body": "x" * 9999,
        **more,
    }


def test_a_run_is_the_sum_of_its_calls(store: Store) -> None:
    session = chat.create_session(store).result()
    calls = [tokens(100, 10), tokens(200, 20), tokens(5, 5, kind="tool"), {"kind": "embedding"}]
    one = run(store, session.id, calls, Usage(999, 999))
    run(store, session.id, [tokens(1, 1)])
    cost = of_runs(store, PAID, run_id=one)
    assert (cost.input_tokens, cost.output_tokens, cost.seconds) == (300, 30, 108.0)
    assert of_runs(store, PAID, session_id=session.id).input_tokens == 301
    run(store, chat.create_session(store).result().id, [tokens(1000, 0)])
    assert of_runs(store, PAID).input_tokens == 1301
    assert of_runs(store, PAID, session_id="nothing").input_tokens == 0


def test_a_run_without_recorded_calls_counts_by_its_own_sums(store: Store) -> None:
    session = chat.create_session(store).result()
    cost = of_runs(store, PAID, run_id=run(store, session.id, [], Usage(50, 7)))
    assert (cost.input_tokens, cost.output_tokens) == (50, 7)
    assert cost.seconds >= 0


def test_metered_energy_is_told_from_assumed(store: Store) -> None:
    session = chat.create_session(store).result()
    one = run(store, session.id, [tokens(1, 1, **{semconv.ENERGY_J: 7200.0})])
    cost = of_runs(store, PAID, run_id=one)
    assert cost.energy_measured and cost.energy_wh == pytest.approx(2.0)
    # A card that was looked at meanwhile has a meter of its own: 300 W for 36 s.
    seen = Sample(
        ts=WHEN, run_id=one, detail=Detail(gpus=(Gpu("card", power_w=200.0), Gpu("other", power_w=100.0)))
    )
    samples.add_samples(store, [seen]).result()
    assert of_runs(store, PAID, run_id=one).energy_wh == pytest.approx(2.0 + 3.0)
    run(store, session.id, [tokens(1, 1)])
    assert not of_runs(store, PAID, session_id=session.id).energy_measured


def test_the_command_prints_a_session_and_everything(
    store: Store, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("LLM_STUDY_POWER_W", "100")
    monkeypatch.setenv("LLM_STUDY_POWER_PRICE", "0.2")
    session = chat.create_session(store, title="Taxes").result()
    run(store, session.id, [tokens(100, 10)])
    assert main(["cost", "--json", "--data-dir", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["cost"]["input_tokens"] == 100 and told["cost"]["local_usd"] == pytest.approx(0.0002)
    assert told["sessions"][0]["id"] == session.id and told["models_without_price"] == []
    assert main(["cost", session.id, "--data-dir", str(tmp_path), "--lang", "en"]) == 0
    text = capsys.readouterr().out
    assert "Taxes" in text and "100 tokens read, 10 written" in text and "$0.000200" in text
    assert f"newest entry {prices.date()}" in text and "GPT-5 mini (OpenAI)" in text
    assert main(["cost", "last", "--data-dir", str(tmp_path), "--lang", "ko"]) == 0
    assert "읽은 토큰 100개" in capsys.readouterr().out
    assert main(["cost", "nosuch", "--data-dir", str(tmp_path), "--lang", "en"]) == 2
    assert "nosuch" in capsys.readouterr().err


def test_figures_out_of_range_are_refused(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("LLM_STUDY_HARDWARE_YEARS", "0")
    assert main(["cost", "--data-dir", str(tmp_path), "--lang", "en"]) == 2
    assert "hardware_years" in capsys.readouterr().err


def test_broken_figures_in_a_span_count_as_nothing(store: Store) -> None:
    session = chat.create_session(store).result()
    one = run(store, session.id, [tokens(10, 10), {semconv.INPUT_TOKENS: "many", semconv.OUTPUT_TOKENS: -5}])
    assert of_runs(store, dataclasses.replace(PAID, power_w=0), run_id=one).input_tokens == 10
