"""Pull a file over loopback through the engine's downloader, and the same bytes with plain httpx, disk and SHA-256.

Prints JSON: MB/s of both (median of the rounds) and their ratio. ``--mib`` sets the size, ``--rounds`` how often.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import multiprocessing
import os
import statistics
import struct
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core.embedded.download import Download, Target, make_client  # noqa: E402

START = b"GGUF" + struct.pack("<IQQ", 3, 0, 0)


def serve(size: int, port: Any) -> None:
    """Answer every request with ``size`` bytes. Runs in a process of its own."""
    block = bytes(range(256)) * 4096

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(size))
            self.end_headers()
            self.wfile.write(START)
            left = size - len(START)
            while left:
                left -= self.wfile.write(block[:left])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.send(server.server_port)
    server.serve_forever()


async def ours(url: str, folder: Path) -> float:
    """Seconds of one download with everything a pull does to its bytes."""
    started = time.perf_counter()
    async with make_client() as client:
        fetched = await Download(Target(url), folder, client, tell=lambda step: None).run()
    seconds = time.perf_counter() - started
    fetched.path.unlink()
    return seconds


async def plain(url: str, folder: Path) -> float:
    """Seconds of the obvious loop: read, hash, write, sync at the end."""
    started = time.perf_counter()
    digest, path = hashlib.sha256(), folder / "plain"
    async with httpx.AsyncClient() as client, client.stream("GET", url) as response:
        with path.open("wb") as file:
            async for part in response.aiter_raw():
                digest.update(part)
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
    seconds = time.perf_counter() - started
    path.unlink()
    return seconds


def main() -> None:
    """Run the rounds, the two ways in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    size = arguments.mib << 20
    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(size, theirs), daemon=True)
    process.start()
    url = f"http://127.0.0.1:{mine.recv()}/m.gguf"
    times: dict[str, list[float]] = {"pull": [], "plain": []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(arguments.rounds):
            times["pull"].append(asyncio.run(ours(url, Path(folder))))
            times["plain"].append(asyncio.run(plain(url, Path(folder))))
    process.terminate()
    rates = {name: round(size / 1e6 / statistics.median(values), 1) for name, values in times.items()}
    ratio = round(rates["pull"] / rates["plain"], 2)
    print(json.dumps({"mib": arguments.mib, "rounds": arguments.rounds, "mb_per_s": rates, "ratio": ratio}))


if __name__ == "__main__":
    main()
