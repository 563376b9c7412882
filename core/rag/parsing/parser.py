"""The app's end of the parser process: one child, used again for the next file, killed when a file stalls it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import core
from core.rag.chunking import Chunk, Chunking
from core.rag.parsing.loaders import LoadError
from core.rag.parsing.parse_child import CPU_SECONDS, LENGTH, MEMORY_BYTES

TIMEOUT_S = 90.0
"""Wall-clock seconds for one file, more than its CPU limit: the machine may be busy generating."""

MAX_FRAME_BYTES = 16 << 20
DEFAULT_CHUNKING = Chunking()
FILES_PER_CHILD = 500
"""Afterwards a fresh child takes over, so that what a parser leaks does not add up."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What the child found in a file."""

    content_hash: str
    bytes: int
    mtime_ns: int
    unchanged: bool = False
    """The file has the hash the caller knew; nothing below is filled."""
    media_type: str = ""
    title: str = ""
    chars: int = 0
    chunks: tuple[Chunk, ...] = ()
    pages: int = 0
    """Pages of the document; 0 when the format has none."""
    tokens: int = 0
    """Tokens of the whole text, an estimate from above (:func:`core.text.estimate_tokens`)."""
    note: str = ""
    """Something odd that did not stop it: ``rag.note.<note>`` says what. ``""`` when there is nothing to say."""
    encoding: str = ""
    """Of the file's text, e.g. ``utf-8`` or ``cp949``; ``""`` for formats that bring their own."""


class Parser:
    """Parses files one at a time in a limited child process.

    Args:
        timeout: Wall-clock seconds for one file.
        memory: Bytes of address space of the child.
        cpu_s: Seconds of CPU time for one file.
    """

    def __init__(
        self, *, timeout: float = TIMEOUT_S, memory: int = MEMORY_BYTES, cpu_s: int = CPU_SECONDS
    ) -> None:
        self._timeout = timeout
        self._limits = (str(memory), str(cpu_s))
        self._child: asyncio.subprocess.Process | None = None
        self._files = 0

    async def parse(
        self, path: Path, *, known_hash: str = "", chunking: Chunking = DEFAULT_CHUNKING
    ) -> Parsed:
        """Read, parse and cut a file.

        Args:
            path: The file.
            known_hash: Content hash of what is indexed already; the same content is not parsed again.
            chunking: How the text is cut.

        Raises:
            LoadError: Why there is no text; ``timeout`` and ``crashed`` when the child had to be given up.
            UsageError: The chunking cannot be.
        """
        chunking.check()
        child = await self._start()
        try:
            return await asyncio.wait_for(self._ask(child, path, known_hash, chunking), self._timeout)
        except LoadError as error:
            if error.reason == "memory":
                # What is left of its heap may be too little for a file that is not to blame.
                await self.close()
            raise
        except TimeoutError as error:
            await self.close()
            raise LoadError("timeout") from error
        except (asyncio.IncompleteReadError, ConnectionError, ValueError) as error:
            code = await self.close()
            raise LoadError("timeout" if code == -signal.SIGXCPU else "crashed") from error
        except asyncio.CancelledError:
            # The answer to this request would be taken for the next one's.
            await self.close()
            raise

    async def close(self) -> int | None:
        """End the child. Returns its exit code, ``None`` when there was none."""
        child, self._child = self._child, None
        if child is None:
            return None
        if child.stdin:
            child.stdin.close()
        with contextlib.suppress(TimeoutError):
            # A child that is exiting by itself tells why; one that is stuck is killed.
            return await asyncio.wait_for(child.wait(), 0.5)
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        return await child.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        if self._child and (self._child.returncode is not None or self._files >= FILES_PER_CHILD):
            await self.close()
        if self._child is None:
            # No secret of ours in its environment, and no module taken from the working directory (-P).
            kept = ("PATH", "LANG", "LC_ALL", "HOME", "TMPDIR")
            environment = {name: os.environ[name] for name in kept if name in os.environ}
            environment["PYTHONPATH"] = str(Path(core.__file__).parent.parent)
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "core.rag.parsing.parse_child",
                *self._limits,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
            self._files = 0
        self._files += 1
        return self._child

    async def _ask(
        self, child: asyncio.subprocess.Process, path: Path, known_hash: str, chunking: Chunking
    ) -> Parsed:
        assert child.stdin and child.stdout  # noqa: S101 - both are pipes, see _start
        asked = {"path": os.fsencode(path).hex(), "known": known_hash, "chunking": chunking.to_json()}
        request = json.dumps(asked).encode()
        child.stdin.write(LENGTH.pack(len(request)) + request)
        await child.stdin.drain()
        head = await _read(child.stdout)
        if head["status"] == "failed":
            raise LoadError(head["reason"], **head["params"])
        base = (head["hash"], head["bytes"], head["mtime_ns"])
        if head["status"] == "unchanged":
            return Parsed(*base, unchanged=True)
        chunks: list[Chunk] = []
        while len(chunks) < head["chunks"]:
            chunks.extend(Chunk(*row) for row in await _read(child.stdout))
        return Parsed(
            *base,
            media_type=head["media_type"],
            title=head["title"],
            chars=head["chars"],
            chunks=tuple(chunks),
            pages=head["pages"],
            tokens=head["tokens"],
            note=head["note"],
            encoding=head["encoding"],
        )


async def _read(stream: asyncio.StreamReader) -> Any:
    size = LENGTH.unpack(await stream.readexactly(LENGTH.size))[0]
    if size > MAX_FRAME_BYTES:
        raise ValueError("frame too large")
    return json.loads(await stream.readexactly(size))
