"""The engine's pure parts: names, options, GGUF headers, messages, who may talk to it."""

from __future__ import annotations

import math
import struct
import tracemalloc
from pathlib import Path

import pytest

from core.embedded.guard import host_allowed
from core.embedded.messages import native_messages
from core.embedded.names import name_for_file, parse
from core.embedded.options import parse_duration, parse_format, parse_keep_alive, parse_options
from core.embedded.wire import ApiError, dump, parse_body
from core.gguf import GgufError, read_header


def text(value: str | bytes) -> bytes:
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(raw)) + raw


def gguf(keys: bytes = b"", *, key_count: int = 0, tensors: bytes = b"", tensor_count: int = 0) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, tensor_count, key_count) + keys + tensors


ARCHITECTURE = text("general.architecture") + struct.pack("<I", 8) + text("llama")


def write(path: Path, content: bytes) -> Path:
    file = path / "m.gguf"
    file.write_bytes(content)
    return file


class TestGguf:
    def test_a_good_header(self, tmp_path: Path) -> None:
        keys = ARCHITECTURE
        keys += text("general.file_type") + struct.pack("<II", 4, 15)
        keys += text("llama.context_length") + struct.pack("<II", 4, 4096)
        template = "{% if tools %}<tool_call>{% endif %}"
        keys += text("tokenizer.chat_template") + struct.pack("<I", 8) + text(template)
        keys += text("tokens") + struct.pack("<IIQ", 9, 8, 6) + text("a") * 6
        keys += text("few") + struct.pack("<IIQ", 9, 4, 2) + struct.pack("<II", 1, 2)
        tensors = text("t") + struct.pack("<IQQIQ", 2, 10, 20, 0, 0)
        content = gguf(keys, key_count=6, tensors=tensors, tensor_count=1)
        header = read_header(write(tmp_path, content))
        assert (header.architecture, header.quantization) == ("llama", "Q4_K_M")
        assert header.number("context_length") == 4096 and header.parameter_count == 200
        assert header.metadata["tokens"] == [] and header.metadata["few"] == [1, 2]
        assert header.capabilities == ["completion", "tools"]

    @pytest.mark.parametrize(
        "content",
        [
            b"", b"GGUF", b"PK\x03\x04" + b"x" * 40, b"GGUF" + struct.pack("<IQQ", 1, 0, 0),
            gguf(key_count=2**63), gguf(tensor_count=2**40), gguf(key_count=1),
            gguf(struct.pack("<Q", 2**62) + b"abc", key_count=1),
            gguf(text("k") + struct.pack("<I", 8) + struct.pack("<Q", 2**40), key_count=1),
            gguf(text("k") + struct.pack("<IIQ", 9, 4, 2**60), key_count=1),
            gguf(text("k") + struct.pack("<IIQ", 9, 8, 100) + text("a") * 99, key_count=1),
            gguf(text("k") + struct.pack("<IIQ", 9, 9, 3), key_count=1),
            gguf(text("k") + struct.pack("<I", 99), key_count=1),
            gguf(tensors=text("t") + struct.pack("<I", 2**31), tensor_count=1),
        ],
    )  # fmt: skip
    def test_a_lying_header_is_an_error_and_costs_no_memory(self, tmp_path: Path, content: bytes) -> None:
        file = write(tmp_path, content)
        tracemalloc.start()
        try:
            with pytest.raises((GgufError, ValueError)):
                read_header(file)
            assert tracemalloc.get_traced_memory()[1] < 4 << 20
        finally:
            tracemalloc.stop()

    def test_no_value_breaks_json(self, tmp_path: Path) -> None:
        keys = (
            text("nan")
            + struct.pack("<If", 6, math.nan)
            + text(b"\xff\xfe")
            + struct.pack("<If", 6, math.inf)
        )
        header = read_header(write(tmp_path, gguf(keys, key_count=2)))
        assert set(header.metadata.values()) == {None}
        dump(header.metadata)

    def test_every_cut_of_a_good_file_is_an_error(self, tmp_path: Path) -> None:
        content = gguf(ARCHITECTURE, key_count=1)
        for length in range(len(content)):
            with pytest.raises((GgufError, ValueError)):
                read_header(write(tmp_path, content[:length]))


class TestNames:
    @pytest.mark.parametrize(
        ("text", "short", "full"),
        [
            ("smollm2", "smollm2:latest", "registry.ollama.ai/library/smollm2:latest"),
            ("SmolLM2:135m", "SmolLM2:135m", "registry.ollama.ai/library/SmolLM2:135m"),
            ("me/x:1", "me/x:1", "registry.ollama.ai/me/x:1"),
            ("hf.co:80/me/x", "hf.co:80/me/x:latest", "hf.co:80/me/x:latest"),
        ],
    )
    def test_forms(self, text: str, short: str, full: str) -> None:
        name = parse(text)
        assert name and (name.short, name.full) == (short, full)

    @pytest.mark.parametrize(
        "text", ["", "a b", "-x", "x:", ":x", "a/b/c/d", "x:y:z w", "../x", "x" * 81, "모델"]
    )
    def test_malformed(self, text: str) -> None:
        assert parse(text) is None

    def test_case_does_not_matter(self) -> None:
        upper, lower = parse("SmolLM2:135M"), parse("smollm2:135m")
        assert upper and lower and upper.key == lower.key

    @pytest.mark.parametrize(
        "file", ["My Model.Q4.gguf", "한국어.gguf", "..gguf", "a" * 200 + ".gguf", "x y/z.gguf"]
    )
    def test_any_file_gets_a_valid_name(self, file: str) -> None:
        assert parse(name_for_file(Path(file)))


