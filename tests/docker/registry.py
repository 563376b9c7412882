"""A small registry on loopback, made of one image with one layer: for pulls without the internet. Not a fake daemon."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LAYER_BYTES = 6_000_000
_TYPES = "application/vnd.docker."


class Registry:
    """Serves ``ollama:here``; any other tag is unknown. While ``gate`` is not set the layer stops half-way."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.hung_up = threading.Event()
        layer, plain = _layer()
        config = json.dumps(
            {"architecture": "amd64", "os": "linux", "config": {},
             "rootfs": {"type": "layers", "diff_ids": [f"sha256:{plain}"]}}
        ).encode()  # fmt: skip
        self.blobs = {_digest(layer): layer, _digest(config): config}
        self.layer = _digest(layer)
        self.manifest = json.dumps(
            {"schemaVersion": 2, "mediaType": f"{_TYPES}distribution.manifest.v2+json",
             "config": {"mediaType": f"{_TYPES}container.image.v1+json", "size": len(config), "digest": _digest(config)},
             "layers": [{"mediaType": f"{_TYPES}image.rootfs.diff.tar.gzip", "size": len(layer), "digest": self.layer}]}
        ).encode()  # fmt: skip
        self.port = 0

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.port}/ollama"


@contextmanager
def serve() -> Iterator[Registry]:
    """Run a registry for a while."""
    registry = Registry()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(registry))
    server.daemon_threads = True
    registry.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        registry.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _layer() -> tuple[bytes, str]:
    """A gzipped tar archive that does not compress, and the digest of what is inside."""
    content = random.Random(7).randbytes(LAYER_BYTES)
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        entry = tarfile.TarInfo("weights")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), 1, mtime=0), hashlib.sha256(plain.getvalue()).hexdigest()


def _handler(registry: Registry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            pass

        def _answer(self, status: int, body: bytes, kind: str, digest: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if digest:
                self.send_header("Docker-Content-Digest", digest)
            self.end_headers()
            if self.command == "HEAD":
                return
            half = len(body) // 2 if digest == registry.layer else len(body)
            try:
                self.wfile.write(body[:half])
                self.wfile.flush()
                # The client's hanging up ends the wait.
                while not registry.gate.wait(0.05):
                    self.wfile.write(b"")
                    if _gone(self.connection):
                        raise ConnectionError
                self.wfile.write(body[half:])
            except OSError:
                registry.hung_up.set()
                self.close_connection = True

        def do_GET(self) -> None:
            last = self.path.rstrip("/").rpartition("/")[2]
            if self.path.rstrip("/") == "/v2":
                self._answer(200, b"{}", "application/json")
            elif "/manifests/" in self.path and last in ("here", _digest(registry.manifest)):
                kind = f"{_TYPES}distribution.manifest.v2+json"
                self._answer(200, registry.manifest, kind, _digest(registry.manifest))
            elif last in registry.blobs:
                self._answer(200, registry.blobs[last], "application/octet-stream", last)
            else:
                error = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
                self._answer(404, json.dumps(error).encode(), "application/json")

        do_HEAD = do_GET

    return Handler


def _gone(connection: Any) -> bool:
    import select
    import socket

    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""
