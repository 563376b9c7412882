"""Tools that need nothing but this machine, permissions, and ``llm-study tools``."""

from __future__ import annotations

import dataclasses
import datetime
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core import cli
from core.agent.tools import now, registry, runner, system_status, zones
from core.agent.tools.language import in_language, language_of
from core.agent.tools.permission import leaves, permission_of, remember
from core.errors import UsageError
from core.events import Hit, Sample
from core.i18n import catalogue
from core.ollama.models import EngineLoad, LoadedModel
from core.session import Store, tool_rules
from core.settings import Settings, load_settings
from tests.service_standins import Services
from tests.tool_ground import open_store, tool_context

TOOLS = registry.builtin()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


# -- every tool ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_is_described_flatly_and_says_what_leaves(name: str) -> None:
    tool = TOOLS[name]
    for argument, rule in tool.schema["properties"].items():
        assert rule["type"] in ("string", "integer", "number", "boolean"), argument
        assert set(rule) <= {"type", "description", "enum", "default", "minimum", "maximum"}
    assert set(tool.schema["required"]) <= set(tool.schema["properties"])
    assert 20 < len(tool.description) < 200 and 0 < tool.timeout_s <= 60
    assert (tool.name in ("weather", "web_search", "fetch_page")) == bool(tool.leaves)
    for lang in ("en", "ko"):
        assert not tool.leaves or tool.leaves in catalogue(lang)


def test_documents_are_no_tool_when_there_are_none(store: Store) -> None:
    context = tool_context(store)
    assert "search_documents" not in registry.tools_for(context, context.settings)


async def test_passages_are_numbered_on_through_a_run(store: Store) -> None:
    async def search(query: str, k: int) -> list[Hit]:
        return [Hit("d", f"{query}.md", "/x", "A › B", "text \x1b[31mred", 0.5, query)]

    context = dataclasses.replace(tool_context(store, "휴가"), search=search)
    first = await runner.run(TOOLS["search_documents"], context, {"query": "leave"})
    second = await runner.run(TOOLS["search_documents"], context, {"query": "pay"})
    assert first.text.split("\n")[1:-1] == ["[1] leave.md › A › B", "text red"]
    assert second.text.split("\n")[1].startswith("[2] pay.md")
    assert [item.number for item in context.citations] == [1, 2] and second.citations[0].number == 2
    nothing = dataclasses.replace(context, search=None)
    assert (
        await runner.run(TOOLS["search_documents"], nothing, {"query": "x"})
    ).answer == "아직 추가한 문서가 없습니다."


# -- now ----------------------------------------------------------------------------------------------

MOMENT = datetime.datetime(2026, 11, 24, 3, 5, 9, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("question", "zone", "answer"),
    [
        ("what day is it", "", "It is 3:05 a.m. on Tuesday, 24 November 2026 (UTC, UTC+00:00)."),
        ("지금 서울은?", "서울", "서울은 지금 2026년 11월 24일 화요일 오후 12시 5분입니다(Asia/Seoul, UTC+09:00)."),
        ("뉴욕 몇 시야", "뉴욕", "뉴욕은 지금 2026년 11월 23일 월요일 오후 10시 5분입니다(America/New_York, UTC-05:00)."),
        ("time in Paris", "Europe/Paris", "In Europe/Paris it is 4:05 a.m. on Tuesday, 24 November 2026 (Europe/Paris, UTC+01:00)."),
        ("파리는 몇 시?", "파리", "파리는 지금 2026년 11월 24일 화요일 오전 4시 5분입니다(Europe/Paris, UTC+01:00)."),
        ("time at UTC+5:30", "UTC+5:30", "In UTC+5:30 it is 8:35 a.m. on Tuesday, 24 November 2026 (UTC+05:30)."),
    ],
)  # fmt: skip
async def test_what_time_it_is(
    store: Store, monkeypatch: pytest.MonkeyPatch, question: str, zone: str, answer: str
) -> None:
    monkeypatch.setattr(now, "clock", lambda: MOMENT)
    result = await runner.run(TOOLS["now"], tool_context(store, question), {"zone": zone} if zone else {})
    assert result.ok and result.answer == answer


