"""A cost in words and figures. Light to import: the price list is not needed for it."""

from __future__ import annotations

from collections.abc import Iterator

from core.agent.types import Cost
from core.i18n import tr
from core.settings import Settings


def report(cost: Cost, settings: Settings) -> Iterator[str]:
    """Write a cost as lines, each figure with its unit and where it is from."""
    yield tokens(cost)
    yield tr("cost.seconds", seconds=f"{cost.seconds:.1f}")
    if cost.energy_wh is None:
        yield tr("cost.energy.none")
    else:
        kind = "metered" if cost.energy_measured else "assumed"
        yield tr(f"cost.energy.{kind}", wh=f"{cost.energy_wh:.4g}", watts=f"{settings.power_w:g}")
    if cost.local_usd is None:
        yield tr("cost.local.none")
    else:
        yield tr("cost.local", usd=money(cost.local_usd))
    if cost.hosted:
        yield tr("cost.hosted", date=cost.prices_date)
        for price in cost.hosted:
            yield f"  {money(price.usd):>10}  {price.model} ({price.provider})"


def tokens(cost: Cost) -> str:
    """Write the tokens of a cost."""
    return tr("cost.tokens", read=f"{cost.input_tokens:,}", written=f"{cost.output_tokens:,}")


def money(usd: float | None, digits: int = 3) -> str:
    """Write dollars, small ones with so many significant digits."""
    if usd is None:
        return "N/A"
    if usd == 0 or usd >= 100:
        return f"${usd:,.2f}"
    places = 2
    while places < 9 and round(usd, places) < 10 ** (digits - 1 - places):
        places += 1
    return f"${usd:.{places}f}"
