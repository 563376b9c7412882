"""The empty input names the keys of the item the cursor is on."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_the_keys_of_an_item_are_named_below_it(runs: Any, size: tuple[int, int]) -> None:
    async with runs(size=size) as bench:
        await bench.ask("What is 12*34?")
        await bench.until(lambda: not bench.app.state.generating)
        await bench.sees("Ask something, or / for commands")
        await bench.pilot.press("shift+tab")  # The answer.
        await bench.sees("y copy  r again  t trace  m memory  ? behind it")
        await bench.pilot.press("up")  # The step.
        await bench.sees("Enter open  t trace  y copy  Esc back to writing")
        await bench.pilot.press("escape")
        await bench.sees("Ask something, or / for commands")
