"""The documents pane with many documents: key to painted, filter to painted, a status to painted, a long document opened.

    python -m benchmarks.documents_pane --documents 10000

Headless (Textual's test driver, nothing written to a terminal) over the interface tests' fake runtime and a real
ledger; the time to "painted" is until the app has nothing left to lay out or draw. Prints JSON, milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.paths import default_paths
from core.settings import Settings


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and worst of some times; the processor's part of them where it is known."""
    ordered = sorted(values)
    worked = sorted(value.cpu for value in values if isinstance(value, Timed))
    figures = {
        "p50": round(statistics.median(ordered), 1),
        "p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 1),
        "max": round(ordered[-1], 1),
        "n": len(ordered),
    }
    if worked:
        figures["cpu_p50"] = round(statistics.median(worked), 1)
        figures["cpu_p95"] = round(worked[min(len(worked) - 1, int(len(worked) * 0.95))], 1)
    return figures


async def painted(app: Any) -> None:
    """Wait until the app has drawn what it was told."""
    done = asyncio.Event()
    app.screen.call_after_refresh(done.set)
    await done.wait()


class Timed(float):
    """Milliseconds on the clock; :attr:`cpu` of them this program worked (others may have had the processor)."""

    cpu = 0.0


async def timed(app: Any, act: Callable[[], Awaitable[None] | None]) -> Timed:
    """Return how long something takes until it is painted, ms."""
    began, worked = time.perf_counter(), time.process_time()
    result = act()
    if result is not None:
        await result
    await painted(app)
    took = Timed((time.perf_counter() - began) * 1e3)
    took.cpu = (time.process_time() - worked) * 1e3
    return took


