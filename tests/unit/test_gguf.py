"""The GGUF header reader: what it tells, and what it does with files that lie."""

from __future__ import annotations

import json
import random
import struct
import tracemalloc
from pathlib import Path

import httpx
import pytest

from core.errors import StudyError
from core.gguf import GgufError, read_header
from core.gguf import remote as remote_module
from core.gguf.header import NeedMore, parse
from core.gguf.ollama_registry import find
from core.gguf.remote import read_remote_header
from tests.gguf_files import ARRAY, BOOL, STRING, gguf, key, llama, string, tensor, text, u32, u32s, web


def test_the_tensor_table_is_added_up_exactly() -> None:
    header = parse(llama())
    tensors = header.tensors
    assert tensors.embedding == 4096 * 128 * 144 // 256
    assert tensors.experts == 256 * 64 * 4 * 34 // 32
    assert tensors.bytes == tensors.embedding + 4096 * 4096 * 144 // 256 + tensors.experts + 4096 * 4
    assert tensors.output == 0, "tied"
    assert tensors.largest == 4096 * 4096 * 144 // 256
    assert tensors.matrices == {"Q4_K": 4096 * 4096 * 144 // 256, "Q8_0": tensors.experts}
    assert header.vocabulary == 50
    assert header.parameter_count == 4096 * 128 + 4096 * 4096 + 256 * 64 * 4 + 4096


def test_sizes_of_every_type_agree_with_the_gguf_package() -> None:
    gguf_constants = pytest.importorskip("gguf.constants", reason="extra 'test' installs it")
    from core.gguf.ggml import TYPES

    for kind, (block, size) in gguf_constants.GGML_QUANT_SIZES.items():
        if int(kind) in TYPES and kind.name != "Q8_1":
            assert TYPES[int(kind)] == (kind.name, block, size)


def test_arrays_of_a_value_a_layer_are_kept_and_vocabularies_only_counted() -> None:
    keys = [u32s("llama.attention.head_count_kv", [8, 0] * 16),
            key("llama.attention.sliding_window_pattern", ARRAY, struct.pack("<IQ", BOOL, 32) + bytes([1, 0] * 16))]  # fmt: skip
    header = parse(llama(20_000, keys=keys))
    assert header.arrays["llama.attention.head_count_kv"] == (8, 0) * 16
    assert header.arrays["llama.attention.sliding_window_pattern"] == (1, 0) * 16
    assert header.per_layer("attention.head_count_kv", 3) == [8, 0, 8]
    assert header.metadata["tokenizer.ggml.tokens"] == [] and header.vocabulary == 20_000


def test_a_split_model_is_the_sum_of_its_files(tmp_path: Path) -> None:
    split = [u32("split.count", 2)]
    first = tmp_path / "m-00001-of-00002.gguf"
    first.write_bytes(gguf([string("general.architecture", "llama"), *split], [tensor("a", (32, 2), 8)]))
    with pytest.raises(GgufError, match=r"m-00002-of-00002\.gguf is missing"):
        read_header(first)
    (tmp_path / "m-00002-of-00002.gguf").write_bytes(gguf(split, [tensor("output.weight", (32, 4), 0)]))
    header = read_header(first)
    assert header.tensors.bytes == 68 + 512 and header.tensors.output == 512 and header.tensors.count == 2
    renamed = tmp_path / "renamed.gguf"
    renamed.write_bytes(first.read_bytes())
    with pytest.raises(GgufError, match="2 files"):
        read_header(renamed)


def test_a_file_cut_anywhere_is_a_clear_error(tmp_path: Path) -> None:
    whole = llama(5)
    path = tmp_path / "cut.gguf"
    for length in range(len(whole)):
        with pytest.raises(GgufError):
            parse(whole[:length])
        with pytest.raises(NeedMore):
            parse(whole[:length], len(whole))
        if length % 50 == 1:
            path.write_bytes(whole[:length])
            with pytest.raises(GgufError):
                read_header(path)


def test_an_empty_file_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "empty.gguf"
    path.touch()
    with pytest.raises(GgufError, match="not in GGUF format"):
        read_header(path)


HUGE = struct.pack("<Q", 1 << 63)
LIES = {
    "2^63 tensors": gguf([], [], counts=(1 << 63, 0)),
    "2^63 keys": gguf([], [], counts=(0, 1 << 63)),
    "100,000 tensors that are not there": gguf([], [], counts=(100_000, 0)),
    "a key of 2^63 bytes": gguf([HUGE], []),
    "a text of 10 GB": gguf([text("a") + struct.pack("<IQ", STRING, 10 << 30)], []),
    "an array of 2^63 numbers": gguf([key("a", ARRAY, struct.pack("<I", 4) + HUGE)], []),
    "an array of 2^63 texts": gguf([key("a", ARRAY, struct.pack("<I", STRING) + HUGE)], []),
    "an array of arrays": gguf([key("a", ARRAY, struct.pack("<IQ", ARRAY, 3))], []),
    "an unknown type": gguf([key("a", 99, b"")], []),
    "an unknown element type": gguf([key("a", ARRAY, struct.pack("<IQ", 99, 1))], []),
    "a tensor's name of 2^63 bytes": gguf([], [HUGE]),
    "a tensor of 2^31 dimensions": gguf([], [text("a") + struct.pack("<I", 1 << 31)]),
    "version 99": b"GGUF" + struct.pack("<IQQ", 99, 0, 0),
    "no GGUF": b"PK\x03\x04" + bytes(100),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_lying_lengths_are_refused_in_bounded_memory(lie: str, tmp_path: Path) -> None:
    path = tmp_path / "lie.gguf"
    path.write_bytes(LIES[lie])
    tracemalloc.start()
    try:
        with pytest.raises(GgufError):
            read_header(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_tensors_of_absurd_size_and_unknown_type_do_not_break_the_sums() -> None:
    absurd = tensor("a", (1 << 63, 1 << 63, 1 << 63), 0)
    header = parse(gguf([], [absurd, absurd, tensor("b", (32,), 77)]))
    assert header.parameter_count == 1 << 62 and header.tensors.unknown == 1
    assert header.tensors.bytes < 1 << 66


def test_random_damage_is_an_error_or_a_header_never_anything_else() -> None:
    dice = random.Random(3)
    whole = llama(20, keys=[u32s("llama.attention.head_count_kv", [8] * 32)])
    for _ in range(3_000):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 8)):
            data[dice.randrange(4, len(data))] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))
        try:
            header = parse(bytes(data))
        except GgufError:
            continue
        assert header.parameter_count >= 0 and header.quantization
    for _ in range(500):
        with pytest.raises(GgufError):
            parse(b"GGUF" + struct.pack("<I", 3) + dice.randbytes(dice.randrange(200)))


