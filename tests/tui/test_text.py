"""Numbers with units, cells, graphs, glyphs, copying: the pure parts."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from rich.cells import cell_len

from tui import clipboard, exporting, format, glyphs
from tui.widgets.sparkline import bar, spark


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "—"), (0, "0 B"), (2048, "2 KiB"), (268 * 2**20, "268 MiB"), (int(1.9 * 2**30), "1.9 GiB")],
)
def test_sizes(value: float | None, text: str) -> None:
    assert format.size(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "—"), (0.42, "0.4 ms"), (112.4, "112 ms"), (1900, "1.9 s"), (125_000, "2 m 05 s")],
)
def test_durations(value: float | None, text: str) -> None:
    assert format.duration(value) == text


@pytest.mark.parametrize("width", range(1, 24))
def test_cutting_measures_cells(width: int) -> None:
    for text in ("안녕하세요 여러분", "plain text here", "각" * 9, "a가b나c다"):
        assert cell_len(format.fit(text, width)) <= width
        assert cell_len(format.pad(text, width)) == width
        assert cell_len(format.fit_start(text, width)) <= width


def test_sparklines_have_their_width_and_gaps() -> None:
    assert spark([0, 50, 100], 3, high=100) == "▁▅█"
    assert spark([None, 1.0], 4) == "   █"
    assert spark([], 5) == "     "
    assert spark([5.0, 5.0], 2, low=None) == "▁▁"
    assert bar(0.5, 4) == "██░░"
    assert bar(0.001, 4) == "█░░░"
    assert bar(None, 3) == "   "


def test_every_glyph_is_one_cell_and_has_an_ascii_form() -> None:
    for field in dataclasses.fields(glyphs.Glyphs):
        shown, plain = getattr(glyphs.UNICODE, field.name), getattr(glyphs.ASCII, field.name)
        if isinstance(shown, bool):
            continue  # Whether plots may draw in braille.
        assert plain.isascii(), field.name
        assert all(cell_len(letter) == 1 for letter in shown), field.name


def test_osc52_is_wrapped_for_tmux() -> None:
    plain = clipboard.osc52("한", tmux=False)
    assert plain == "\x1b]52;c;7ZWc\x07"
    assert clipboard.osc52("한", tmux=True) == plain + "\x1bPtmux;\x1b\x1b]52;c;7ZWc\x07\x1b\\"


def test_what_is_too_long_to_copy_is_refused() -> None:
    written: list[str] = []
    assert clipboard.copy("x" * 200_000, written.append, {"SSH_TTY": "1"}) == "none"
    assert clipboard.copy("x", written.append, {"SSH_TTY": "1"}) == "osc52"
    assert clipboard.copy("x", None, {"SSH_TTY": "1"}) == "none"
    assert len(written) == 1


def test_a_local_tool_is_not_used_over_ssh(monkeypatch: Any) -> None:
    monkeypatch.setattr(clipboard.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert clipboard.local_tool({"DISPLAY": ":0"}) == ["xclip", "-selection", "clipboard"]
    assert clipboard.local_tool({"DISPLAY": ":0", "SSH_CONNECTION": "x"}) is None


def test_nothing_is_overwritten(tmp_path: Any) -> None:
    first = exporting.save_text(tmp_path, "a")
    second = exporting.save_text(tmp_path, "b")
    assert (first.read_text(), second.read_text()) == ("a", "b")