class TestOptions:
    def test_defaults_are_ollamas(self) -> None:
        options = parse_options(None)
        assert options.sampling["top_p"] == 0.9 and options.sampling["repeat_penalty"] == 1.0
        assert options.num_predict == -1 and options.stop == ()

    def test_null_is_skipped_and_the_unknown_ignored(self) -> None:
        raw = {"temperature": None, "mirostat": 1, "seed": 3.9, "stop": ["a", ""], "num_predict": 5}
        options = parse_options(raw)
        assert options.sampling["temperature"] == 0.8 and options.sampling["seed"] == 3
        assert (options.stop, options.num_predict) == (("a",), 5)

    @pytest.mark.parametrize(
        ("raw", "message"),
        [
            ({"temperature": "x"}, 'option "temperature" must be of type float32'),
            ({"seed": "1"}, 'option "seed" must be of type integer'),
            ({"seed": True}, 'option "seed" must be of type integer'),
            ({"temperature": math.inf}, 'option "temperature" must be of type float32'),
            ({"use_mmap": 1}, 'option "use_mmap" must be of type boolean'),
            ({"stop": "x"}, 'option "stop" must be of type array'),
            ({"stop": ["x", 1]}, 'option "stop" must be of an array of strings'),
        ],
    )
    def test_wrong_types(self, raw: dict[str, object], message: str) -> None:
        with pytest.raises(ApiError) as caught:
            parse_options(raw)
        assert (caught.value.status, caught.value.text) == (500, message)

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            (None, None), (0, 0), (1.5, 1.5), (-1, math.inf), ("0", 0), ("0s", 0), ("10m", 600), ("1h30m0s", 5400),
            ("300ms", 0.3), ("-1s", math.inf), ("1.5h", 5400), (10**20, math.inf), ("1µs", 1e-6),
        ],
    )  # fmt: skip
    def test_keep_alive(self, value: object, seconds: float | None) -> None:
        assert parse_keep_alive(value) == (None if seconds is None else pytest.approx(seconds))

    @pytest.mark.parametrize("value", ["", "300", "5 m", "m", "1x", "1m2", "--1s"])
    def test_bad_durations(self, value: str) -> None:
        with pytest.raises(ApiError) as caught:
            parse_duration(value)
        assert caught.value.status == 400

    def test_format(self) -> None:
        assert parse_format("") is None and parse_format("json") == {"type": "object"}
        with pytest.raises(ApiError) as caught:
            parse_format("xml")
        assert caught.value.text.startswith('invalid format: "\\"xml\\""; expected')


class TestBodiesAndMessages:
    def test_ascii_out(self) -> None:
        assert dump({"a": "\u2028한\x85"}).isascii()

    @pytest.mark.parametrize(
        "raw", [b"", b" ", b"{", b"[]", b"5", b"[" * 100_000, b'{"a":' * 100_000, b"9" * 9_999]
    )
    def test_bad_bodies(self, raw: bytes) -> None:
        with pytest.raises(ApiError) as caught:
            parse_body(raw)
        assert caught.value.status == 400

    def test_first_value_only_and_lone_surrogates(self) -> None:
        assert parse_body(b'{"a": 1} {"b"') == {"a": 1}
        assert parse_body(b'{"a": "x\\ud800y \\ud83c\\udf89"}') == {"a": "x�y 🎉"}

    def test_tool_results_find_their_calls(self) -> None:
        calls = [{"function": {"name": name, "arguments": {"x": 1}}} for name in ("f", "g")]
        messages = native_messages(
            [
                {"role": "assistant", "tool_calls": calls},
                {"role": "tool", "tool_name": "g", "content": "2"},
                {"role": "tool", "content": "1"},
            ]
        )
        sent = {call["function"]["name"]: call["id"] for call in messages[0]["tool_calls"]}
        assert [messages[1]["tool_call_id"], messages[2]["tool_call_id"]] == [sent["g"], sent["f"]]
        assert messages[0]["tool_calls"][0]["function"]["arguments"] == '{"x": 1}'

    @pytest.mark.parametrize(
        "message",
        [5, {"role": "boss"}, {}, {"role": "user", "content": 5}, {"role": "user", "images": ["aa"]},
         {"role": "assistant", "tool_calls": [{}]}, {"role": "user", "content": [{"type": "image_url"}]}],
    )  # fmt: skip
    def test_what_is_no_message(self, message: object) -> None:
        with pytest.raises(ApiError) as caught:
            native_messages([message])
        assert caught.value.status == 400


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:11434", True), ("localhost", True), ("[::1]:5", True), ("192.168.1.5", True), ("a.local:1", True),
        ("x.internal", True), ("evil.example.com", False), ("8.8.8.8", False), ("localhost.evil.com", False), ("", True),
    ],
)  # fmt: skip
def test_host_check(host: str, allowed: bool) -> None:
    assert host_allowed(host) is allowed
