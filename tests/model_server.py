"""A real HTTP server for model files, with the faults servers have: cuts, stalls, 503, no ranges, wrong lengths."""

from __future__ import annotations

import contextlib
import hashlib
import json
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def tiny_gguf(padding: int = 1 << 20, seed: int = 0) -> bytes:
    """The smallest file that is a GGUF by its header, with ``padding`` bytes behind it."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    head = b"GGUF" + struct.pack("<IQQ", 3, 0, 2)
    head += text("general.architecture") + struct.pack("<I", 8) + text("llama")
    head += text("llama.context_length") + struct.pack("<II", 4, 2048)
    return head + hashlib.sha256(str(seed).encode()).digest() * (padding // 32)


class ModelServer(ThreadingHTTPServer):
    """Serves ``files`` by path and counts the bytes of bodies sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.sent = 0
        self.asked: list[tuple[str, str]] = []
        """Path and ``Range`` of each request."""
        self.faults: list[tuple[str, int]] = []
        """What goes wrong with the next requests for files, one each: ``cut``, ``stall``, ``status``, ``longer``."""
        self.ranges = True
        self.validators = True
        self.slow: threading.Event | None = None
        """When set to an event: half of a file is sent, the rest once the event is set."""
        self.halfway = threading.Event()
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def add(self, path: str, content: bytes) -> str:
        """Serve a file; returns its address."""
        self.files[path] = content
        return f"{self.url}{path}"

    def add_model(self, name: str, tag: str, layers: dict[str, bytes]) -> None:
        """Serve a model as a registry does: a manifest and its blobs."""
        described = []
        for kind, content in layers.items():
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
            self.add(f"/v2/library/{name}/blobs/{digest}", content)
            described.append(
                {"mediaType": f"application/vnd.ollama.image.{kind}", "digest": digest, "size": len(content)}
            )
        manifest = json.dumps({"schemaVersion": 2, "layers": described}).encode()
        self.add(f"/v2/library/{name}/manifests/{tag}", manifest)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that leave are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ModelServer

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        server = self.server
        asked = self.headers.get("Range", "")
        server.asked.append((self.path, asked))
        content = server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        fault, number = ("", 0)
        if server.faults and "/manifests/" not in self.path:
            fault, number = server.faults.pop(0)
        if fault == "status":
            self.send_error(number)
            return
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked and server.ranges else 0
        if self.headers.get("If-Range", etag) != etag:
            start = 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if server.validators:
            self.send_header("ETag", etag)
        body = content[start:]
        length = len(body) + (number if fault == "longer" else 0)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if fault in ("cut", "stall"):
            self._send(body[:number])
            if fault == "stall":
                server.released.wait(20)
            self.close_connection = True
            return
        if server.slow is not None and len(body) > 1000:
            self._send(body[: len(body) // 2])
            server.halfway.set()
            server.slow.wait(20)
            body = body[len(body) // 2 :]
        self._send(body)
        if fault == "longer":
            self.close_connection = True

    def _send(self, body: bytes) -> None:
        for at in range(0, len(body), 1 << 16):
            part = body[at : at + (1 << 16)]
            self.wfile.write(part)
            self.server.sent += len(part)


@contextlib.contextmanager
def model_server() -> Iterator[ModelServer]:
    """Run one."""
    server = ModelServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        if server.slow is not None:
            server.slow.set()
        server.shutdown()
        server.server_close()