@pytest.mark.parametrize("name", ["Narnia", "../../etc/passwd", "UTC+99", "\x00", "한" * 200])
async def test_zones_that_are_none(store: Store, name: str) -> None:
    result = await runner.run(TOOLS["now"], tool_context(store, "time there"), {"zone": name})
    assert (result.ok, result.error) == (False, "error.now.zone") or name == "\x00"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("New York", "America/New_York"),
        ("new_york", "America/New_York"),
        ("asia/seoul", "Asia/Seoul"),
        ("Tokyo", "Asia/Tokyo"),
        ("런던 시간", "Europe/London"),
        ("UTC", "UTC"),
        ("São Paulo", None),
    ],
)
def test_zones_by_their_names(name: str, key: str | None) -> None:
    assert getattr(zones.find(name), "key", None) == key


# -- this machine -------------------------------------------------------------------------------------


class FakeEngine:
    """FAKE engine: what an engine says of itself."""

    version = "0.33.0"
    model = "smollm2:135m"
    status = SimpleNamespace(kind="embedded")
    loaded = (LoadedModel("smollm2:135m", size_bytes=150 << 20, context_length=2048),)
    load = EngineLoad(running=1, waiting=0, slots=4)

    def root_pids(self) -> list[int]:
        return []


async def test_the_sampler_s_numbers_are_told(store: Store) -> None:
    sample = Sample(
        ts=time.time(),
        cpu_percent=37.4,
        memory_used_bytes=6 << 30,
        memory_total_bytes=24 << 30,
        engine_pss_bytes=300 << 20,
        engine_cpu_percent=150.0,
    )
    hub = SimpleNamespace(latest=sample)
    context = dataclasses.replace(tool_context(store, "메모리 얼마나 써?"), engine=FakeEngine(), hub=hub)  # type: ignore[arg-type]
    result = await runner.run(TOOLS["system_status"], context, {"topic": "memory"})
    assert (
        result.answer
        == "메모리는 24.0 GiB 가운데 6.0 GiB를 쓰고 있습니다(25%).\n그중 엔진이 300 MiB를 씁니다."
    )
    store.submit(
        lambda db: (
            db.table("sessions").insert({"id": "s", "title": "t", "created_at": 1.0, "updated_at": 1.0}),
            db.table("runs").insert(
                {
                    "id": "r",
                    "session_id": "s",
                    "status": "ok",
                    "started_at": 1.0,
                    "tokens_per_s": 41.26,
                    "ttft_ms": 120.0,
                }
            ),
        )
    ).result()
    english = dataclasses.replace(context, question="how are you doing")
    text = (await runner.run(TOOLS["system_status"], english, {})).text
    for part in (
        "37% of",
        "150%",
        "embedded engine 0.33.0, model smollm2:135m",
        "150 MiB, context 2048",
        "1 of 4 busy",
    ):
        assert part in text
    assert "41.3 tokens/s, first token after 120 ms" in text


async def test_without_a_sampler_the_machine_is_read(store: Store) -> None:
    stale = SimpleNamespace(latest=Sample(ts=1.0, memory_used_bytes=1, memory_total_bytes=2))
    for hub in (None, stale):
        context = dataclasses.replace(tool_context(store, "status"), hub=hub)  # type: ignore[arg-type]
        result = await runner.run(TOOLS["system_status"], context, {"topic": "memory"})
        assert result.ok and result.data["memory_total_bytes"] > 1 << 26 and "(50%)" not in result.text
    assert system_status.size(None) == "N/A" and system_status.size(5 << 20) == "5 MiB"


# -- languages ----------------------------------------------------------------------------------------


def test_the_question_s_language_is_the_answer_s(store: Store) -> None:
    assert language_of(tool_context(store, "메모리 status")) == "ko"
    assert language_of(tool_context(store, "status?")) == "en"
    assert language_of(tool_context(store, "12*34")) == "en"  # the interface's


