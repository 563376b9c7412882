"""The index in object storage, against a server of its own that speaks S3 (moto), with the documents' ledger here.

``moto[server]`` is no part of the test requirements: with what it needs it takes over 300 MB. Put its ``moto_server`` on
the ``PATH`` (``pip install 'moto[server]'`` in an environment apart will do) to run these.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from core.errors import StudyError
from core.rag.chunking import Chunk
from core.rag.index import Index, IndexUnusable
from tests.contract.conftest import wait_until

DIM = 32
SIGNED = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
)

pytestmark = pytest.mark.skipif(
    shutil.which("moto_server") is None and find_spec("moto") is None,
    reason="moto[server], a local S3, is not installed",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = shutil.which("moto_server")
    start = [found] if found else [sys.executable, "-m", "moto.server"]
    log = (tmp_path_factory.mktemp("moto") / "moto.log").open("wb")
    process = subprocess.Popen([*start, "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"

    def up() -> bool:
        try:
            with urllib.request.urlopen(f"{url}/moto-api/", timeout=1):
                return True
        except OSError:
            return process.poll() is not None

    try:
        wait_until(up, "moto_server answers", 60)
        assert process.poll() is None
        bucket = urllib.request.Request(
            f"{url}/documents", data=b"", method="PUT", headers={"Authorization": SIGNED}
        )
        urllib.request.urlopen(bucket, timeout=10).close()
        yield url
    finally:
        process.kill()
        process.wait()
        log.close()


@pytest.fixture
def storage(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder in the bucket, reached as a user does: keys and endpoint in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    return f"s3://documents/{tmp_path.name}"


def document(key: str, count: int, seed: int) -> tuple[str, list[Chunk], list[np.ndarray], str]:
    vectors = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    chunks = [Chunk(n, "휴가", f"{key} 문서의 {n}번째 단락", n * 20, n * 20 + 15, None) for n in range(count)]
    return key, chunks, list(vectors), key


async def test_documents_are_written_replaced_found_compacted_and_deleted(
    storage: str, tmp_path: Path
) -> None:
    index = Index(tmp_path / "index", "m", storage)
    assert not index.exists
    one, two = document("a1", 5, 1), document("b2", 7, 2)
    assert await index.replace_many([one, two]) == {"a1": 5, "b2": 7}
    assert index.exists and [path.name for path in (tmp_path / "index").iterdir()] == ["manifest.json"]
    assert await index.replace_many([document("a1", 3, 3)]) == {"a1": 3}
    await index.compact()
    snapshot = await index.snapshot()
    nearest = await index.nearest(snapshot, two[2][4], 3)
    assert len(nearest) == 3 and snapshot.chunk(nearest[0]) == ("b2", two[1][4])

    # Another program on the same ledger's manifest reads the same, and sees what is written afterwards.
    reader = Index(tmp_path / "index", "m", storage)
    assert await reader.counts() == {"a1": 3, "b2": 7}
    await index.delete_many(["b2"])
    assert await reader.counts() == {"a1": 3}
    assert [chunk for _id, chunk in await reader.chunks("a1")] == document("a1", 3, 3)[1]

    await index.reset()
    assert not index.exists
    # Nothing is left to be taken for the next one's.
    again = Index(tmp_path / "index", "m", storage)
    assert await again.replace_many([document("c3", 2, 4)]) == {"c3": 2}
    assert await again.counts() == {"c3": 2}
    for opened in (index, reader, again):
        opened.close()


async def test_two_indices_in_one_folder_are_apart(storage: str, tmp_path: Path) -> None:
    first, second = (Index(tmp_path / name, "m", storage) for name in ("index", "index-team-1"))
    await asyncio.gather(
        first.replace_many([document("a", 2, 1)]), second.replace_many([document("b", 3, 2)])
    )
    await first.reset()
    assert await second.counts() == {"b": 3}
    second.close()


async def test_storage_that_does_not_answer_is_no_reason_to_make_the_index_anew(
    storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index(tmp_path / "index", "m", storage)
    await index.replace_many([document("a", 2, 1)])
    index.close()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")
        for work in (index.counts, index.reset):
            with pytest.raises(StudyError) as caught:
                await work()
            assert caught.value.key == "error.rag.storage" and caught.value.fix
    assert index.exists


async def test_a_bucket_without_the_table_is_a_lost_index(storage: str, tmp_path: Path) -> None:
    index = Index(tmp_path / "index", "m", storage)
    await index.replace_many([document("a", 2, 1)])
    index.close()
    other = Index(tmp_path / "index", "m", f"{storage}-emptied")
    with pytest.raises(IndexUnusable):
        await other.counts()
