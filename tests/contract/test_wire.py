"""The wire format, byte for byte where clients depend on it: lines, statuses, error texts, headers."""

from __future__ import annotations

import base64
import http.client
import json
import struct
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contract.conftest import CHAT, EMBED, Running

HELLO = [{"role": "user", "content": "Say hello."}]
OPTIONS = {"num_predict": 6, "temperature": 0, "seed": 1}


def test_stream_is_ascii_lines_without_blanks(http: httpx.Client) -> None:
    korean = [{"role": "user", "content": "한국어로 인사해 주세요 🎉"}]
    answer = http.post("/api/chat", json={"model": CHAT, "messages": korean, "options": OPTIONS})
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.content.isascii() and answer.content.endswith(b"\n")
    lines = [json.loads(line) for line in answer.content[:-1].split(b"\n")]
    assert all(line["message"]["role"] == "assistant" and "content" in line["message"] for line in lines)
    assert "�" not in "".join(line["message"]["content"] for line in lines)
    final = lines[-1]
    assert final["done"] is True
    for name in ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration"):
        assert isinstance(final[name], int) and final[name] > 0
    assert "context" not in final


def test_characters_split_over_tokens_arrive_whole(http: httpx.Client) -> None:
    """SmolLM2 spells Hangul and emoji in bytes: each character takes two or three tokens."""
    body = {
        "model": CHAT,
        "prompt": "한국어 🎉 안녕하세요 세계 한국어 🎉 안녕하세요 세계 한국어 🎉 안녕",
        "raw": True,
    }
    for limit in range(1, 9):
        sampling = {"num_predict": limit, "temperature": 0}
        answer = http.post("/api/generate", json={**body, "options": sampling})
        text = "".join(json.loads(line)["response"] for line in answer.text.splitlines())
        assert "�" not in text