def test_korean_particles_fit_their_word() -> None:
    assert in_language("ko", "error.weather.place", place="서울") == "‘서울’이라는 곳을 찾지 못했습니다."
    assert in_language("ko", "error.weather.place", place="파리") == "‘파리’라는 곳을 찾지 못했습니다."
    assert in_language("ko", "error.tool.argument.missing", name="query") == "인자 query이(가) 없습니다."


# -- permission ---------------------------------------------------------------------------------------


def test_who_decides_about_a_tool(store: Store) -> None:
    weather, calculator = TOOLS["weather"], TOOLS["calculator"]
    assert (permission_of(store, Settings(), weather), permission_of(store, Settings(), calculator)) == (
        "ask",
        "allow",
    )
    assert permission_of(store, Settings(tools={"weather": "allow"}), weather) == "allow"
    remember(store, "weather", "allow").result()
    assert permission_of(store, Settings(), weather) == "allow"
    # What was said in the chat counts more than a setting, but no more than a "deny".
    assert permission_of(store, Settings(tools={"weather": "ask"}), weather) == "allow"
    assert permission_of(store, Settings(tools={"weather": "deny"}), weather) == "deny"
    tool_rules.remove_rule(store, "weather").result()
    assert permission_of(store, Settings(), weather) == "ask"
    store.submit(lambda db: db.table("tool_rules").insert({"tool": "weather", "permission": "hm"})).result()
    assert permission_of(store, Settings(), weather) == "ask"


def test_what_leaves_is_said_with_what_it_is() -> None:
    plain = Settings()
    assert "“Seoul”" in leaves(TOOLS["weather"], plain, {"place": "Seoul"})
    assert "open-meteo.com" in leaves(TOOLS["weather"], plain, {"place": "Seoul"})
    moved = Settings(weather_url="http://me:pw@here.example", geocoding_url="http://here.example")
    assert "sent to here.example." in leaves(TOOLS["weather"], moved, {"place": "Seoul"})
    assert "search engines" in leaves(TOOLS["web_search"], plain, {"query": "tea"})
    own = Settings(searxng_url="https://search.example:8080/x")
    assert "search.example:8080" in leaves(TOOLS["web_search"], own, {"query": "tea"})
    assert "https://a.example/" in leaves(TOOLS["fetch_page"], plain, {"url": "https://a.example/"})
    assert leaves(TOOLS["calculator"], plain, {"expression": "1"}) == ""
    hostile = leaves(TOOLS["web_search"], plain, {"query": "\x1b[31m" + "x" * 5_000 + "\n{braces}"})
    assert "\x1b" not in hostile and "\n" not in hostile and len(hostile) < 500


