"""Numbers with units, and text cut to terminal cells. Every figure on screen is written here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from core.i18n import tr
from tui.glyphs import glyphs

if TYPE_CHECKING:
    from core.agent.types import Cost

MIB = 2**20
GIB = 2**30


def none() -> str:
    """Return what stands for a value that could not be measured."""
    return glyphs().none


def size(value: float | None) -> str:
    """Write bytes in binary units: ``268 MiB``, ``1.9 GiB``."""
    if value is None:
        return none()
    for unit, factor in (("GiB", GIB), ("MiB", MIB), ("KiB", 1024)):
        if abs(value) >= factor:
            number = value / factor
            return f"{number:.1f} {unit}" if unit == "GiB" else f"{number:.0f} {unit}"
    return f"{value:.0f} B"


def signed_size(value: float | None) -> str:
    """Write a difference of bytes with its sign: ``+6 MiB``."""
    if value is None:
        return none()
    return f"{'+' if value >= 0 else '-'}{size(abs(value))}"


def of_total(used: float | None, total: float | None) -> str:
    """Write ``used/total`` in GiB, the unit once: ``3.1/23 GiB``."""
    if used is None or not total:
        return none()
    return f"{used / GIB:.1f}/{total / GIB:.0f} GiB"


def megabytes_per_s(value: float | None) -> str:
    """Write bytes per second as ``12.3 MB/s``: decimal, as networks are counted."""
    return none() if value is None else f"{value / 1e6:.1f} MB/s"


def percent(value: float | None) -> str:
    """Write 0-100 as ``97 %``."""
    return none() if value is None else f"{value:.0f} %"


def duration(milliseconds: float | None) -> str:
    """Write a duration: ``0.4 ms``, ``112 ms``, ``1.9 s``, ``2 m 05 s``."""
    if milliseconds is None:
        return none()
    if milliseconds < 10:
        return f"{milliseconds:.1f} ms"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} m {int(seconds % 60):02d} s"


def to_come(seconds: float) -> str:
    """Write a time that is still to come in whole seconds or coarser: it is an estimate, and must not flicker."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} m {int(seconds % 60):02d} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} m"


def rate(value: float | None) -> str:
    """Write tokens per second, the unit left to the label."""
    return none() if value is None else f"{value:.1f}"


def count(value: int | None) -> str:
    """Write a whole number with a thin gap every three digits: ``1 204``."""
    return none() if value is None else f"{value:,}".replace(",", " ")


def cost(value: Cost | None, *, short: bool = False) -> str:
    """Write money: what it cost here, else what the same tokens cost at the first hosted model; ``""``: unknown.

    Args:
        short: A sign instead of the hosted model's name.
    """
    # With the first answer: the words of costs are not needed for the first paint.
    from core.cost.words import money

    if value is None:
        return ""
    if value.local_usd is not None:
        return money(value.local_usd, 2)
    if not value.hosted:
        return ""
    if short:
        return glyphs().about + money(value.hosted[0].usd, 2)
    return tr("cost.at", usd=money(value.hosted[0].usd, 2), model=value.hosted[0].model)


def fit(text: str, width: int) -> str:
    """Cut ``text`` to ``width`` cells, the last one an ellipsis when something was cut."""
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return text
    mark = glyphs().ellipsis
    return set_cell_size(text, max(0, width - cell_len(mark))).rstrip() + mark


def fit_start(text: str, width: int) -> str:
    """Cut the beginning of ``text`` (a path, say) so that its end fits ``width`` cells."""
    if cell_len(text) <= width:
        return text
    mark = glyphs().ellipsis
    while text and cell_len(text) > width - cell_len(mark):
        text = text[1:]
    return mark + text


def fit_middle(text: str, width: int) -> str:
    """Cut the middle out of a name: its end, where versions and types stand, says as much as its beginning."""
    mark = glyphs().ellipsis
    room = width - cell_len(mark)
    if cell_len(text) <= width or room < 8:
        return fit(text, width)
    tail = text
    while cell_len(tail) > room // 2 or (tail and not cell_len(tail[0])):
        tail = tail[1:]
    head = set_cell_size(text, room - cell_len(tail)).rstrip()
    return f"{head}{mark}{tail}"


def pad(text: str, width: int) -> str:
    """Cut or fill ``text`` to exactly ``width`` cells."""
    return set_cell_size(fit(text, width), max(0, width))


def split_line(left: str, right: str, width: int) -> str:
    """Put ``left`` and ``right`` on one line of ``width`` cells; the left gives way."""
    room = max(0, width - cell_len(right) - (1 if right else 0))
    return pad(left, room) + (" " if right and room else "") + right
