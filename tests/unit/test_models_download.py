"""Downloads over real loopback HTTP: what is kept, what is refused, and how many bytes are asked for twice."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
import shutil
import time
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.embedded import download as module
from core.embedded.download import Download, DownloadError, Fetched, Policy, Step, Target, make_client
from core.embedded.store import ModelStore
from tests.model_server import ModelServer, model_server, tiny_gguf

QUICK = Policy(attempts=3, first_wait=0.01, longest_wait=0.02, silence=0.4)
FILE = tiny_gguf(3 << 20)
SHA = hashlib.sha256(FILE).hexdigest()


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as running:
        yield running


def fetch(folder: Path, target: Target, steps: list[Step] | None = None, **options: Any) -> Fetched:
    async def go() -> Fetched:
        async with make_client() as client:
            tell = (steps if steps is not None else []).append
            return await Download(target, folder, client, tell=tell, policy=QUICK, **options).run()

    return asyncio.run(go())


def partials(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir())


def test_a_file_arrives_whole_and_is_hashed(server: ModelServer, tmp_path: Path) -> None:
    steps: list[Step] = []
    fetched = fetch(tmp_path, Target(server.add("/m.gguf", FILE)), steps)
    assert fetched.path.read_bytes() == FILE
    assert (fetched.sha256, fetched.size, fetched.resumed) == (SHA, len(FILE), 0)
    assert steps[-1].total == len(FILE) and server.sent == len(FILE)


@pytest.mark.parametrize("digest", ["", SHA], ids=["by address", "by digest"])
def test_a_cut_connection_goes_on_where_it_was(server: ModelServer, tmp_path: Path, digest: str) -> None:
    url = server.add("/m.gguf", FILE)
    server.faults = [("cut", 2 << 20)]
    fetched = fetch(tmp_path, Target(url, digest))
    assert fetched.sha256 == SHA
    assert server.sent == len(FILE), "not a byte was sent twice"
    assert server.asked[1] == ("/m.gguf", f"bytes={2 << 20}-")


def test_a_stalled_server_counts_as_cut(server: ModelServer, tmp_path: Path) -> None:
    url = server.add("/m.gguf", FILE)
    server.faults = [("stall", 1 << 20)]
    assert fetch(tmp_path, Target(url)).sha256 == SHA
    assert server.sent == len(FILE)


def test_503_is_tried_again_404_is_not(server: ModelServer, tmp_path: Path) -> None:
    url = server.add("/m.gguf", FILE)
    server.faults = [("status", 503), ("status", 503)]
    assert fetch(tmp_path, Target(url)).sha256 == SHA
    assert len(server.asked) == 3
    with pytest.raises(DownloadError) as missing:
        fetch(tmp_path, Target(f"{server.url}/nothing.gguf"))
    assert missing.value.code == "not_found"
    assert [path for path, _ in server.asked].count("/nothing.gguf") == 1


def test_after_too_many_failures_the_partial_stays(server: ModelServer, tmp_path: Path) -> None:
    url = server.add("/m.gguf", FILE)
    server.faults = [("cut", 1 << 20)] + [("status", 503)] * 9
    with pytest.raises(DownloadError) as failed:
        fetch(tmp_path, Target(url))
    assert failed.value.code == "unreachable"
    assert partials(tmp_path) == [".json", ".partial"]
    server.faults = []
    fetched = fetch(tmp_path, Target(url))
    assert (fetched.sha256, fetched.resumed, server.sent) == (SHA, 1 << 20, len(FILE))


def test_without_ranges_it_starts_over(server: ModelServer, tmp_path: Path) -> None:
    server.ranges = False
    server.faults = [("cut", 1 << 20)]
    fetched = fetch(tmp_path, Target(server.add("/m.gguf", FILE)))
    assert fetched.path.read_bytes() == FILE
    assert (fetched.sha256, fetched.resumed) == (SHA, 0)


def test_a_file_that_changed_is_not_glued_to_the_old_one(server: ModelServer, tmp_path: Path) -> None:
    url = server.add("/m.gguf", FILE)
    server.faults = [("cut", 1 << 20)] + [("status", 503)] * 9
    with pytest.raises(DownloadError):
        fetch(tmp_path, Target(url))
    server.faults = []
    other = tiny_gguf(3 << 20, seed=1)
    server.add("/m.gguf", other)
    assert fetch(tmp_path, Target(url)).path.read_bytes() == other


def test_without_a_validator_nothing_is_resumed_by_address(server: ModelServer, tmp_path: Path) -> None:
    server.validators = False
    url = server.add("/m.gguf", FILE)
    server.faults = [("cut", 1 << 20)] + [("status", 503)] * 9
    with pytest.raises(DownloadError):
        fetch(tmp_path, Target(url))
    server.faults = []
    assert fetch(tmp_path, Target(url)).resumed == 0


@pytest.mark.parametrize("start", [b"<html>", b"GGUF" + b"\x09\0\0\0"], ids=["a page", "another version"])
def test_what_is_no_gguf_is_refused_by_its_first_bytes(
    server: ModelServer, tmp_path: Path, start: bytes
) -> None:
    url = server.add("/page.gguf", start + bytes(40 << 20))
    with pytest.raises(DownloadError) as refused:
        fetch(tmp_path, Target(url))
    assert refused.value.code == "not_gguf"
    assert server.sent < 20 << 20, "not read to its end"
    assert partials(tmp_path) == []


def test_a_wrong_checksum_removes_the_file(server: ModelServer, tmp_path: Path) -> None:
    with pytest.raises(DownloadError) as wrong:
        fetch(tmp_path, Target(server.add("/m.gguf", FILE), "0" * 64))
    assert wrong.value.code == "checksum" and SHA in str(wrong.value)
    assert partials(tmp_path) == []


def test_a_longer_file_than_the_manifest_says_is_refused(server: ModelServer, tmp_path: Path) -> None:
    # Larger than what the sockets of both sides hold: all of it cannot be under way when it is refused.
    file = tiny_gguf(64 << 20)
    url = server.add("/m.gguf", file)
    with pytest.raises(DownloadError) as wrong:
        fetch(tmp_path, Target(url, SHA, size=1000))
    assert wrong.value.code == "length"
    assert server.sent < len(file)


def test_a_full_disk_is_found_before_anything_is_written(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    # FAKE disk: 1 MiB more than the file would leave less than the margin.
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, len(FILE) + (1 << 20)))
    with pytest.raises(DownloadError) as full:
        fetch(tmp_path, Target(server.add("/m.gguf", FILE)))
    assert full.value.code == "disk" and full.value.params["free"] == len(FILE) + (1 << 20)
    assert partials(tmp_path) == []


def test_a_disk_that_fills_meanwhile_is_said_and_cleaned_up(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Download, file: Any, block: bytes) -> None:
        # FAKE: the system's answer to a write on a full disk.
        with module.writing_to(self._path):
            if file.tell() > 1 << 20:
                self.discard()
                raise OSError(errno.ENOSPC, "No space left on device")
            file.write(block)

    monkeypatch.setattr(Download, "_write", full)
    with pytest.raises(DownloadError) as error:
        fetch(tmp_path, Target(server.add("/m.gguf", FILE)))
    assert error.value.code == "disk_full"
    assert partials(tmp_path) == []


def test_cancelling_keeps_what_there_is(server: ModelServer, tmp_path: Path) -> None:
    url = server.add("/m.gguf", FILE)
    server.faults = [("stall", 1 << 20)]
    patient = Policy(silence=20)

    async def go() -> None:
        started = asyncio.Event()

        def tell(step: Step) -> None:
            if step.done:
                started.set()

        async with make_client() as client:
            work = asyncio.ensure_future(
                Download(Target(url), tmp_path, client, tell=tell, policy=patient).run()
            )
            await started.wait()
            work.cancel()
            await asyncio.wait({work})
            assert work.cancelled()

    asyncio.run(go())
    server.released.set()
    kept = next(tmp_path.glob("*.partial")).read_bytes()
    assert kept and FILE.startswith(kept)
    assert json.loads(next(tmp_path.glob("*.json")).read_text())["total"] == len(FILE)
    assert fetch(tmp_path, Target(url)).resumed == len(kept)


def test_two_at_a_time_do_not_write_into_one_file(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.02)
    url = server.add("/m.gguf", FILE)
    blob = tmp_path / "blob"

    async def go() -> None:
        async with make_client() as client:

            async def one() -> None:
                download = Download(Target(url, SHA), tmp_path, client, tell=lambda step: None, policy=QUICK)
                await download.run(lambda fetched: blob.write_bytes(fetched.path.read_bytes()) and None)

            await asyncio.gather(one(), one())

    asyncio.run(go())
    assert blob.read_bytes() == FILE


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "nonsense", "http://"])
def test_other_addresses_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError) as refused:
        fetch(tmp_path, Target(url))
    assert refused.value.code in ("address", "unreachable")


def test_a_part_nobody_went_on_with_is_given_up_after_a_month(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    store.prepare()
    old, young = store.partials / "old.partial", store.partials / "young.partial"
    for path, days in ((old, 31), (young, 29)):
        path.write_bytes(b"GGUF")
        then = time.time() - days * 86_400
        os.utime(path, (then, then))
    assert store.sweep() == ["old.partial"]
    assert young.exists() and not old.exists()
