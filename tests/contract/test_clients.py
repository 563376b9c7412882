"""The official Ollama client and LangChain's, against the real engine."""

from __future__ import annotations

import json

import ollama
import pytest
from langchain_ollama import ChatOllama, OllamaEmbeddings

from tests.contract.conftest import CHAT, EMBED, Running

SHORT = {"num_predict": 8, "temperature": 0, "seed": 1}
HELLO = [{"role": "user", "content": "Say hello."}]


@pytest.fixture
def client(engine: Running) -> ollama.Client:
    return ollama.Client(engine.endpoint.url, headers=engine.headers)


def test_chat_answers_and_counts(client: ollama.Client) -> None:
    answer = client.chat(CHAT, HELLO, options=SHORT)
    assert answer.message.role == "assistant"
    assert answer.message.content
    assert answer.done and answer.done_reason in ("stop", "length")
    assert answer.prompt_eval_count > 10 and 1 <= answer.eval_count <= 8
    assert answer.total_duration >= answer.eval_duration > 0
    assert answer.load_duration > 0 and answer.prompt_eval_duration > 0


def test_streamed_chat_is_the_same_text(client: ollama.Client) -> None:
    whole = client.chat(CHAT, HELLO, options=SHORT).message.content
    chunks = list(client.chat(CHAT, HELLO, options=SHORT, stream=True))
    assert "".join(chunk.message.content for chunk in chunks) == whole
    assert [chunk.done for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert all(chunk.eval_count is None for chunk in chunks[:-1])


def test_cached_prompt_tokens_still_count(client: ollama.Client) -> None:
    first = client.chat(CHAT, HELLO, options=SHORT)
    second = client.chat(CHAT, HELLO, options=SHORT)
    assert first.prompt_eval_count == second.prompt_eval_count


def test_generate_gives_a_context_that_goes_on(client: ollama.Client) -> None:
    first = client.generate(CHAT, "My name is Ada.", options=SHORT)
    assert first.context
    second = client.generate(CHAT, "And mine is Bob.", context=first.context, options=SHORT)
    assert second.prompt_eval_count > len(first.context)
    assert len(second.context) > len(first.context)


def test_raw_generate_has_no_template(client: ollama.Client) -> None:
    answer = client.generate(CHAT, "Once upon a", raw=True, options=SHORT)
    assert answer.prompt_eval_count <= 5
    assert answer.context is None


def test_schema_holds(client: ollama.Client) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Seoul", "Busan"]}, "people": {"type": "integer"}},
        "required": ["city", "people"],
        "additionalProperties": False,
    }
    answer = client.chat(CHAT, HELLO, format=schema, options={**SHORT, "num_predict": 60})
    value = json.loads(answer.message.content)
    assert value["city"] in ("Seoul", "Busan")
    assert isinstance(value["people"], int)


def test_logprobs_belong_to_the_text(client: ollama.Client) -> None:
    answer = client.chat(CHAT, HELLO, logprobs=True, top_logprobs=3, options=SHORT)
    assert "".join(entry.token for entry in answer.logprobs) == answer.message.content
    for entry in answer.logprobs:
        assert entry.logprob <= 0
        assert 1 <= len(entry.top_logprobs) <= 3


def test_logprobs_with_a_schema_belong_to_the_text(client: ollama.Client) -> None:
    schema = {"type": "string", "enum": ["calculator", "search", "none"]}
    answer = client.chat(
        CHAT, HELLO, format=schema, logprobs=True, top_logprobs=5, options={**SHORT, "num_predict": 16}
    )
    assert "".join(entry.token for entry in answer.logprobs) == answer.message.content


def test_stop_text_is_left_out(client: ollama.Client) -> None:
    counting = [{"role": "user", "content": "Count: 1, 2, 3, 4, 5, 6, 7, 8"}]
    free = client.chat(CHAT, counting, options={**SHORT, "num_predict": 24}).message.content
    stop = free[4:8]
    answer = client.chat(CHAT, counting, options={**SHORT, "num_predict": 24, "stop": [stop]})
    assert answer.message.content == free[: free.index(stop)]
    assert answer.done_reason == "stop"


