"""Downloads that go on where they stopped: ranges, retries, checksums, and a disk that is not filled up.

A download is two files, ``<key>.partial`` and ``<key>.json``, which says of what it is the beginning. They survive a
crash; the next attempt asks for the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import json
import os
import random
import shutil
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx

BLOCK = 1 << 20
"""Bytes written and hashed at once, on a thread."""
MARGIN = 128 << 20
"""Bytes of the disk that stay free."""
LOCK_SECONDS = 0.5
FLUSH_SECONDS = 0.1
"""A slow connection's bytes are written this often."""
CHECK_EVERY = 64 << 20
"""When the size is not known, free space is looked at again after so many bytes."""


class DownloadError(Exception):
    """A file could not be had.

    Args:
        code: Which failure; see :data:`TEXTS`.
        params: Its numbers and names.
    """

    def __init__(self, code: str, **params: Any) -> None:
        self.code = code
        self.params = params
        super().__init__(TEXTS[code].format(**params))


#: For API clients, in English. The app has its own sentences for the codes.
TEXTS = {
    "not_found": "pull model manifest: file does not exist",
    "denied": "{what}: access denied (status {status})",
    "status": "{what}: unexpected status {status}",
    "unreachable": "{what}: cannot be reached: {reason}",
    "not_gguf": "supplied file was not in GGUF format: {reason}",
    "checksum": 'digest mismatch, expected "sha256:{expected}", got "sha256:{got}"',
    "disk": "not enough disk space: {needed} bytes needed, {free} bytes free",
    "disk_full": "no space left on device; the partial file was removed",
    "disk_write": "cannot write {path}: {reason}",
    "length": "{what}: the server sent {got} bytes where {expected} were announced",
    "address": "invalid address {what}",
    "path": "no such file: {what}",
    "package": "no installed package or file {what} holds a GGUF model",
    "manifest": "{what}: the manifest cannot be used: {reason}",
    "name": "the name {what} belongs to a model that is not in the store",
    "layer": "{what}: this engine cannot use a model with {kind}",
    "local_only": "sources other than a registry are taken only from this machine or with a token",
}


@dataclass(frozen=True)
class Policy:
    """How patient a download is."""

    attempts: int = 6
    """Failures in a row, without a byte in between, until it gives up."""
    first_wait: float = 0.5
    """Seconds before the second attempt; doubled each time, with jitter."""
    longest_wait: float = 15.0
    silence: float = 30.0
    """Seconds without a byte until a connection counts as dead."""


@dataclass(frozen=True)
class Step:
    """How far a download is."""

    done: int
    total: int | None
    waiting: str = ""
    """What it waits for, when it does."""
    resumed: int = 0
    """Bytes of it that an earlier attempt had left."""


@dataclass(frozen=True)
class Fetched:
    """A complete file, still under its partial name."""

    path: Path
    sha256: str
    size: int
    resumed: int
    """Bytes an earlier attempt had left."""


@dataclass(frozen=True)
class Target:
    """What to download."""

    url: str
    sha256: str = ""
    """What it must hash to; ``""``: whatever it is."""
    size: int | None = None
    """What its manifest says."""
    gguf: bool = True
    """Refuse what does not start like a GGUF file."""
    what: str = ""
    """What to call it in messages."""

    @property
    def key(self) -> str:
        """The partial files' name: by content where that is known, else by address."""
        return self.sha256 or hashlib.sha256(self.url.encode()).hexdigest()


class _Transient(Exception):
    """Worth another attempt."""


