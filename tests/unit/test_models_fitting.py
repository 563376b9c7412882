"""Where the header of a model that is not here yet comes from."""

from __future__ import annotations

import socket

import pytest

from core.errors import StudyError
from core.fit import estimate, sentence
from core.gguf.header import parse
from core.models.fitting import REGISTRY_VARIABLE, Fitter
from core.settings import Settings
from tests.gguf_files import gguf, string, tensor, u32


@pytest.fixture
def no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry nobody answers at: a port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    monkeypatch.setenv(REGISTRY_VARIABLE, f"http://127.0.0.1:{port}")


async def test_a_well_known_model_is_judged_without_a_network(no_registry: None) -> None:
    report = await Fitter(Settings()).report(None, "llama2:7b", 4096, 1)
    assert report.estimate
    terms = {term.name: term.bytes for term in report.estimate.terms}
    assert terms["kv_cache"] == 2 * 2**30
    assert 3.4 * 2**30 < terms["weights"] < 3.7 * 2**30
    assert not report.estimate.exact_weights
    assert "built-in table" in report.source and "127.0.0.1" in report.source
    assert sentence(report).startswith("llama2:7b needs 5.6 GiB")


async def test_an_unknown_model_without_a_network_says_what_could_not_be_reached(no_registry: None) -> None:
    with pytest.raises(StudyError) as caught:
        await Fitter(Settings()).report(None, "nobody/knows:this", None, None)
    assert "127.0.0.1" in caught.value.message


@pytest.mark.parametrize(
    ("version", "twice"), [("0.24.0", True), ("0.33.0-rc2", False), ("0.0.0", False), ("", False)]
)
def test_ollamas_own_engine_keeps_a_tied_table_twice(version: str, twice: bool) -> None:
    header = parse(gguf(
        [string("general.architecture", "gemma3"), u32("gemma3.block_count", 2), u32("gemma3.embedding_length", 640),
         u32("gemma3.attention.head_count", 4), u32("gemma3.attention.head_count_kv", 1),
         u32("gemma3.context_length", 2048)],
        [tensor("token_embd.weight", (640, 2048), 8)],
    ))  # fmt: skip
    plan = Fitter(Settings()).plan("ollama", header, 512, 1, version)
    terms = {term.name: term.bytes for term in estimate(header, plan, model="gemma3:270m").terms}
    assert plan.tied_twice is twice and terms.get("tied") == (terms["weights"] if twice else None)