def test_the_same_seed_gives_the_same_text(client: ollama.Client) -> None:
    options = {"num_predict": 12, "temperature": 1.0, "seed": 42}
    texts = {client.generate(CHAT, "A story:", options=options).response for _ in range(3)}
    assert len(texts) == 1


def test_embeddings_are_unit_vectors(client: ollama.Client) -> None:
    answer = client.embed(EMBED, ["A cat sleeps.", "고양이가 잔다.", "Stock prices fell."])
    cat, katze, stocks = answer.embeddings
    assert len(cat) == 512
    assert sum(value * value for value in cat) == pytest.approx(1, abs=1e-3)
    dot = lambda a, b: sum(x * y for x, y in zip(a, b, strict=True))  # noqa: E731
    assert dot(cat, katze) > dot(cat, stocks)
    assert answer.prompt_eval_count > 3
    assert len(client.embeddings(EMBED, "A cat sleeps.").embedding) == 512
    assert len(client.embed(EMBED, "x", dimensions=64).embeddings[0]) == 64


def test_list_show_and_ps(client: ollama.Client) -> None:
    client.generate(CHAT)
    listed = {model.model: model for model in client.list().models}
    assert len(listed[CHAT].digest) == 64 and listed[CHAT].size > 90_000_000
    shown = client.show(CHAT)
    assert shown.capabilities == ["completion"]
    assert shown.modelinfo["general.architecture"] == "llama"
    assert shown.modelinfo["general.parameter_count"] > 134_000_000
    assert shown.details.quantization_level == "Q4_1"
    assert client.show(EMBED).capabilities == ["embedding"]
    loaded = {model.model: model for model in client.ps().models}
    assert loaded[CHAT].size > 0 and loaded[CHAT].context_length == 1024


def test_copy_and_delete_are_aliases(client: ollama.Client) -> None:
    client.copy(CHAT, "my-alias")
    assert client.chat("my-alias", HELLO, options=SHORT).model == "my-alias"
    client.delete("my-alias")
    with pytest.raises(ollama.ResponseError) as caught:
        client.chat("my-alias", HELLO)
    assert caught.value.status_code == 404
    assert client.chat(CHAT, HELLO, options=SHORT).done


def test_pull_of_what_is_here(client: ollama.Client) -> None:
    assert [part.status for part in client.pull(CHAT, stream=True)][-1] == "success"
    with pytest.raises(ollama.ResponseError, match="pull model manifest: file does not exist"):
        list(client.pull("llama3.1", stream=True))


def test_errors_of_the_official_client(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match="model 'nope' not found"):
        client.chat("nope", HELLO)
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    with pytest.raises(ollama.ResponseError, match="does not support tools") as caught:
        client.chat(CHAT, HELLO, tools=[tool])
    assert caught.value.status_code == 400


async def test_async_client(engine: Running) -> None:
    client = ollama.AsyncClient(engine.endpoint.url, headers=engine.headers)
    text = ""
    async for chunk in await client.chat(CHAT, HELLO, options=SHORT, stream=True):
        text += chunk.message.content
    assert text == (await client.chat(CHAT, HELLO, options=SHORT)).message.content


async def test_langchain_chat_and_embeddings(engine: Running) -> None:
    kwargs = {"headers": engine.headers}
    chat = ChatOllama(
        model=CHAT,
        base_url=engine.endpoint.url,
        client_kwargs=kwargs,
        num_predict=8,
        validate_model_on_init=True,
    )
    answer = await chat.ainvoke("Say hello.")
    assert answer.content and answer.usage_metadata["output_tokens"] >= 1
    assert answer.response_metadata["done_reason"] in ("stop", "length")
    embeddings = OllamaEmbeddings(model=EMBED, base_url=engine.endpoint.url, client_kwargs=kwargs)
    assert len(await embeddings.aembed_query("x")) == 512
