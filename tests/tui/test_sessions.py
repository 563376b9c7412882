"""Sessions: continue with the whole transcript, rename, delete, export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.session import chat


async def test_the_last_session_comes_back_as_it_was(runs: Any) -> None:
    async with runs() as bench:
        await bench.ask("What is 12*34?")
        await bench.sees("38 tok")
        before = bench.screen_text().splitlines()[2:12]
    async with runs(session="last") as bench:
        await bench.sees("38 tok")
        after = bench.screen_text().splitlines()[2:12]
        chat_part = lambda lines: [line.split("│")[1] for line in lines if line.count("│") > 1]  # noqa: E731
        assert chat_part(after) == chat_part(before)
        await bench.pilot.press("f2")
        await bench.sees("execute_tool calculator")
        bench.app.bench.focus_pane("chat")


async def test_the_list_continues_renames_and_deletes(runs: Any) -> None:
    async with runs() as bench:
        await bench.ask("first one")
        await bench.sees("38 tok")
        first = bench.app.state.session_id
        await bench.pilot.press("ctrl+n")
        await bench.until(lambda: bench.app.state.session_id != first)
        await bench.ask("second one")
        await bench.sees("38 tok")
        await bench.pilot.press("f6")
        await bench.sees("* second one")
        await bench.pilot.press("down", "r")
        await bench.sees("Title of the session")
        await bench.pilot.press("end", *" 하나", "enter")
        await bench.sees("first one 하나")
        await bench.pilot.press("enter")
        await bench.until(lambda: bench.app.state.session_id == first)
        await bench.pilot.press("f6")
        await bench.sees("* first one 하나")
        await bench.pilot.press("d")
        await bench.sees("Delete “first one 하나” with its 2 messages?")
        await bench.pilot.press("enter")
        await bench.sees("* first one 하나")
        await bench.pilot.press("d", "y")
        await bench.until(lambda: len(chat.list_sessions(bench.runtime.store)) == 1)
        await bench.pilot.press("escape")
        await bench.until(lambda: bench.app.screen is bench.app.bench)
        await bench.sees("Ready when you are.")


async def test_export_writes_both_formats_and_says_where(runs: Any, tmp_path: Path) -> None:
    async with runs() as bench:
        await bench.ask("What is 12*34?")
        await bench.sees("38 tok")
        folder = tmp_path / "out"
        await bench.ask(f"/export {folder}")
        await bench.sees("Saved")
        names = sorted(path.suffix for path in folder.iterdir())
        assert names == [".json", ".md"]
        data = json.loads(next(folder.glob("*.json")).read_text())
        assert data["messages"][0]["content"] == "What is 12*34?"
        target = tmp_path / "one.md"
        for _ in range(2):
            await bench.ask(f"/export {target}")
            await bench.until(lambda: target.exists())
        await bench.until(lambda: (tmp_path / "one-2.md").exists())
        await bench.ask("/export /proc/nowhere/x.md")
        await bench.sees("It could not be saved")


async def test_this_session_is_renamed_by_command(runs: Any) -> None:
    async with runs() as bench:
        await bench.ask("hello")
        await bench.sees("38 tok")
        await bench.ask("/rename 휴가 [bold]규정")
        await bench.until(lambda: "휴가 [bold]규정" in bench.screen_text().splitlines()[0])


async def test_a_list_with_no_sessions_says_how_one_comes_about(runs: Any) -> None:
    async with runs() as bench:
        await bench.pilot.press("f6")
        await bench.sees("No sessions yet. The first question makes one")
        assert "no session matches" not in bench.screen_text()
