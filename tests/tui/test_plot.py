"""Plots as text: scales, lines, legend, read-out; both sets of glyphs."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
from rich.cells import cell_len

from core.lab.types import Plot, Series
from tui import glyphs
from tui.widgets.plot_lines import draw, thin
from tui.widgets.plot_scale import (
    Look,
    nice_step,
    nice_ticks,
    number,
    scaled,
    wants_log,
    x_scale,
    xs_of,
)


@pytest.fixture(autouse=True)
def unicode_glyphs() -> Iterator[None]:
    glyphs.use_glyphs(ascii_only=False)
    yield
    glyphs.use_glyphs(ascii_only=False)


def line(name: str, *points: tuple[float, float]) -> Series:
    return Series(name, tuple((x, y, None, None) for x, y in points))


def texts(plot: Plot, width: int = 60, height: int = 16, **look: object) -> list[str]:
    return [
        "".join(text for text, _ in row)
        for row in draw(plot, Look(width, height, **look))  # type: ignore[arg-type]
    ]


RISING = Plot("p", "users", "ms", (line("p50", (0, 0), (10, 100)),))


@pytest.mark.parametrize(
    ("low", "high", "count", "ticks"),
    [
        (0, 100, 5, [0, 20, 40, 60, 80, 100]),
        (0, 1, 4, [0, 0.5, 1]),
        (0, 7, 4, [0, 2, 4, 6]),
        (130e6, 170e6, 2, [140e6, 160e6]),
        (-5, 5, 2, [-5, 0, 5]),
        (0.0012, 0.0031, 4, [0.0015, 0.002, 0.0025, 0.003]),
    ],
)
def test_ticks_are_round(low: float, high: float, count: int, ticks: list[float]) -> None:
    assert nice_ticks(low, high, count) == pytest.approx(ticks)


def test_a_step_of_nothing_is_one() -> None:
    assert nice_step(0, 5) == 1
    assert nice_step(math.inf, 5) == 1


def test_a_rising_line_goes_from_the_lower_left_to_the_upper_right() -> None:
    rows = texts(RISING, 40, 12)
    picture = [row[row.index("┤") + 1 if "┤" in row else row.index("│") + 1 :] for row in rows[1:-2]]
    assert picture[0].rstrip().endswith("●")
    assert picture[-1].startswith("●")
    firsts = [len(row) - len(row.lstrip()) for row in picture]
    assert firsts == sorted(firsts, reverse=True)


def test_a_flat_line_stays_on_its_row() -> None:
    rows = texts(Plot("p", "s", "MiB", (line("", *[(x, 50.0) for x in range(200)], (200, 100.0)),)), 60, 14)
    drawn = [y for y, row in enumerate(rows) if any("\u2800" < sign <= "\u28ff" for sign in row[:50])]
    assert len(drawn) == 1


def test_axes_have_units_and_ticks_at_the_data() -> None:
    plot = Plot("p", "users", "ms", (line("p50", (1, 100), (2, 200), (4, 300), (8, 700), (16, 1500)),))
    rows = texts(plot)
    assert rows[0].startswith("ms   ● p50")
    assert rows[-1].split() == ["1", "2", "4", "8", "16"]
    assert rows[-2].endswith(" users")
    assert any(row.lstrip().startswith("1 000 ┤") for row in rows)
    assert any(row.lstrip().startswith("0 ┤") for row in rows)


def test_doubling_x_is_drawn_by_its_logarithm() -> None:
    plot = Plot("p", "users", "ms", (line("", (1, 1), (2, 2), (4, 3), (8, 4), (16, 5)),))
    assert wants_log(xs_of(plot))
    ticks = texts(plot)[-1]
    places = [ticks.index(str(x)) for x in (1, 2, 4, 8)]
    gaps = [b - a for a, b in pairwise(places)]
    assert max(gaps) - min(gaps) <= 1
    assert not x_scale(plot, Look(60, 16, log_x=False)).log
    assert not wants_log([1, 2, 3, 4, 5])
    assert not wants_log([0, 1, 2, 4, 8])


def test_bytes_and_long_times_are_shown_in_larger_units() -> None:
    assert scaled("bytes", 300e6) == (2.0**20, "MiB")
    assert scaled("bytes", 3e10) == (2.0**30, "GiB")
    assert scaled("ms", 20_000) == (1000.0, "s")
    assert scaled("ms", 900) == (1.0, "ms")
    plot = Plot("p", "s", "bytes", (line("PSS", (0, 250 * 2.0**20), (9, 290 * 2.0**20)),))
    labels = [row.split("┤")[0].strip() for row in texts(plot)[1:] if "┤" in row]
    assert labels == ["290", "280", "270", "260", "250"]


def test_intervals_are_drawn_as_whiskers() -> None:
    bare = Plot("p", "users", "ms", (line("a", (1, 50), (2, 50), (3, 50)),))
    with_interval = Plot(
        "p", "users", "ms", (Series("a", ((1, 50, None, None), (2, 50, 20, 80), (3, 50, None, None))),)
    )
    column = [row.find("●", 20, 40) for row in texts(bare)][1:]
    place = next(index for index in column if index > 0)
    above = [row[place] for row in texts(with_interval, zero=True) if len(row) > place]
    assert sum("\u2800" < sign <= "\u28ff" for sign in above) >= 4


def test_a_huge_whisker_does_not_flatten_the_rest() -> None:
    plot = Plot("p", "users", "ms", (Series("a", ((1, 50, 0, 1e9), (2, 90, 80, 100))),))
    assert all("1 000" not in row for row in texts(plot))


def test_the_cursor_reads_out_every_series() -> None:
    plot = Plot(
        "p",
        "users",
        "ms",
        (Series("p50", ((1, 112, 98, 130), (2, 200, None, None))), line("p99", (1, 340.0))),
    )
    assert texts(plot, 70, cursor=1.0)[0].startswith("1 users   ● p50 112 (98–130) ms   ○ p99 340 ms")
    assert texts(plot, 70, cursor=2.0)[0].startswith("2 users   ● p50 200 ms   ○ p99 —")


def test_marks_are_lines_with_labels_that_do_not_run_into_each_other() -> None:
    plot = Plot(
        "p",
        "s",
        "MiB",
        (line("", *[(x / 10, 50 + x % 7) for x in range(100)]),),
        ((0.1, "load"), (0.4, "prefill"), (2.0, "first token"), (9.9, "end")),
    )
    rows = texts(plot, 80, 18)
    labels = "\n".join(rows[1:3])
    assert all(label in labels for label in ("load", "prefill", "first token", "end"))
    assert "loadprefill" not in labels
    assert any(row.count("┊") >= 3 for row in rows)


def test_lines_differ_without_colour() -> None:
    lines = tuple(line(f"s{n}", *[(x, n * 20 + 10) for x in range(200)]) for n in range(3))
    rows = texts(Plot("p", "s", "ms", lines, ()), 80, 20)
    inked = [row[8:] for row in rows[1:-2] if any("\u2800" < sign <= "\u28ff" for sign in row)]
    assert len(inked) == 3
    assert len({tuple(sorted(set(row.strip()))) for row in inked}) == 3


def test_without_braille_there_is_only_ascii() -> None:
    glyphs.use_glyphs(ascii_only=True)
    plot = Plot(
        "p",
        "users",
        "ms",
        (Series("p50", ((1, 50, 40, 60), (2, 90, 80, 100))), line("p99", (1, 95), (2, 190))),
        ((1.5, "SLO"),),
    )
    rows = texts(plot, 50, 14, cursor=2.0)
    assert all(row.isascii() for row in rows)
    assert "* p50 90 (80-100) ms" in rows[0]
    body = "\n".join(rows[1:])
    assert "*" in body and "o" in body and ":" in body and "|" in body


@pytest.mark.parametrize("width", [1, 7, 20, 33, 80, 200])
@pytest.mark.parametrize("height", [1, 3, 8, 24])
def test_every_line_fits_whatever_the_size(width: int, height: int) -> None:
    noise = random.Random(7)
    plot = Plot(
        "p",
        "사용자",
        "토큰/초",
        (
            line("느린 모델 😀", *[(noise.random() * 1e6, noise.random() * 1e12) for _ in range(500)]),
            line("b", (1, -5), (2, 5e11)),
        ),
        ((3e5, "첫 토큰"),),
    )
    rows = draw(plot, Look(width, height, cursor=1))
    assert len(rows) == height
    assert all(sum(cell_len(text) for text, _ in row) <= width for row in rows)


def test_nothing_to_draw_is_said() -> None:
    assert "nothing to draw" in texts(Plot("p", "s", "ms", ()))[0]
    odd = Plot("p", "s", "ms", (line("a", (math.nan, 1), (1, math.inf)),))
    assert "nothing to draw" in texts(odd)[0]


def test_one_point_and_equal_values_are_drawn() -> None:
    assert any("●" in row for row in texts(Plot("p", "s", "ms", (line("a", (3, 0)),)))[1:])
    assert any("●" in row for row in texts(Plot("p", "s", "ms", (line("a", (1, 5), (2, 5)),)))[1:])


def test_thinning_keeps_the_peaks() -> None:
    points = [(float(x), 1000.0 if x == 777 else float(x % 10), None, None) for x in range(5000)]
    kept = thin(points, 200)
    assert len(kept) <= 202
    assert (777.0, 1000.0, None, None) in kept
    assert [point[0] for point in kept] == sorted(point[0] for point in kept)


def test_hostile_names_are_cleaned() -> None:
    plot = Plot(
        "p", "s\x1b[2J", "ms\x07", (line("[red]evil\x1b]0;t\x07", (1, 1), (2, 2)),), ((1.5, "\x1b[31mm"),)
    )
    text = "\n".join(texts(plot))
    assert "\x1b" not in text and "\x07" not in text
    assert "[red]evil" in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (112.4, "112"), (49.12, "49.1"), (1.234, "1.23"), (0.0123, "0.012"), (12345, "12 345")],
)
def test_numbers_have_three_digits_that_matter(value: float, shown: str) -> None:
    assert number(value) == shown


def test_the_axis_and_the_legend_are_in_one_unit() -> None:
    # The axis ends above the data: at 10 000 ms it must not change to seconds alone.
    lines = texts(Plot("ttft", "tok", "ms", (line("cold", (64, 2_485), (192, 9_681)),)))
    assert lines[0].startswith("ms")
    assert any(text.startswith("10 000") for text in lines)
