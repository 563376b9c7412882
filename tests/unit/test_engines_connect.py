"""Which engine is chosen, against small FAKE servers on loopback and a FAKE supervisor (labelled as such)."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from core.engines import EMBED_MODEL, Engine, discovery
from core.engines.local import ServerProcess
from core.errors import NoEngineError, StudyError, UsageError
from core.ollama.errors import BadAnswer, EngineUnreachable, ModelMissing
from core.settings import Settings
from tests.engine_fakes import (  # noqa: F401 - fixtures by the names without _fixture
    FakeSupervisor,
    Serve,
    World,
    embedded_fixture,
    embedded_routes,
    ollama,
    parse,
    serve_fixture,
    world_fixture,
)


async def test_the_environments_ollama_comes_first(world: World, serve: Serve, embedded: list[Any]) -> None:
    server = await serve(ollama("old:1b", "llama2:7b"))
    engine = await world.connect(environ={"OLLAMA_HOST": f"127.0.0.1:{server.port}"})
    assert (engine.kind, engine.url, engine.version, engine.model) == (
        "ollama",
        server.url,
        "0.33.0",
        "llama2:7b",
    )
    assert engine.details is not None and engine.details.parameter_count == 7_000_000_000
    assert engine.status.state == "ready" and engine.status.model == "llama2:7b" and not engine.status.detail
    assert world.statuses[-1] == engine.status
    assert embedded == []


async def test_the_setting_goes_before_the_environment(world: World, serve: Serve) -> None:
    first, second = await serve(ollama("a:1b")), await serve(ollama("b:1b"))
    engine = await world.connect(environ={"OLLAMA_HOST": first.url}, ollama_host=second.url)
    assert engine.url == second.url and first.asked == []


async def test_the_usual_port_is_tried_next_and_the_reason_is_told(
    world: World, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await serve(ollama("a:1b"))
    monkeypatch.setattr(discovery, "parse_host", lambda value: parse(value) if value else server.url)
    engine = await world.connect(environ={"OLLAMA_HOST": "127.0.0.1:2"})
    assert engine.url == server.url
    assert "127.0.0.1:2" in engine.status.detail
    await engine.refresh()
    assert "127.0.0.1:2" in engine.status.detail, "a poll does not wipe it"


async def test_without_any_ollama_the_embedded_engine_starts(
    world: World, embedded: list[FakeSupervisor]
) -> None:
    engine = await world.connect(parallel=2, num_ctx=1024)
    assert (engine.kind, engine.model, engine.version) == ("embedded", "smollm2:135m", "llm-study 9.9")
    assert (embedded[0].config.parallel, embedded[0].config.num_ctx) == (2, 1024)
    assert [status.state for status in world.statuses] == ["starting", "ready"]
    assert engine.status.detail == "" and engine.status.pid == 4242
    assert engine.root_pids() == [4242]
    assert engine.chat_client_kwargs()["headers"] == {"Authorization": "Bearer s3cret"}
    assert "s3cret" not in repr(world.statuses)
    await engine.close()
    await engine.close()
    assert embedded[0].stopped == 1


@pytest.mark.parametrize(
    "routes",
    [
        {"/api/version": "<html>hello</html>"},
        {"/api/version": {"hello": "world"}},
        {"/api/version": (500, {"error": "x"})},
        ollama(),
        ollama("nomic-embed"),
    ],
)
async def test_what_cannot_chat_is_passed_over(
    world: World, serve: Serve, embedded: list[Any], routes: dict[str, Any]
) -> None:
    server = await serve(routes)
    engine = await world.connect(environ={"OLLAMA_HOST": server.url})
    assert engine.kind == "embedded" and len(embedded) == 1
    assert str(server.port) in engine.status.detail, "the user pointed there: say why it is not used"


async def test_a_server_that_never_answers_is_given_up_soon(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "LOCAL_SECONDS", 0.05)
    silent = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    try:
        port = silent.sockets[0].getsockname()[1]
        engine = await world.connect(environ={"OLLAMA_HOST": f":{port}"})
        assert engine.kind == "embedded"
        with pytest.raises(NoEngineError):
            await world.connect(engine="ollama", environ={"OLLAMA_HOST": f":{port}"})
    finally:
        silent.close()


async def test_an_explicit_choice_never_falls_through(
    world: World, serve: Serve, embedded: list[Any]
) -> None:
    with pytest.raises(NoEngineError, match=r"127\.0\.0\.1:2") as caught:
        await world.connect(engine="ollama", environ={"OLLAMA_HOST": ":2"})
    assert caught.value.exit_code == 3 and "ollama serve" in caught.value.fix
    other = await serve({"/api/version": "<html>"})
    with pytest.raises(BadAnswer):
        await world.connect(engine="ollama", ollama_host=other.url)
    empty = await serve(ollama())
    with pytest.raises(NoEngineError, match="no model") as none:
        await world.connect(engine="ollama", ollama_host=empty.url)
    assert none.value.exit_code == 3
    assert embedded == []
    server = await serve(ollama("a:1b"))
    engine = await world.connect(engine="embedded", ollama_host=server.url)
    assert engine.kind == "embedded" and server.asked == []


async def test_a_model_that_is_not_there_lists_what_is(
    world: World, serve: Serve, embedded: list[Any]
) -> None:
    server = await serve(ollama("a:1b", "b:latest"))
    for choice in ("auto", "ollama"):
        with pytest.raises(ModelMissing, match="a:1b, b:latest"):
            await world.connect(engine=choice, ollama_host=server.url, model="zephyr")
    assert embedded == []
    with pytest.raises(ModelMissing, match="smollm2:135m"):
        await world.connect(engine="embedded", model="zephyr")
    assert embedded[0].stopped == 1, "an engine that cannot be used is not left running"


async def test_names_are_compared_as_ollama_does(world: World, serve: Serve) -> None:
    server = await serve(ollama("Llama2:latest", "b:1b"))
    assert (await world.connect(ollama_host=server.url, model="llama2")).model == "Llama2:latest"
    assert (await world.connect(ollama_host=server.url, model="B:1B")).model == "b:1b"


async def test_the_embedded_engines_model_leads_to_it_past_an_ollama_without_it(
    world: World, serve: Serve, embedded: list[Any]
) -> None:
    server = await serve(ollama("a:1b"))
    engine = await world.connect(ollama_host=server.url, model="smollm2:135m")
    assert engine.kind == "embedded" and "smollm2:135m" in engine.status.detail


async def test_a_model_of_somebody_elses_machine_is_not_chosen_unasked(world: World, serve: Serve) -> None:
    routes = ollama("local:1b")
    cloud = {"model": "big:cloud", "modified_at": "2026-09-01T00:00:00Z", "remote_host": "https://ollama.com"}
    routes["/api/tags"]["models"].append(cloud)
    server = await serve(routes)
    assert (await world.connect(ollama_host=server.url)).model == "local:1b"
    assert (await world.connect(ollama_host=server.url, model="big:cloud")).model == "big:cloud"


async def test_a_gguf_file_goes_to_the_embedded_engine(world: World, serve: Serve, tmp_path: Path) -> None:
    server = await serve(ollama("a:1b"))
    with pytest.raises(UsageError):
        await world.connect(ollama_host=server.url, model=str(tmp_path / "none.gguf"))
    assert server.asked == []


async def test_the_key_goes_only_where_the_user_pointed(
    world: World, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await serve(ollama("a:1b"))
    engine = await world.connect(environ={"OLLAMA_HOST": server.url, "OLLAMA_API_KEY": "k3y"})
    assert engine.token == "k3y" and server.asked[0][1]["authorization"] == "Bearer k3y"
    usual = await serve(ollama("a:1b"))
    monkeypatch.setattr(discovery, "parse_host", lambda value: parse(value) if value else usual.url)
    await world.connect(environ={"OLLAMA_API_KEY": "k3y"})
    assert all("authorization" not in headers for _, headers, _ in usual.asked)


async def test_a_failure_of_the_embedded_engine_says_where_its_log_is(world: World) -> None:
    FakeSupervisor.fail = OSError("no space left")
    with pytest.raises(NoEngineError, match="no space left") as caught:
        await world.connect(engine="embedded")
    assert "engine.log" in caught.value.fix
    FakeSupervisor.fail = ImportError("No module named 'uvicorn'")
    with pytest.raises(NoEngineError, match="uvicorn"):
        await world.connect(engine="embedded")


async def test_after_a_restart_the_client_follows(
    world: World, serve: Serve, embedded: list[FakeSupervisor]
) -> None:
    engine = await world.connect()
    first = engine.client
    embedded[0].die()
    assert engine.status.state == "restarting" and "killed" in engine.status.detail
    assert engine.root_pids() == [] and engine.status.pid is None
    assert (await engine.refresh()).state == "restarting"
    moved = await serve(embedded_routes())
    embedded[0].come_back(moved)
    assert engine.status.state == "ready" and engine.status.detail == "" and engine.status.pid == 4343
    assert engine.url == moved.url == engine.chat_client_kwargs()["base_url"] == engine.status.url
    assert engine.client is not first
    assert await engine.client.version() == "llm-study 9.9"
    embedded[0].on_state("down", "it keeps dying")
    assert engine.status.state == "down" and "keeps dying" in engine.status.detail


async def test_refresh_tells_slots_queue_and_context(world: World, serve: Serve) -> None:
    engine = await world.connect()
    status = await engine.refresh()
    assert (status.state, status.slots_busy, status.slots, status.queue) == ("generating", 1, 4, 2)
    assert status.context_length == 4096
    told = len(world.statuses)
    await engine.refresh()
    assert len(world.statuses) == told, "nothing changed: nothing told"


async def test_an_ollama_that_goes_away_is_down_and_comes_back(world: World, serve: Serve) -> None:
    server = await serve(ollama("a:1b"))
    engine = await world.connect(ollama_host=server.url)
    server.stop()
    status = await engine.refresh()
    assert status.state == "down" and str(server.port) in status.detail
    server._server = await asyncio.start_server(server._serve, "127.0.0.1", server.port)
    status = await engine.refresh()
    assert (status.state, status.detail, status.context_length) == ("ready", "", 4096)


async def test_embedding_goes_in_batches_to_the_embedded_engine(
    world: World, embedded: list[FakeSupervisor]
) -> None:
    engine = await world.connect()
    vectors = await engine.embed(["x" * length for length in range(70)])
    assert vectors == [[float(length)] for length in range(70)]
    sizes = [len(body["input"]) for path, _, body in FakeSupervisor.server.asked if path == "/api/embed"]
    assert sizes == [32, 32, 6]
    assert await engine.embed([]) == [] and len(embedded) == 1


async def test_beside_an_ollama_one_embedding_engine_is_started_when_it_is_needed(
    world: World, serve: Serve, embedded: list[FakeSupervisor]
) -> None:
    server = await serve(ollama("a:1b"))
    engine = await world.connect(ollama_host=server.url)
    assert embedded == []
    await asyncio.gather(engine.embed(["a"]), engine.embed(["bb"]))
    assert len(embedded) == 1 and embedded[0].config.chat is False
    assert engine.status.kind == "ollama" and engine.status.state == "ready"
    embedded[0].on_state("down", "kept dying")
    assert await engine.embed(["ccc"]) == [[3.0]]
    assert len(embedded) == 2 and embedded[0].stopped == 1
    await engine.close()
    assert embedded[1].stopped == 1
    with pytest.raises(StudyError):
        await engine.embed(["d"])


async def test_an_engine_that_is_down_raises_what_it_says(world: World) -> None:
    engine = Engine("embedded", Settings(), world.paths, world.statuses.append)
    with pytest.raises(EngineUnreachable):
        _ = engine.client


def test_the_embedding_models_name_is_the_embedded_engines() -> None:
    from core.embedded import registry

    assert registry.EMBED_MODEL == EMBED_MODEL
    assert registry.CHAT_MODEL == discovery.EMBEDDED_MODEL


# --- Which process listens ---------------------------------------------------------------------------------------


async def test_the_listening_process_is_found_and_another_machines_is_not(serve: Serve) -> None:
    server = await serve({})
    if sys.platform == "linux":
        assert ServerProcess(server.url).pids() == [os.getpid()]
    assert ServerProcess("http://192.0.2.1:11434").pids() == []
    assert ServerProcess("http://192.0.2.1:11434", pid=os.getpid()).pids() == [], "not called ollama"
