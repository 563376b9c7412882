"""The parser process: ``python -m core.rag.parsing.parse_child MEMORY CPU_SECONDS``. Reads, parses and cuts one file at a time.

A parser that hangs or eats memory on a hostile file cannot be stopped inside a thread; a process can. This one
limits its own memory and CPU time, and ends when its standard input does, which is when its parent is gone.

Frames on both pipes are a 4-byte big-endian length and that many bytes of JSON. A request is ``{"path", "known", "chunking"}``.
The answer is a head, ``{"status": "ok" | "unchanged" | "failed", …}``, and for ``ok`` frames with up to
``BATCH`` chunks each, until ``chunks`` of them were sent.
"""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import struct
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from core.rag.chunking import Chunking, chunk_text
from core.rag.parsing import loaders
from core.text import estimate_tokens

BATCH = 256
"""Chunks in one frame: small enough that decoding it does not hold up the app."""

CPU_SECONDS = 60
"""CPU time for one file; beyond it the process is killed by the kernel."""

MEMORY_BYTES = 1 << 30
"""Address space of the process."""

LENGTH = struct.Struct(">I")


def main() -> NoReturn:
    """Answer requests until standard input ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not get into the protocol.
    os.dup2(2, 1)
    memory, cpu = (int(one) for one in sys.argv[1:3])
    _limit("RLIMIT_AS", memory)
    inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(requests, inbox), daemon=True).start()
    while True:
        request = inbox.get()
        _limit_cpu(cpu)
        try:
            name = os.fsdecode(bytes.fromhex(request["path"]))
            frames = _answer(name, request["known"], Chunking.from_json(request["chunking"]))
        except loaders.LoadError as error:
            frames = [{"status": "failed", "reason": error.reason, "params": error.params}]
        except MemoryError:
            frames = [{"status": "failed", "reason": "memory", "params": {}}]
        except RecursionError:
            frames = [{"status": "failed", "reason": "damaged", "params": {}}]
        for frame in frames:
            _write(answers, frame)
        answers.flush()


def _receive(requests: BinaryIO, inbox: queue.SimpleQueue[Any]) -> None:
    """Pass requests on; end the process at once when the parent is gone, even in the middle of a file."""
    while (request := _read(requests)) is not None:
        inbox.put(request)
    os._exit(0)


def _answer(name: str, known: str, chunking: Chunking) -> list[Any]:
    path = Path(name)
    source = loaders.read_source(path)
    head = {"hash": source.content_hash, "bytes": len(source.data), "mtime_ns": source.mtime_ns}
    if known and known == source.content_hash:
        return [{"status": "unchanged", **head}]
    loaded = loaders.load(path, source.data)
    chunks = chunk_text(loaded.text, loaded.media_type, loaded.pages, chunking)
    head |= {
        "media_type": loaded.media_type,
        "title": loaded.title,
        "chars": len(loaded.text),
        "pages": len(loaded.pages),
        "tokens": estimate_tokens(loaded.text),
        "note": loaded.note,
        "encoding": loaded.encoding,
    }
    rows = [dataclasses.astuple(chunk) for chunk in chunks]
    batches = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
    return [{"status": "ok", "chunks": len(rows), **head}, *batches]


def _limit(name: str, value: int) -> None:
    try:
        import resource

        number = getattr(resource, name)
        _soft, hard = resource.getrlimit(number)
        resource.setrlimit(number, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
    except (ImportError, AttributeError, ValueError, OSError) as error:
        # macOS refuses RLIMIT_AS; the parent's time limit still holds.
        print(f"no {name}: {error}", file=sys.stderr)  # noqa: T201


def _limit_cpu(seconds: int) -> None:
    used = os.times()
    _limit("RLIMIT_CPU", int(used.user + used.system) + seconds)


def _read(stream: BinaryIO) -> Any:
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    return json.loads(stream.read(LENGTH.unpack(head)[0]))


def _write(stream: BinaryIO, frame: Any) -> None:
    data = json.dumps(frame, ensure_ascii=False).encode("utf-8", "replace")
    stream.write(LENGTH.pack(len(data)) + data)


if __name__ == "__main__":
    main()