def test_the_content_type_of_the_request_is_ignored(http: httpx.Client) -> None:
    body = json.dumps({"model": CHAT, "messages": HELLO, "stream": False, "options": OPTIONS})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = http.post("/api/chat", content=body + " trailing", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


def test_what_the_go_client_always_sends_is_accepted(http: httpx.Client) -> None:
    extra = {"options": None, "tools": [], "format": "", "name": "", "keep_alive": None, "think": None}
    body = {"model": CHAT, "messages": [{"role": "user"}, *HELLO], "stream": False, **extra}
    body["options"] = {"num_predict": 2, "temperature": None, "mirostat": 1, "tfs_z": None, "numa": "x"}
    assert http.post("/api/chat", json=body).status_code == 200


def test_root_answers_get_and_head(http: httpx.Client) -> None:
    assert http.get("/").text == "Ollama is running"
    for path in ("/", "/api/version", "/api/tags"):
        head = http.head(path)
        assert head.status_code == 200 and head.content == b""
    assert http.get("/nowhere").status_code == 404
    assert http.get("/api/chat").status_code == 405
    assert http.get("/api/status").json()["cloud"]["disabled"] is True


CHAT_BODY = {"model": CHAT, "messages": HELLO, "stream": False}
GENERATE_BODY = {"model": CHAT, "prompt": "x", "stream": False}


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/api/chat", None, 400, "missing request body"),
        ("/api/chat", {"messages": HELLO}, 400, "model is required"),
        ("/api/generate", {"prompt": "x"}, 404, "model '' not found"),
        ("/api/chat", {"model": "a b", "messages": HELLO}, 400, "invalid model name"),
        ("/api/chat", {"model": "nope", "messages": HELLO}, 404, "model 'nope' not found"),
        ("/api/show", {"model": "nope"}, 404, "model 'nope:latest' not found"),
        ("/api/show", {}, 400, "model is required"),
        ("/api/embed", {"model": "nope", "input": "x"}, 404, 'model "nope" not found, try pulling it first'),
        ("/api/chat", {"model": EMBED, "messages": HELLO}, 400, f'"{EMBED}" does not support chat'),
        ("/api/generate", {"model": EMBED, "prompt": "x"}, 400, f'"{EMBED}" does not support generate'),
        (
            "/api/chat",
            {**CHAT_BODY, "tools": [{"type": "function"}]},
            400,
            f"registry.ollama.ai/library/{CHAT} does not support tools",
        ),
        (
            "/api/generate",
            {**GENERATE_BODY, "suffix": "y"},
            400,
            f"registry.ollama.ai/library/{CHAT} does not support insert",
        ),
        ("/api/chat", {**CHAT_BODY, "think": True}, 400, f'"{CHAT}" does not support thinking'),
        (
            "/api/chat",
            {**CHAT_BODY, "think": "x"},
            400,
            'invalid think value: "x" (must be "high", "medium", "low", "max", true, or false)',
        ),
        ("/api/chat", {**CHAT_BODY, "top_logprobs": 21}, 400, "top_logprobs must be between 0 and 20"),
        (
            "/api/chat",
            {**CHAT_BODY, "options": {"temperature": "hot"}},
            500,
            'option "temperature" must be of type float32',
        ),
        ("/api/chat", {**CHAT_BODY, "options": {"stop": "x"}}, 500, 'option "stop" must be of type array'),
        (
            "/api/chat",
            {**CHAT_BODY, "format": "xml"},
            500,
            'invalid format: "\\"xml\\""; expected "json" or a valid JSON Schema object',
        ),
        ("/api/chat", {**CHAT_BODY, "keep_alive": "300"}, 400, 'time: missing unit in duration "300"'),
        ("/api/chat", {**CHAT_BODY, "keep_alive": True}, 400, "Unsupported type: 'bool'"),
        (
            "/api/generate",
            {**GENERATE_BODY, "raw": True, "system": "y"},
            400,
            "raw mode does not support template, system, or context",
        ),
        ("/api/embed", {"model": EMBED, "input": 5}, 400, "invalid input type"),
        (
            "/api/embed",
            {"model": EMBED, "input": "word " * 3000, "truncate": False},
            400,
            "the input length exceeds the context length",
        ),
        (
            "/api/embed",
            {"model": CHAT, "input": "x"},
            501,
            "This server does not support embeddings. Start it with `--embeddings`",
        ),
        ("/api/copy", {"source": "nope", "destination": "x"}, 404, 'model "nope" not found'),
        (
            "/api/chat",
            {"model": "gpt-oss:20b-cloud", "messages": HELLO},
            403,
            "ollama cloud is disabled: remote model is unavailable",
        ),
        ("/api/pull", {"model": "nope", "stream": False}, 500, "pull model manifest: file does not exist"),
    ],
)
def test_errors_as_ollama_words_them(
    http: httpx.Client, path: str, body: dict | None, status: int, text: str
) -> None:
    answer = http.post(path, content=b"" if body is None else json.dumps(body))
    assert (answer.status_code, answer.json()) == (status, {"error": text})


@pytest.mark.parametrize("raw", [b"{", b"[1]", b"nonsense", b'{"model": 5}', b'{"model":"m","stream":"yes"}'])
def test_broken_bodies_are_the_callers_fault(http: httpx.Client, raw: bytes) -> None:
    answer = http.post("/api/chat", content=raw)
    assert answer.status_code == 400 and isinstance(answer.json()["error"], str)


def test_a_prompt_longer_than_the_context_is_refused(http: httpx.Client) -> None:
    body = {"model": CHAT, "messages": [{"role": "user", "content": "word " * 3000}]}
    for stream in (True, False):
        answer = http.post("/api/chat", json={**body, "stream": stream})
        assert answer.status_code == 400
        assert "exceeds the available context size (1024 tokens)" in answer.json()["error"]


def test_a_schema_that_cannot_be_held_is_refused(http: httpx.Client) -> None:
    for schema in ({"type": "nonsense"}, {"$ref": "#/nope"}, {"type": "object", "not": {"type": "string"}}):
        body = {**CHAT_BODY, "format": schema, "options": {"num_predict": 20, "temperature": 0}}
        answer = http.post("/api/chat", json=body)
        assert answer.status_code == 400 and answer.json()["error"].startswith("invalid format")


def test_lone_surrogates_do_no_harm(http: httpx.Client) -> None:
    body = '{"model":"%s","stream":false,"options":{"num_predict":2},"messages":[{"role":"user","content":"a\\ud800b"}]}'
    assert http.post("/api/chat", content=body % CHAT).status_code == 200
    assert http.post("/api/embed", content='{"input":"\\udfff","model":"' + EMBED + '"}').status_code == 200


