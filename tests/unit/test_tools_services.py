"""Weather and web search over real HTTP against STAND-INS of the services (tests/service_standins.py)."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from core.agent.tools import runner, web
from core.agent.tools.weather import ATTRIBUTION
from core.agent.tools.weather import TOOL as WEATHER
from core.agent.tools.web_search import TOOL as SEARCH
from core.agent.tools.wmo import weather_words
from core.session import Store, found_links
from tests.service_standins import Fault, Services
from tests.tool_ground import open_store, tool_context


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def services() -> Iterator[Services]:
    running = Services().start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "FIRST_WAIT_S", 0.001)


async def ask(store: Store, services: Services, tool: Any, question: str, **arguments: Any):
    settings = {
        "weather_url": services.url,
        "geocoding_url": services.url + "/",
        "searxng_url": services.url,
        **arguments.pop("settings", {}),
    }
    return await runner.run(tool, tool_context(store, question, **settings), arguments)


# -- weather ------------------------------------------------------------------------------------------


async def test_weather_in_korean_of_a_korean_place(store: Store, services: Services) -> None:
    result = await ask(store, services, WEATHER, "부산시 날씨 어때?", place="부산시")
    assert result.ok and result.answer.startswith(
        "부산, 대한민국의 현재 날씨는 구름 조금, 18.9°C(체감 17.9°C)"
    )
    assert "습도 40%" in result.answer and "강수 확률 10%" in result.answer
    assert ATTRIBUTION in result.text and ATTRIBUTION in result.answer
    # 부산시 is not known there, 부산 is; the language goes along.
    assert [query["name"] for query in services.seen("/v1/search")] == ["부산시", "부산"]
    assert services.seen("/v1/search")[0]["language"] == "ko"


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("Paris", "Paris, France"),
        ("Paris, Texas", "Paris, Texas, United States"),
        ("Paris USA", "Paris, Texas, United States"),
        ("Paris United States", "Paris, Texas, United States"),
        ("광주", "광주, 광주광역시, 대한민국"),
        ("경기도 광주시", "광주, 경기도, 대한민국"),
        ("경기 광주", "광주, 경기도, 대한민국"),
        ("Paris, Narnia", ""),
    ],
)
async def test_a_place_named_with_its_region(store: Store, services: Services, place: str, name: str) -> None:
    result = await ask(store, services, WEATHER, "weather there", place=place)
    assert result.data.get("place", "") == name and result.ok == bool(name)


async def test_tomorrow_the_week_and_other_units(store: Store, services: Services) -> None:
    tomorrow = await ask(
        store, services, WEATHER, "Weather in Seoul tomorrow?", place="Seoul", day="tomorrow"
    )
    assert tomorrow.ok and "light rain" in tomorrow.answer and "chance of rain 80%" in tomorrow.answer
    assert "now:" not in tomorrow.answer
    week = await ask(store, services, WEATHER, "Paris this week", place="Paris", day="week")
    assert week.text.count("\n- ") == 7 and "thunderstorm" in week.text
    hot = await ask(store, services, WEATHER, "Paris in Fahrenheit", place="Paris", units="imperial")
    assert "51.3°F" in hot.answer and "mph" in hot.answer
    assert services.seen("/v1/forecast")[-1]["temperature_unit"] == "fahrenheit"
    chosen = await ask(store, services, WEATHER, "Tokyo", place="Tokyo", settings={"units": "imperial"})
    assert "°F" in chosen.answer


async def test_a_place_nobody_knows_is_said_and_not_guessed(store: Store, services: Services) -> None:
    result = await ask(store, services, WEATHER, "weather in Atlantis", place="Atlantis")
    assert (result.ok, result.error) == (False, "error.weather.place")
    assert result.answer.startswith("No place called Atlantis was found.")
    assert services.seen("/v1/forecast") == []


@pytest.mark.parametrize(
    "body",
    [b"<html>sorry</html>", b"[]", b'{"current": {}}', b'{"current": {"temperature_2m": "hot"}}', b"\xff\xfe", b"[" * 100_000],
)  # fmt: skip
async def test_an_answer_that_makes_no_sense_is_no_weather(
    store: Store, services: Services, body: bytes
) -> None:
    services.fail("/v1/forecast", Fault(200, body))
    result = await ask(store, services, WEATHER, "Seoul weather", place="Seoul")
    assert (result.ok, result.error) == (False, "error.tool.answer")


async def test_what_the_service_leaves_out_is_left_out(store: Store, services: Services) -> None:
    bare = {"current": {"temperature_2m": 3, "weather_code": 1234}, "daily": {"time": ["2026-11-24"]}}
    services.fail("/v1/forecast", Fault(200, json.dumps(bare).encode()))
    result = await ask(store, services, WEATHER, "Seoul weather", place="Seoul")
    assert result.answer == f"Seoul, South Korea, now: WMO 1234, 3°C (as of —). ({ATTRIBUTION})"


async def test_trouble_that_passes_is_tried_again(store: Store, services: Services) -> None:
    services.fail("/v1/search", Fault(503), Fault(429, headers={"Retry-After": "0"}))
    result = await ask(store, services, WEATHER, "Seoul weather", place="Seoul")
    assert result.ok and result.attempts == 3
    services.fail("/v1/forecast", Fault(200, b'{"curr', cut=True))
    again = await ask(store, services, WEATHER, "Paris weather", place="Paris")
    assert again.ok and again.attempts == 2


async def test_what_is_wrong_with_the_request_is_not_tried_again(store: Store, services: Services) -> None:
    services.fail("/v1/forecast", Fault(400, b'{"error": true, "reason": "Latitude must be in range"}'))
    result = await ask(store, services, WEATHER, "Seoul weather", place="Seoul")
    assert (result.ok, result.attempts) == (False, 1)
    assert "HTTP 400 (Latitude must be in range)" in result.answer


async def test_weather_is_asked_for_once_in_ten_minutes_and_kept_for_bad_times(
    store: Store, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await ask(store, services, WEATHER, "Seoul weather", place="Seoul")
    second = await ask(store, services, WEATHER, "Seoul weather", place="Seoul")
    assert second.cached and second.text == first.text and len(services.seen("/v1/forecast")) == 1
    services.stop()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 7_200)
    old = await ask(store, services, WEATHER, "Seoul weather", place="Seoul")
    assert old.ok and old.answer.startswith("Open-Meteo cannot be reached") and "2 h old:" in old.answer
    assert first.answer in old.answer
    other = await ask(store, services, WEATHER, "Paris weather", place="Paris")
    assert (other.ok, other.error) == (False, "error.tool.unreachable")


async def test_a_service_that_never_answers_ends_with_a_sentence(
    store: Store, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "READ_S", 0.05)
    held = threading.Event()
    services.fail("/v1/search", *[Fault(hold=held) for _ in range(3)])
    result = await ask(store, services, WEATHER, "Seoul weather", place="Seoul")
    held.set()
    assert (result.ok, result.error, result.attempts) == (False, "error.tool.unreachable", 3)


def test_every_code_has_words_in_both_languages() -> None:
    assert (weather_words(0, "en"), weather_words(0, "ko")) == ("clear sky", "맑음")
    assert weather_words(None, "ko") == "N/A" and weather_words(42, "en") == "WMO 42"


def test_retry_after_is_seconds_or_a_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_764_000_000.0)
    assert web.retry_after("7") == 7.0
    assert web.retry_after("Mon, 24 Nov 2025 16:00:30 GMT") == pytest.approx(30.0)
    assert web.retry_after("Mon, 24 Nov 2025 15:00:00 GMT") == 0.0
    assert [web.retry_after(text) for text in (None, "", "soon", "-3")] == [None] * 4


# -- search -------------------------------------------------------------------------------------------


async def test_search_gives_numbered_results_whose_links_may_be_opened(
    store: Store, services: Services
) -> None:
    result = await ask(store, services, SEARCH, "search for green tea", query="green tea")
    assert result.text.startswith(f"[1] green tea: an overview\n{services.url}/page/tea\n")
    assert "[2] 한옥" in result.text and "javascript" not in result.text and "\x1b" not in result.text
    assert result.links == (f"{services.url}/page/tea", f"{services.url}/page/hanok")
    assert found_links.known(store, "s1", f"{services.url}/page/tea")
    assert not found_links.known(store, "other", f"{services.url}/page/tea")
    assert result.answer.startswith("Results for “green tea”:\n1. green tea: an overview — ")


async def test_nothing_found_is_an_answer(store: Store, services: Services) -> None:
    result = await ask(store, services, SEARCH, "찾아줘", query="nothing")
    assert result.ok and result.answer == "‘nothing’을(를) 웹에서 찾았지만 결과가 없습니다."


async def test_a_server_without_json_is_told_how_to_have_it(store: Store, services: Services) -> None:
    services.fail("/search", Fault(403, b"Forbidden"))
    result = await ask(store, services, SEARCH, "search tea", query="tea")
    assert (result.ok, result.error) == (False, "error.search.json") and "settings.yml" in result.answer


class _Engines:
    """FAKE ddgs: what the search-engine library does, without a network."""

    def __init__(self, act: Any) -> None:
        self.act = act
        self.threads: set[int] = set()

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        outer = self

        class DDGS:
            def __init__(self, **options: Any) -> None:
                pass

            def text(self, query: str, **options: Any) -> list[dict[str, Any]]:
                outer.threads.add(threading.get_ident())
                return outer.act(query, **options)

        module = ModuleType("ddgs")
        module.DDGS = DDGS  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "ddgs", module)


async def test_search_engines_are_asked_in_a_thread(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ddgs.exceptions")
    engines = _Engines(
        lambda query, **options: [{"title": "T", "href": "https://x.example/", "body": options["region"]}]
    )
    engines.install(monkeypatch)
    result = await runner.run(SEARCH, tool_context(store, "차 검색"), {"query": "차"})
    assert result.ok and result.text == "[1] T\nhttps://x.example/\nkr-kr"
    assert engines.threads and threading.get_ident() not in engines.threads


@pytest.mark.parametrize(
    ("name", "text", "online", "ok", "error", "calls"),
    [
        ("DDGSException", "No results found.", True, True, "", 1),
        ("DDGSException", "No results found.", False, False, "error.tool.unreachable", 2),
        (
            "DDGSException",
            "DNSError: long text with https://x/?q=secret",
            False,
            False,
            "error.tool.unreachable",
            2,
        ),
        ("TimeoutException", "operation timed out", True, False, "error.tool.unreachable", 2),
        ("RatelimitException", "202 Ratelimit", True, False, "error.tool.http", 2),
    ],
)
async def test_what_search_engines_say_when_they_fail(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    text: str,
    online: bool,
    ok: bool,
    error: str,
    calls: int,
) -> None:
    import ddgs.exceptions

    from core.agent.tools import web_search

    made: list[str] = []

    def fail(query: str, **options: Any) -> Any:
        made.append(query)
        raise getattr(ddgs.exceptions, name)(text)

    _Engines(fail).install(monkeypatch)
    monkeypatch.setattr(web_search, "_online", lambda: online)
    result = await runner.run(SEARCH, tool_context(store, "search tea"), {"query": "tea"})
    assert (result.ok, result.error, len(made)) == (ok, error, calls)
    assert "secret" not in result.text


async def test_many_searches_at_once_do_not_mix(store: Store, services: Services) -> None:
    results = await asyncio.gather(
        *(ask(store, services, SEARCH, f"q{n}", query=f"topic {n}") for n in range(8))
    )
    assert [f"topic {n}: an overview" in result.text for n, result in enumerate(results)] == [True] * 8


# -- the real network ----------------------------------------------------------------------------------


@pytest.mark.live
async def test_the_real_weather_service(store: Store) -> None:
    result = await runner.run(WEATHER, tool_context(store, "서울 날씨"), {"place": "서울"})
    assert result.ok and "°C" in result.answer and ATTRIBUTION in result.answer


@pytest.mark.live
async def test_real_search_engines(store: Store) -> None:
    result = await runner.run(SEARCH, tool_context(store, "search"), {"query": "Python programming language"})
    assert result.ok and result.links
