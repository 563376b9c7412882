"""A scripted Ollama server (a FAKE), for answers no real model would give: a hostile one.

It serves the few endpoints discovery and chat need, and streams ``chunks`` as the answer to every chat request.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "scripted:1b"
NOW = "2026-01-01T00:00:00Z"
_DETAILS = {"format": "gguf", "family": "llama", "parameter_size": "1.2B", "quantization_level": "Q4_0"}
_TAGS = {
    "models": [
        {
            "name": MODEL,
            "model": MODEL,
            "size": 1,
            "digest": "0" * 64,
            "modified_at": NOW,
            "details": _DETAILS,
        }
    ]
}
_SHOW = {
    "details": _DETAILS,
    "capabilities": ["completion"],
    "model_info": {"general.architecture": "llama", "llama.context_length": 2048},
}


@contextlib.contextmanager
def fake_ollama(chunks: Sequence[str]) -> Iterator[str]:
    """Run the server on a free port; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test's output clean."""

        def do_HEAD(self) -> None:
            self._reply({})

        def do_GET(self) -> None:
            answers = {
                "/api/version": {"version": "0.0.0-fake"},
                "/api/tags": _TAGS,
                "/api/ps": {"models": []},
            }
            self._reply(answers.get(self.path, {}))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            if self.path != "/api/chat":
                self._reply(_SHOW if self.path == "/api/show" else {})
            elif body.get("stream", True):
                self._stream()
            else:
                self._reply(_line("".join(chunks), done=True))

        def _reply(self, value: dict[str, Any]) -> None:
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def _stream(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/x-ndjson")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in chunks:
                self._chunk(_line(chunk))
            self._chunk(_line("", done=True))
            self.wfile.write(b"0\r\n\r\n")

        def _chunk(self, value: dict[str, Any]) -> None:
            data = json.dumps(value).encode() + b"\n"
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _line(text: str, done: bool = False) -> dict[str, Any]:
    value: dict[str, Any] = {
        "model": MODEL,
        "created_at": NOW,
        "message": {"role": "assistant", "content": text},
        "done": done,
    }
    if done:
        value |= {"done_reason": "stop", "prompt_eval_count": 10, "eval_count": 10, "eval_duration": 10**8}
    return value