def test_nothing_without_the_token(engine: Running) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        for path in ("/", "/api/version", "/api/tags", "/v1/models"):
            answer = httpx.get(engine.endpoint.url + path, headers=headers)
            assert answer.status_code == 401 and "unauthorized" in json.dumps(answer.json())


def test_a_strange_host_or_origin_is_refused(http: httpx.Client) -> None:
    assert http.get("/api/tags", headers={"Host": "evil.example.com"}).status_code == 403
    assert http.get("/api/tags", headers={"Host": "localhost:1"}).status_code == 200
    assert http.get("/api/tags", headers={"Origin": "https://evil.example.com"}).status_code == 403
    good = http.get("/api/tags", headers={"Origin": "http://localhost:3000"})
    assert good.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert http.options("/api/chat", headers={"Origin": "http://localhost:3000"}).status_code == 204


def test_a_body_without_end_is_refused(engine: Running) -> None:
    address = urlsplit(engine.endpoint.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    filler = (b" " * (1 << 20) for _ in range(40))
    try:
        connection.request("POST", "/api/chat", filler, {**engine.headers, "Transfer-Encoding": "chunked"})
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # It stopped reading: as good.
    finally:
        connection.close()


def test_empty_embeddings(http: httpx.Client) -> None:
    assert http.post("/api/embed", json={"model": EMBED, "input": []}).json()["embeddings"] == []
    assert http.post("/api/embeddings", json={"model": EMBED, "prompt": ""}).json() == {"embedding": []}


class TestOpenAI:
    """The /v1 routes."""

    def test_chat_completion(self, http: httpx.Client) -> None:
        body = {"model": CHAT, "messages": HELLO, "max_tokens": 5, "temperature": 0}
        answer = http.post("/v1/chat/completions", json=body).json()
        assert answer["object"] == "chat.completion" and answer["choices"][0]["message"]["content"]
        usage = answer["usage"]
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]

    def test_stream(self, http: httpx.Client) -> None:
        body = {"model": CHAT, "messages": HELLO, "max_tokens": 5, "temperature": 0}
        whole = http.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]["content"]
        options = {"stream": True, "stream_options": {"include_usage": True}}
        answer = http.post("/v1/chat/completions", json={**body, **options})
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = answer.text.strip().split("\n\n")
        assert events[-1] == "data: [DONE]"
        chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-1]]
        deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
        assert "".join(delta.get("content", "") for delta in deltas) == whole
        assert [("role" in delta) for delta in deltas] == [True] + [False] * (len(deltas) - 1)
        assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["completion_tokens"] >= 1

    def test_json_schema(self, http: httpx.Client) -> None:
        schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
        wanted = {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": schema | {"additionalProperties": False}},
        }
        body = {
            "model": CHAT,
            "messages": HELLO,
            "max_tokens": 40,
            "temperature": 0,
            "response_format": wanted,
        }
        answer = http.post("/v1/chat/completions", json=body).json()
        assert isinstance(json.loads(answer["choices"][0]["message"]["content"])["n"], int)

    def test_completion_embeddings_and_models(self, http: httpx.Client) -> None:
        text = http.post("/v1/completions", json={"model": CHAT, "prompt": "Hi", "max_tokens": 4}).json()
        assert text["object"] == "text_completion" and "text" in text["choices"][0]
        plain = http.post("/v1/embeddings", json={"model": EMBED, "input": ["a"]}).json()["data"][0][
            "embedding"
        ]
        packed = {"model": EMBED, "input": "a", "encoding_format": "base64"}
        raw = http.post("/v1/embeddings", json=packed).json()["data"][0]["embedding"]
        assert struct.unpack("<512f", base64.b64decode(raw)) == pytest.approx(plain)
        assert CHAT in [entry["id"] for entry in http.get("/v1/models").json()["data"]]
        assert http.get(f"/v1/models/{CHAT}").json()["id"] == CHAT

    def test_errors(self, http: httpx.Client) -> None:
        answer = http.post("/v1/chat/completions", json={"model": "nope", "messages": HELLO})
        assert answer.status_code == 404 and answer.json()["error"]["type"] == "not_found_error"
        answer = http.post("/v1/chat/completions", json={"model": CHAT, "messages": []})
        assert answer.json()["error"]["message"] == "[] is too short - 'messages'"