async def measure(count: int, chunks: int, size: tuple[int, int]) -> dict[str, Any]:
    """Run the app with ``count`` documents and use it."""
    from core.session import documents
    from tests.tui.fakes import FakeChunk, FakeRuntime, FakeView, document
    from tui.documents_query import parse
    from tui.study import StudyApp

    with tempfile.TemporaryDirectory(prefix="llm-study-bench-") as folder:
        paths = default_paths(Path(folder))
        paths.ensure()
        settings = Settings(lang="en")
        runtime = FakeRuntime(settings, paths)
        app = StudyApp(runtime, settings, paths)  # type: ignore[arg-type]
        rows = [
            document(f"/wiki/team-{n % 40:02d}/part-{n % 7}/문서-{n:05d}.md", id=f"d{n}", mtime=1.7e9 + n)
            for n in range(count)
        ]
        async with app.run_test(size=size) as pilot:
            while not app.state.session:
                await pilot.pause(0.01)
            pane, shelf = app.bench.documents, app.state.documents.shelf
            store = runtime.store
            assert store is not None  # noqa: S101
            began = time.perf_counter()
            shelf.load(rows)
            loaded = (time.perf_counter() - began) * 1e3
            app.bench.focus_pane("documents")
            await pilot.pause(0.2)  # The focus moves a moment later, and F9 is for the pane that has it.
            app.bench.maximize_pane()
            assert pane.shape == "whole"  # noqa: S101
            await pilot.pause(0.3)
            result: dict[str, Any] = {
                "documents": count,
                "size": f"{size[0]}x{size[1]}",
                "sorted_and_placed": round(loaded, 1),
                "tree_built_and_painted": spread([await timed(app, pane.show_list) for _ in range(5)]),
            }
            keys: list[float] = []
            for key in ("down", "pagedown", "up", "end", "home", "pagedown") * 10:
                keys.append(
                    await timed(
                        app,
                        lambda key=key: pane.rows.run_action(  # type: ignore[misc]
                            {
                                "down": "cursor(1)",
                                "up": "cursor(-1)",
                                "pagedown": "page(1)",
                                "end": "edge(1)",
                                "home": "edge(-1)",
                            }[key]
                        ),
                    )
                )
            result["key"] = spread(keys)
            node = next(node for node in shelf.nodes() if node.key == "f:default:/wiki/team-00/part-0")
            result["fold"] = spread(
                [await timed(app, lambda n=n: pane.fold(node, closed=n % 2 == 0)) for n in range(10)]  # type: ignore[misc]
            )
            filters = [
                "p",
                "path:t",
                "path:team-1",
                "path:part-3",
                "type:md",
                "path:문서-00",
                "since:2026-01-01",
                "path:*-0?.md",
            ]
            times = []
            for text in filters[1:] * 3:
                times.append(await timed(app, lambda text=text: _filter(pane, text)))  # type: ignore[misc]
            result["filter"] = spread(times)
            _filter(pane, "")
            await painted(app)
            moved, top = [], pane.rows.scroll_offset.y
            for n in range(20):
                seen = [key for key in pane.rows.keys[top : top + 20] if key in shelf.documents]
                row = replace(shelf.documents[seen[n % len(seen)]], status="embedding" if n % 2 else "stale")
                moved.append(
                    await timed(app, lambda row=row: pane.show_changed({row.id}, shape=shelf.put(row)))
                )  # type: ignore[misc]
            result["status_change"] = spread(moved)
            added = []
            for n in range(10):
                row = document(f"/wiki/team-01/new-{n}.md", id=f"new{n}")
                added.append(
                    await timed(app, lambda row=row: pane.show_changed({row.id}, shape=shelf.put(row)))
                )  # type: ignore[misc]
            result["document_added"] = spread(added)
            result["query_parsed"] = spread([_parse_ms(parse) for _ in range(20)])
            text = "남은 휴가는 다음 해 3월 말까지 쓸 수 있습니다. Unused leave carries over once. " * 4
            long = FakeView(
                document("/wiki/long.md", id="long", chunks=chunks),
                [FakeChunk(f"c{n}", n, f"절 {n}", f"{n} {text}", n // 3 + 1) for n in range(chunks)],
            )
            # What the cursor rests on would be read now, in its place.
            if pane._read_timer:
                pane._read_timer.stop()
            pane._wanted = "long"
            result["chunks"] = chunks
            result["long_document_opened"] = spread([await timed(app, lambda: pane.show_view(long, None))])
            pane.reader.focus()
            await pilot.pause(0.2)
            assert pane.reader.chunk is not None and pane.reader.size.height > 10  # noqa: S101
            jumps = [await timed(app, lambda n=n: pane.reader.go(n * 977 % chunks)) for n in range(30)]  # type: ignore[misc]
            result["chunk_jump"] = spread(jumps)
            turns = [await timed(app, lambda: pane.reader.action_by_page(-1)) for _ in range(30)]
            result["page_up"] = spread(turns)
            # The ledger read back and shown, as at the start of the program.
            await asyncio.to_thread(lambda: documents.put_documents(store, rows).result())
            began = time.perf_counter()
            await asyncio.to_thread(documents.list_documents, store)
            result["ledger_read_in_worker"] = round((time.perf_counter() - began) * 1e3, 1)
        runtime.stop()
    return result


def _filter(pane: Any, text: str) -> None:
    """What typing does: the box and what comes of it."""
    from textual.widgets import Input

    with pane.prevent(Input.Changed):
        pane.box.value = text
    pane._take_query(text)


def _parse_ms(parse: Callable[[str], Any]) -> float:
    began = time.perf_counter()
    parse('휴가 이월 "3월 말" path:hr type:md since:2026-01-01')
    return (time.perf_counter() - began) * 1e3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--size", default="120x36")
    chosen = parser.parse_args()
    columns, _, lines = chosen.size.partition("x")
    print(
        json.dumps(
            asyncio.run(measure(chosen.documents, chosen.chunks, (int(columns), int(lines)))), indent=2
        )
    )


if __name__ == "__main__":
    main()
