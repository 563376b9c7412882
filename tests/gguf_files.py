"""Tiny GGUF files, byte by byte, and a web server that behaves as badly as asked. For tests."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

U32, STRING, ARRAY, BOOL, F32 = 4, 8, 9, 7, 6


def text(value: str) -> bytes:
    """A string as GGUF has it."""
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def key(name: str, kind: int, payload: bytes) -> bytes:
    """A metadata entry."""
    return text(name) + struct.pack("<I", kind) + payload


def u32(name: str, value: int) -> bytes:
    """A whole number."""
    return key(name, U32, struct.pack("<I", value))


def string(name: str, value: str) -> bytes:
    """A text."""
    return key(name, STRING, text(value))


def strings(name: str, values: list[str]) -> bytes:
    """A list of texts."""
    return key(name, ARRAY, struct.pack("<IQ", STRING, len(values)) + b"".join(map(text, values)))


def u32s(name: str, values: list[int]) -> bytes:
    """A list of whole numbers."""
    return key(name, ARRAY, struct.pack("<IQ", U32, len(values)) + struct.pack(f"<{len(values)}I", *values))


def tensor(name: str, dims: tuple[int, ...], kind: int) -> bytes:
    """An entry of the tensor table."""
    return (
        text(name)
        + struct.pack("<I", len(dims))
        + struct.pack(f"<{len(dims)}Q", *dims)
        + struct.pack("<IQ", kind, 0)
    )


def gguf(keys: list[bytes], tensors: list[bytes], *, counts: tuple[int, int] | None = None) -> bytes:
    """A file without its weights."""
    n_tensors, n_keys = counts or (len(tensors), len(keys))
    return b"GGUF" + struct.pack("<IQQ", 3, n_tensors, n_keys) + b"".join(keys) + b"".join(tensors)


def llama(vocabulary: int = 50, **more: Any) -> bytes:
    """A header with the measures of Llama 3.1 8B, a vocabulary and a few tensors."""
    keys = [
        string("general.architecture", "llama"), u32("general.file_type", 15), u32("llama.block_count", 32),
        u32("llama.embedding_length", 4096), u32("llama.feed_forward_length", 14336),
        u32("llama.attention.head_count", 32), u32("llama.attention.head_count_kv", 8),
        u32("llama.context_length", 131072), *more.get("keys", ()),
        strings("tokenizer.ggml.tokens", [f"token{n}" for n in range(vocabulary)]),
    ]  # fmt: skip
    tensors = [
        tensor("token_embd.weight", (4096, 128), 12), tensor("blk.0.attn_q.weight", (4096, 4096), 12),
        tensor("blk.0.ffn_up_exps.weight", (256, 64, 4), 8), tensor("output_norm.weight", (4096,), 0),
    ]  # fmt: skip
    return gguf(keys, more.get("tensors", tensors))


class Web:
    """A web server with one body at every address, and what it was asked."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.mode = "ranges"
        self.sent = 0
        self.stop = threading.Event()
        self.url = ""


@contextmanager
def web() -> Iterator[Web]:
    """Serve until the block ends."""
    state = Web()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def _send(self, body: bytes) -> None:
            try:
                for start in range(0, len(body), 65536):
                    self.wfile.write(body[start : start + 65536])
                    state.sent += len(body[start : start + 65536])
            except OSError:
                self.close_connection = True

        def do_GET(self) -> None:
            self.close_connection = True
            if state.mode == "loop":
                self.send_response(302)
                self.send_header("Location", self.path)
                self.end_headers()
                return
            body = state.files.get(self.path.partition("?")[0])
            if body is None:
                self.send_error(404)
                return
            if state.mode == "stall":
                self.send_response(200)
                self.end_headers()
                self.wfile.flush()
                state.stop.wait(30)
                return
            asked = self.headers.get("Range", "")
            if state.mode in ("ranges", "wrong_range", "greedy") and asked.startswith("bytes="):
                start, end = (int(part) for part in asked[6:].split("-"))
                end = min(end, len(body) - 1)
                if start >= len(body):
                    self.send_error(416)
                    return
                self.send_response(206)
                said = start + 7 if state.mode == "wrong_range" else start
                self.send_header("Content-Range", f"bytes {said}-{end}/{len(body)}")
                piece = body[start:] if state.mode == "greedy" else body[start : end + 1]
                self.end_headers()
                self._send(piece)
                return
            self.send_response(200)
            if state.mode != "no_length":
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self._send(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.stop.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
