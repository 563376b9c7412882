"""Reads one HTTP/1.1 answer as it arrives and stamps each line with the moment its last byte came in.

A general client queues data between the socket and whoever waits for it. With many users at once the queue's delay
would be counted as the server's, so the stamp is taken here, in the callback the event loop runs for the socket.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

MAX_HEAD = 64 << 10
MAX_LINE = 8 << 20
"""A longer line is no Ollama's."""
MAX_ERROR_BODY = 64 << 10

clock = time.perf_counter
"""Seconds, monotonic. A step of the wall clock does not reach it."""


class WireError(Exception):
    """What arrived is not HTTP, or too much of it."""


class Answer:
    """One answer, fed in pieces.

    Args:
        on_line: Told each line of a 200 answer's body and its stamp. Returns true when no more is wanted.
    """

    def __init__(self, on_line: Callable[[bytes, float], bool]) -> None:
        self.status = 0
        self.complete = False
        self.body = bytearray()
        """Of an answer other than 200, up to a limit."""
        self._on_line = on_line
        self._raw = bytearray()
        self._line = bytearray()
        self._head_read = False
        self._chunked = False
        self._left: int | None = None
        """Bytes left of this chunk, or of the body; ``None``: until the connection ends."""

    def feed(self, data: bytes, stamp: float) -> None:
        """Take what the socket gave.

        Raises:
            WireError: It is not HTTP/1, or too long.
        """
        self._raw += data
        if not self._head_read and not self._read_head():
            return
        if not self._chunked:
            take = len(self._raw) if self._left is None else min(self._left, len(self._raw))
            self._content(bytes(self._raw[:take]), stamp)
            del self._raw[:take]
            if self._left is not None:
                self._left -= take
                if self._left == 0 and not self.complete:
                    self._body_over(stamp)
            return
        while not self.complete and self._take_chunk(stamp):
            pass

    def end(self, stamp: float) -> None:
        """The connection ended: a last line without a newline may still be whole."""
        if self._head_read and not self.complete:
            # Cut off inside a chunk or a body of known length: what came is read, but it is not whole.
            whole = not self._chunked and self._left is None
            self._body_over(stamp)
            self.complete = self.complete and whole

    def _body_over(self, stamp: float) -> None:
        """Read a last line that has no newline."""
        line, self._line = bytes(self._line).strip(), bytearray()
        if self.status == 200 and line:
            self._on_line(line, stamp)
        self.complete = True

    def _read_head(self) -> bool:
        at = self._raw.find(b"\r\n\r\n")
        if at < 0:
            if len(self._raw) > MAX_HEAD or not b"HTTP/".startswith(bytes(self._raw[:5])):
                raise WireError(bytes(self._raw[:60]).decode("latin-1"))
            return False
        first, *rest = bytes(self._raw[:at]).decode("latin-1").split("\r\n")
        words = first.split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/1") or not words[1].isdigit():
            raise WireError(first[:60])
        del self._raw[: at + 4]
        self.status = int(words[1])
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)
        }
        self._chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        length = headers.get("content-length", "")
        self._left = 0 if self._chunked else int(length) if length.isdigit() else None
        self._head_read = True
        return True

    def _take_chunk(self, stamp: float) -> bool:
        """Read a chunk's length line or its content; false when more data is needed."""
        if not self._left:
            skip = 2 if self._raw[:2] == b"\r\n" else 0
            at = self._raw.find(b"\r\n", skip)
            if at < 0:
                if len(self._raw) > 1024:
                    raise WireError("chunk")
                return False
            try:
                self._left = int(bytes(self._raw[skip:at]).split(b";")[0], 16)
            except ValueError:
                raise WireError(bytes(self._raw[:60]).decode("latin-1")) from None
            if not 0 <= self._left <= MAX_LINE:
                raise WireError("chunk")
            del self._raw[: at + 2]
            if self._left == 0:
                self._body_over(stamp)
            return True
        if not self._raw:
            return False
        take = min(self._left, len(self._raw))
        content = bytes(self._raw[:take])
        del self._raw[:take]
        self._left -= take
        self._content(content, stamp)
        return True

    def _content(self, content: bytes, stamp: float) -> None:
        if self.status != 200:
            self.body += content[: max(0, MAX_ERROR_BODY - len(self.body))]
            return
        *whole, rest = content.split(b"\n")
        for piece in whole:
            line = bytes(self._line + piece).strip()
            self._line = bytearray()
            if line and self._on_line(line, stamp):
                self.complete = True
                return
        self._line += rest
        if len(self._line) > MAX_LINE:
            raise WireError("line")


class Wire(asyncio.Protocol):
    """The connection of one request.

    Args:
        answer: What reads the answer.
        on_progress: Told, once each, the reason the connection is over: ``complete``, ``closed`` or an error.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.first_byte: float | None = None
        self.last_byte: float | None = None
        self.over: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        """Resolves when the answer is complete or the connection ended; with what went wrong, if anything."""

    def data_received(self, data: bytes) -> None:
        """Stamp and read."""
        stamp = clock()
        if self.first_byte is None:
            self.first_byte = stamp
        self.last_byte = stamp
        try:
            self.answer.feed(data, stamp)
        except Exception as error:
            self._finish(error)
            return
        if self.answer.complete:
            self._finish(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Read what is left."""
        if not self.over.done():
            try:
                self.answer.end(clock())
            except Exception as error:
                exc = error
            self._finish(exc)

    def _finish(self, error: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(error)