class Download:
    """One file, downloaded in as many attempts as it takes.

    Args:
        target: What.
        folder: Where the partial file lives.
        client: Does the requests.
        tell: Called with every step.
        policy: How patient.
        margin: Bytes of the disk that stay free.
    """

    def __init__(
        self, target: Target, folder: Path, client: httpx.AsyncClient, *, tell: Callable[[Step], None],
        policy: Policy | None = None, margin: int = MARGIN,
    ) -> None:  # fmt: skip
        self._target = target
        self._client = client
        self._tell = tell
        self._policy = policy or Policy()
        self._margin = margin
        self._what = target.what or show(target.url)
        self._path = folder / f"{target.key}.partial"
        self._about = folder / f"{target.key}.json"
        self._lock = folder / f"{target.key}.lock"
        self._done = self._resumed = 0
        self._total: int | None = target.size
        self._hash = hashlib.sha256()
        self._validator = ""

    async def run(self, keep: Callable[[Fetched], None] = lambda fetched: None) -> Fetched:
        """Download it. Cancelling keeps the partial file for the next time.

        Args:
            keep: Takes the complete file (on a thread), before anybody else may touch its partial name.

        Raises:
            DownloadError: it cannot be had; a partial file that may go on is kept, any other removed.
        """
        if urlsplit(self._target.url).scheme not in ("http", "https"):
            raise DownloadError("address", what=show(self._target.url))
        with writing_to(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        async with _only_one(self._lock, lambda: self._tell(self._step("another process"))):
            try:
                fetched = await self._attempts()
            finally:
                await asyncio.to_thread(self._drop_if_empty)
            await asyncio.to_thread(keep, fetched)
            return fetched

    async def _attempts(self) -> Fetched:
        await asyncio.to_thread(self._recover)
        self._resumed = self._done
        self._check_disk()
        failures = 0
        while True:
            before = self._done
            try:
                await self._attempt()
                break
            except _Transient as error:
                failures = 1 if self._done > before else failures + 1
                if failures >= self._policy.attempts:
                    raise DownloadError("unreachable", what=self._what, reason=str(error)) from None
                wait = min(self._policy.longest_wait, self._policy.first_wait * 2 ** (failures - 1))
                wait *= random.uniform(0.5, 1.0)
                self._tell(self._step(str(error)))
                await asyncio.sleep(wait)
        return await self._finish()

    def _recover(self) -> None:
        """Take up what an earlier attempt left, if it is surely the beginning of the same file."""
        try:
            about = json.loads(self._about.read_text("utf-8"))
            size = self._path.stat().st_size
            total, validator = about["total"], about["validator"]
            same = about["url"] == self._target.url and bool(validator)
            fits = total is None or size <= total
            if not (fits and isinstance(validator, str) and (self._target.sha256 or same)):
                raise ValueError("another file")
        except (OSError, ValueError, KeyError, TypeError):
            self._start_over()
            return
        self._validator = validator
        self._total = self._target.size if self._target.size is not None else total
        with self._path.open("rb") as file:
            while block := file.read(BLOCK):
                self._hash.update(block)
                self._done += len(block)

    def _start_over(self) -> None:
        self._done, self._resumed, self._hash, self._validator = 0, 0, hashlib.sha256(), ""
        self._total = self._target.size
        with writing_to(self._path):
            self._path.write_bytes(b"")

    def _step(self, waiting: str = "") -> Step:
        return Step(self._done, self._total, waiting, self._resumed)

    def _drop_if_empty(self) -> None:
        with contextlib.suppress(OSError):
            if self._path.stat().st_size == 0:
                self.discard()

    def discard(self) -> None:
        """Remove what there is."""
        for path in (self._path, self._about):
            path.unlink(missing_ok=True)

    def _check_disk(self) -> None:
        free = shutil.disk_usage(self._path.parent).free
        needed = max(0, (self._total or 0) - self._done)
        if free < needed + self._margin:
            raise DownloadError("disk", needed=needed + self._margin, free=free)

    async def _attempt(self) -> None:
        import httpx

        if self._total is not None and self._done == self._total and self._total > 0:
            return
        headers = {"Accept-Encoding": "identity"}
        if self._done:
            headers["Range"] = f"bytes={self._done}-"
            if self._validator and not self._target.sha256:
                headers["If-Range"] = self._validator
        limit = httpx.Timeout(self._policy.silence, connect=10.0)
        try:
            async with self._client.stream(
                "GET", self._target.url, headers=headers, timeout=limit, follow_redirects=True
            ) as response:
                self._begin(response)
                await self._receive(response.aiter_raw())
        except httpx.InvalidURL:
            raise DownloadError("address", what=self._what) from None
        except (httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
            raise DownloadError("unreachable", what=self._what, reason=str(error)) from None
        except httpx.HTTPError as error:
            raise _Transient(str(error) or type(error).__name__) from None
        if self._total is not None and self._done < self._total:
            raise _Transient(f"the connection ended after {self._done} of {self._total} bytes")
        self._total = self._done

    def _begin(self, response: httpx.Response) -> None:
        """Look at the answer's head: is it the rest of the file, or all of it?"""
        status = response.status_code
        if status == 416:
            self._start_over()
            raise _Transient("the file has changed")
        if status in (404, 410):
            raise DownloadError("not_found")
        if status in (401, 403):
            raise DownloadError("denied", what=self._what, status=status)
        if status in (408, 425, 429) or status >= 500:
            raise _Transient(f"status {status}")
        if status not in (200, 206) or response.headers.get("content-encoding", "identity") != "identity":
            raise DownloadError("status", what=self._what, status=status)
        length = response.headers.get("content-length", "")
        said = int(length) if length.isdecimal() else None
        if status == 206:
            start, total = _content_range(response.headers.get("content-range", ""))
            if start != self._done or (self._total is not None and total not in (None, self._total)):
                self._start_over()
                raise _Transient("the file has changed")
            said = total
        elif self._done:
            # It does not do ranges, or the file is another one now.
            self._start_over()
        if self._target.size is not None and said not in (None, self._target.size):
            raise DownloadError("length", what=self._what, got=said, expected=self._target.size)
        self._total = self._target.size if self._target.size is not None else said
        etag = response.headers.get("etag", "")
        self._validator = ("" if etag.startswith("W/") else etag) or response.headers.get("last-modified", "")
        self._check_disk()
        about = {"url": self._target.url, "total": self._total, "validator": self._validator}
        with writing_to(self._about):
            self._about.write_text(json.dumps(about), "utf-8")

    async def _receive(self, parts: AsyncIterator[bytes]) -> None:
        """Write and hash a block on a thread while the next one arrives."""
        with writing_to(self._path):
            file = self._path.open("r+b")
        file.seek(self._done)
        loop = asyncio.get_running_loop()
        writing: asyncio.Future[None] | None = None
        block, flushed, unchecked = bytearray(), time.monotonic(), 0
        try:
            async for part in parts:
                block += part
                self._check_block(block)
                now = time.monotonic()
                if len(block) < 8 or (len(block) < BLOCK and now - flushed < FLUSH_SECONDS):
                    continue
                if writing is not None:
                    await writing
                writing, block, flushed = self._hand_over(loop, file, block), bytearray(), now
                unchecked += BLOCK
                if self._total is None and unchecked >= CHECK_EVERY:
                    unchecked = 0
                    self._check_disk()
        finally:
            # Also when it was cut or cancelled: what has arrived is kept, and the thread is out of the file.
            try:
                if writing is not None:
                    await asyncio.wait({writing})
                    writing.result()
                if block and self._path.exists():
                    self._done += len(block)
                    self._write(file, bytes(block))
            finally:
                with contextlib.suppress(OSError):
                    file.close()

    def _hand_over(
        self, loop: asyncio.AbstractEventLoop, file: IO[bytes], block: bytearray
    ) -> asyncio.Future[None]:
        self._done += len(block)
        self._tell(self._step())
        return loop.run_in_executor(None, self._write, file, bytes(block))

    def _check_block(self, block: bytearray) -> None:
        """Stop at once when this cannot be the file.

        Raises:
            DownloadError: it is no GGUF, or longer than announced. Nothing of it is kept.
        """
        try:
            if self._done == 0 and self._target.gguf and len(block) >= 4:
                check_start(bytes(block[:8]))
            if self._total is not None and self._done + len(block) > self._total:
                got = self._done + len(block)
                raise DownloadError("length", what=self._what, got=got, expected=self._total)
        except DownloadError:
            self.discard()
            raise

    def _write(self, file: IO[bytes], block: bytes) -> None:
        try:
            with writing_to(self._path):
                file.write(block)
        except DownloadError as error:
            if error.code == "disk_full":
                self.discard()
            raise
        self._hash.update(block)

    async def _finish(self) -> Fetched:
        def sync() -> None:
            with writing_to(self._path), self._path.open("rb") as file:
                os.fsync(file.fileno())

        await asyncio.to_thread(sync)
        found = self._hash.hexdigest()
        if self._target.sha256 and found != self._target.sha256:
            self.discard()
            raise DownloadError("checksum", expected=self._target.sha256, got=found)
        self._about.unlink(missing_ok=True)
        return Fetched(self._path, found, self._done, self._resumed)


def check_start(start: bytes) -> None:
    """Refuse what cannot be a GGUF file by its first eight bytes.

    Raises:
        DownloadError: ``not_gguf``.
    """
    if start[:4] != b"GGUF":
        raise DownloadError("not_gguf", reason=f"it starts with {start[:4]!r}")
    if len(start) >= 8 and struct.unpack("<I", start[4:8])[0] not in (2, 3):
        raise DownloadError("not_gguf", reason="its version is neither 2 nor 3")


def show(url: str) -> str:
    """A URL as it may be shown and logged: without credentials, query and fragment."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "?"
    return f"{parts.scheme}://{host}{port}{parts.path}"[:300]


def _content_range(text: str) -> tuple[int | None, int | None]:
    """``bytes 5-9/10`` as start and total."""
    unit, _, rest = text.partition(" ")
    span, _, total = rest.partition("/")
    start = span.partition("-")[0]
    return (
        int(start) if unit == "bytes" and start.isdecimal() else None,
        int(total) if total.isdecimal() else None,
    )


@contextlib.contextmanager
def writing_to(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DownloadError("disk_full") from None
        raise DownloadError("disk_write", path=path.name, reason=error.strerror or str(error)) from None


@contextlib.asynccontextmanager
async def _only_one(path: Path, wait: Callable[[], None]) -> AsyncIterator[None]:
    """Hold a file's lock: the same download in another process, or here, is waited for."""
    file = _lock(path)
    try:
        while file is None:
            wait()
            await asyncio.sleep(LOCK_SECONDS)
            file = _lock(path)
        yield
    finally:
        if file is not None:
            _unlock(path, file)


def _unlock(path: Path, file: IO[str]) -> None:
    path.unlink(missing_ok=True)
    file.close()


def _lock(path: Path) -> IO[str] | None:
    with writing_to(path):
        file = path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it before has removed the name: a lock on that file excludes nobody.
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except (BlockingIOError, FileNotFoundError):
            pass
        except OSError:
            file.close()
            raise
    file.close()
    return None


def make_client(headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
    """An HTTP client for downloads: proxies of the environment apply, redirects are followed."""
    import httpx

    return httpx.AsyncClient(headers={"User-Agent": "llm-study", **(headers or {})}, follow_redirects=True)
