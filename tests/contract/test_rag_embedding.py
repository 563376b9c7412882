"""Documents embedded by the real embedded engine, also when it is killed in the middle."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import numpy as np

from core.engines import EMBED_MODEL, connect
from core.paths import Paths
from core.rag.embedding import EmbeddingCache, known, make_embedder, probe
from core.settings import Settings
from tests.embedder import embedder


async def test_the_embedded_engine_embeds_dies_comes_back_and_nothing_is_lost(tmp_path: Path) -> None:
    settings = Settings(engine="embedded", threads=1, parallel=1, num_ctx=512)
    engine = await connect(settings, Paths(tmp_path, tmp_path, tmp_path), lambda status: None)
    cache = EmbeddingCache(tmp_path / "vectors.db")
    try:
        one = make_embedder(EMBED_MODEL, engine, cache)
        assert await probe(one) == 512 and (await known(engine))[0].name == EMBED_MODEL
        texts = [
            f"제{number}조 연차 휴가는 매년 {number}일이다. Article {number}." * 8 for number in range(400)
        ]
        texts += ["", "😀" * 300, "\u202e\u200b", "a" * 200_000, "\x00\ud800"]
        (pid,) = engine.root_pids()
        working = asyncio.ensure_future(one.documents(texts))
        while cache.size()[0] == 0 and not working.done():
            await asyncio.sleep(0.01)
        assert not working.done()
        os.kill(pid, signal.SIGKILL)
        vectors = await asyncio.wait_for(working, 120)
        assert engine.root_pids() != [pid]
        missing = [place for place, vector in enumerate(vectors) if vector is None]
        assert 400 in missing and not set(range(400)) & set(missing)
        expected = await embedder()(texts[:400])
        assert np.allclose(np.asarray(vectors[:400]), np.asarray(expected), atol=1e-5)
        # A second time the engine is not needed.
        await engine.close()
        again = await one.documents(texts[:400])
        assert all((a == b).all() for a, b in zip(again, vectors, strict=False))
    finally:
        await engine.close()
        cache.close()
