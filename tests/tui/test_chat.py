"""Asking: streaming, tool rows, stopping, waiting, history."""

from __future__ import annotations

from typing import Any


async def test_a_question_is_answered_with_its_tool_row_and_receipt(runs: Any) -> None:
    async with runs() as bench:
        await bench.ask("What is 12*34?")
        await bench.sees("12 × 34 = 408")
        await bench.sees("calculator  12*34 → 408")
        await bench.sees("38 tok · 49.1 tok/s · TTFT 112 ms · peak 268 MiB (+6)")