def test_permissions_in_the_settings_file(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[tools]\nweather = "allow"\n"srv__*" = "deny"\n', "utf-8")
    assert dict(load_settings(file, environ={"LLM_STUDY_TOOLS": "x"}).tools) == {
        "weather": "allow",
        "srv__*": "deny",
    }
    file.write_text('[tools]\nweather = "sometimes"\n', "utf-8")
    with pytest.raises(UsageError) as caught:
        load_settings(file, environ={})
    assert "allow | ask | deny" in str(caught.value)


# -- the command line ---------------------------------------------------------------------------------


def run_cli(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> tuple[int, str, str]:
    code = cli.main(["tools", *words, "--data-dir", str(folder), "--lang", "en"])
    out = capsys.readouterr()
    return code, out.out, out.err


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    from core.i18n import set_language

    set_language("en")


def test_rules_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run_cli(capsys, tmp_path, "list", "--json")
    found = {row["name"]: row["permission"] for row in json.loads(out)["tools"]}
    assert code == 0 and (found["calculator"], found["weather"]) == ("allow", "ask")
    assert run_cli(capsys, tmp_path, "deny", "weather")[:2] == (0, "weather: deny\n")
    assert "weather           deny*" in run_cli(capsys, tmp_path, "list")[1]
    code, _, err = run_cli(capsys, tmp_path, "test", "weather", "Seoul")
    assert code == 1 and "weather is not allowed." in err
    assert run_cli(capsys, tmp_path, "reset", "weather")[1] == "weather: ask\n"
    code, _, err = run_cli(capsys, tmp_path, "allow", "nonsense")
    assert code == 2 and "There is no tool called nonsense." in err and "tools list" in err
    (tmp_path / "config.toml").write_text('[tools]\nweather = "deny"\n', "utf-8")
    code, out, err = run_cli(capsys, tmp_path, "allow", "weather")
    assert out == "weather: deny\n" and "The settings file says otherwise" in err


def test_examples_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "No examples of your own yet" in run_cli(capsys, tmp_path, "examples", "list")[1]
    added = run_cli(capsys, tmp_path, "examples", "add", "우산 챙겨야 해?", "weather")
    assert added[:2] == (0, "Added: 우산 챙겨야 해? → weather\n")
    run_cli(capsys, tmp_path, "examples", "add", "우산 챙겨야 해?", "none")
    (row,) = json.loads(run_cli(capsys, tmp_path, "examples", "list", "--json")[1])["examples"]
    assert (row["text"], row["tool"]) == ("우산 챙겨야 해?", "none")
    code, _, err = run_cli(capsys, tmp_path, "examples", "add", "x", "ghost")
    assert code == 2 and "There is no tool called ghost." in err
    assert run_cli(capsys, tmp_path, "examples", "add", "  ", "weather")[0] == 2
    assert run_cli(capsys, tmp_path, "examples", "remove", row["id"])[0] == 0
    assert run_cli(capsys, tmp_path, "examples", "remove", row["id"])[0] == 2


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("calculator", "2^10"), "2**10 = 1024"),
        (("calculator", "expression=1/4"), "1/4 = 0.25"),
        (("calculator", '{"expression": "3*3"}'), "3*3 = 9"),
        (("calculator", "12", "*", "2"), "12 * 2 = 24"),
    ],
)
def test_trying_a_tool(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], text: str
) -> None:
    assert run_cli(capsys, tmp_path, "test", *words)[:2] == (0, f"{text}\n")


def test_trying_a_tool_that_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run_cli(capsys, tmp_path, "test", "calculator", "1/0", "--json")
    found: dict[str, Any] = json.loads(out)
    assert code == 1 and (found["ok"], found["error"]) == (False, "error.calculator.zero")
    assert run_cli(capsys, tmp_path, "test", "calculator", '{"expression": ')[0] == 2
    assert run_cli(capsys, tmp_path, "test", "ghost", "x")[0] == 2


def test_trying_weather_against_the_stand_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    services = Services().start()
    (tmp_path / "config.toml").write_text(
        f'weather_url = "{services.url}"\ngeocoding_url = "{services.url}"\n', "utf-8"
    )
    code, out, _ = run_cli(capsys, tmp_path, "test", "weather", "place=Seoul", "day=tomorrow")
    assert code == 0 and out.startswith("Seoul, South Korea, ")
    services.stop()
    _, out, err = run_cli(capsys, tmp_path, "test", "weather", "place=Seoul", "day=tomorrow")
    assert out.startswith("Seoul, South Korea, ") and "kept from an earlier call" in err


def test_a_broken_mcp_file_does_not_stop_the_other_tools(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mcp.json").write_text("{", "utf-8")
    code, out, err = run_cli(capsys, tmp_path, "list")
    assert code == 0 and "calculator" in out and "The MCP settings" in err


def test_a_reader_that_leaves_early_is_no_error_and_a_broken_connection_no_end(tmp_path: Path) -> None:
    import os
    import signal
    import subprocess

    before = signal.getsignal(signal.SIGPIPE)
    cli.main(["tools", "list", "--data-dir", str(tmp_path), "--lang", "en"])
    assert signal.getsignal(signal.SIGPIPE) == before
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "core.cli", "tools", "list", "--data-dir", str(tmp_path)]
    done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_light_to_import() -> None:
    """The registry is asked in every run: it loads no library that only one tool needs."""
    import subprocess

    heavy = "mcp ddgs jsonschema lancedb langchain_core langgraph"
    code = (
        "import sys; from core.agent.tools import registry, runner; registry.builtin(); "
        f"print([name for name in {heavy.split()!r} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