async def test_a_remote_header_takes_only_the_first_bytes() -> None:
    body = llama(200_000) + bytes(20 << 20)
    with web() as server:
        server.files["/m.gguf"] = body
        found = await read_remote_header(server.url + "/m.gguf")
        assert found.header.vocabulary == 200_000 and found.file_bytes == len(body)
        assert found.header == parse(body)
        assert found.transferred == server.sent < 9 << 20


@pytest.mark.parametrize("mode", ["plain", "no_length", "greedy"])
async def test_a_server_without_ranges_is_left_early(mode: str) -> None:
    body = llama(1_000) + bytes(60 << 20)
    with web() as server:
        server.mode = mode
        server.files["/m.gguf"] = body
        found = await read_remote_header(server.url + "/m.gguf")
        assert found.header.vocabulary == 1_000
        assert found.transferred < 2 << 20
        assert server.sent < len(body), "the connection was closed, not read to its end"


BAD = {
    "garbage": (b"<html>Please log in</html>" * 1000, "ranges", "error.fit.remote.bad"),
    "plain garbage": (b"<html>Please log in</html>" * 1000, "plain", "error.fit.remote.bad"),
    "empty": (b"", "plain", "error.fit.remote.bad"),
    "cut": (llama(500)[:-9], "ranges", "error.fit.remote.bad"),
    "cut, plain": (llama(500)[:-9], "no_length", "error.fit.remote.bad"),
    "another range": (llama(500), "wrong_range", "error.fit.remote.bad"),
    "redirects in a circle": (llama(500), "loop", "error.fit.remote.redirects"),
    "stalls": (llama(500), "stall", "error.fit.remote.stalled"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_server_is_one_clear_error(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    body, mode, wanted = BAD[case]
    monkeypatch.setattr(remote_module, "TIMEOUT", httpx.Timeout(2.0, read=0.2))
    with web() as server:
        server.mode = mode
        server.files["/m.gguf"] = body
        with pytest.raises(StudyError) as caught:
            await read_remote_header(f"{server.url}/m.gguf?token=secret")
        assert caught.value.key == wanted
        assert "secret" not in str(caught.value) and caught.value.fix


async def test_a_header_that_claims_10_gb_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_module, "MAX_BYTES", 2 << 20)
    # As many texts as the claimed size allows, each a little longer than what came before.
    lie = gguf([key("a", ARRAY, struct.pack("<IQ", STRING, 1 << 20) + struct.pack("<Q", 10 << 30))], [])
    body = lie + bytes(60 << 20)
    with web() as server:
        server.mode = "no_length"
        server.files["/m.gguf"] = body
        with pytest.raises(StudyError, match="longer than"):
            await read_remote_header(server.url + "/m.gguf")
        assert server.sent < len(body)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y.gguf", "llama2:7b", "https://"])
async def test_only_web_addresses_are_asked(url: str) -> None:
    with pytest.raises(StudyError) as caught:
        await read_remote_header(url)
    assert caught.value.key == "error.fit.remote.url"


async def test_nobody_listens() -> None:
    with web() as server:
        url = server.url
    with pytest.raises(StudyError) as caught:
        await read_remote_header(url + "/m.gguf")
    assert caught.value.key == "error.fit.remote.unreachable"


DIGEST = "sha256:" + "a" * 64
MANIFEST = json.dumps({
    "schemaVersion": 2,
    "layers": [
        {"mediaType": "application/vnd.ollama.image.model", "digest": DIGEST, "size": 3826793677},
        {"mediaType": "application/vnd.ollama.image.projector", "digest": DIGEST, "size": 100},
        {"bad": 1},
        {"mediaType": "application/vnd.ollama.image.params", "digest": "../../etc", "size": 5},
    ],
})  # fmt: skip


async def test_the_registry_says_where_the_gguf_is() -> None:
    with web() as server:
        server.files["/v2/library/llama2/manifests/7b"] = MANIFEST.encode()
        server.files[f"/v2/library/llama2/blobs/{DIGEST}"] = llama()
        model = await find("llama2:7b", base_url=server.url)
        assert (model.digest, model.size, model.projector_bytes) == (DIGEST, 3826793777, 100)
        assert (await read_remote_header(model.url)).header.architecture == "llama"


@pytest.mark.parametrize(
    ("name", "body", "wanted"),
    [
        ("llama2:7b", b"<html>", "garbage"),
        ("llama2:7b", b"[" * 100_000, "garbage"),
        ("llama2:7b", b" " * (2 << 20), "garbage"),
        ("llama2:7b", b'{"layers":{}}', "garbage"),
        ("llama2:7b", b'{"layers":[]}', "no_model"),
        ("nobody/nothing:1", b"", "missing"),
        ("../../etc/passwd", b"", "name"),
        ("a b", b"", "name"),
        ("x" * 400, b"", "name"),
    ],
)
async def test_a_bad_registry_or_name_is_one_clear_error(name: str, body: bytes, wanted: str) -> None:
    with web() as server:
        server.files["/v2/library/llama2/manifests/7b"] = body
        with pytest.raises(StudyError) as caught:
            await find(name, base_url=server.url)
        assert caught.value.key == f"error.fit.registry.{wanted}"
