"""The documents' dialogs: what cannot be stays to be put right, and their keys stay in sight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.tui.documents_bench import WIDE, in_documents


async def test_a_path_that_is_not_there_stays_to_be_put_right(runs: Any, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    async with runs() as bench:
        await in_documents(bench)
        await bench.pilot.press("a")
        await bench.sees("Files or folders")
        await bench.pilot.press(*f"{tmp_path}/note")
        await bench.pilot.press("enter")
        await bench.sees("There is no file or folder")
        await bench.pilot.press("s")
        await bench.until(lambda: "There is no file" not in bench.screen_text(), "put right")
        await bench.pilot.press("enter")
        await bench.until(lambda: bench.runtime.added == [f"{tmp_path}/notes"])


async def test_a_name_or_a_width_that_cannot_be_stays_to_be_put_right(runs: Any) -> None:
    async with runs(size=WIDE) as bench:
        await in_documents(bench)
        await bench.pilot.press("C", "a")
        await bench.sees("Name of the new collection")
        await bench.pilot.press("enter")
        await bench.sees("cannot be called")
        await bench.type("default")
        await bench.pilot.press("enter")
        await bench.sees("There is a collection default already")
        await bench.pilot.press("escape", "e")
        await bench.sees("Settings of default")
        await bench.pilot.press("down", "enter")
        await bench.type("abc")
        await bench.pilot.press("enter")
        await bench.sees("abc is no width")
        await bench.pilot.press(*["backspace"] * 3)
        await bench.type("7")
        await bench.pilot.press("enter")
        await bench.sees("Choose a whole number from")
        await bench.pilot.press("backspace")
        await bench.type("300")
        await bench.pilot.press("enter")
        await bench.sees("300 cells")


async def test_settings_say_how_to_save_them_on_a_small_screen(runs: Any) -> None:
    async with runs(size=(60, 16)) as bench:
        await in_documents(bench)
        await bench.pilot.press("C", "e")
        await bench.sees("Settings of default")
        await bench.pilot.press("right")
        await bench.sees("beside the old index")
        await bench.sees("s save   Esc close")
