"""Cost of a call, and how costs add up. US dollars only: the price list is in them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from core.agent.types import Cost, HostedPrice
from core.cost import prices
from core.events import Usage
from core.settings import Settings

HOURS_PER_YEAR = 365.25 * 24


@dataclass(frozen=True)
class Energy:
    """Energy used, in watt-hours, and whether a meter said so."""

    wh: float
    measured: bool = True


def assumed_energy(seconds: float, settings: Settings) -> Energy | None:
    """Return the settings' power over a time; ``None`` when they do not name it."""
    return Energy(settings.power_w * seconds / 3600, measured=False) if settings.power_w > 0 else None


def local_usd(seconds: float, energy: Energy | None, settings: Settings) -> float | None:
    """Return what the machine took, in dollars: power, and a share of its price; ``None`` when neither is known.

    The share is that of a machine that works all the time: one that is busy a tenth of it costs ten times as much.
    """
    parts: list[float] = []
    if energy is not None and settings.power_price > 0:
        parts.append(energy.wh / 1000 * settings.power_price)
    if settings.hardware_price > 0:
        parts.append(settings.hardware_price / (settings.hardware_years * HOURS_PER_YEAR) * seconds / 3600)
    return sum(parts) if parts else None


def cost_of(
    usage: Usage,
    seconds: float,
    energy: Energy | None,
    settings: Settings,
    *,
    when: float | None = None,
) -> Cost:
    """Return the cost of one model call.

    Args:
        seconds: How long the engine worked.
        energy: From a meter; ``None``: from the settings, if they name the power.
        when: Unix seconds of the call (default now): hosted prices are those of its day.
    """
    energy = energy or assumed_energy(seconds, settings)
    moment = (
        datetime.datetime.fromtimestamp(when, datetime.UTC)
        if when is not None
        else datetime.datetime.now(datetime.UTC)
    )
    tokens = usage.input_tokens + usage.output_tokens
    hosted = (
        prices.hosted(usage.input_tokens, usage.output_tokens, settings.compare_prices, moment.date())
        if tokens
        else ()
    )
    return Cost(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        seconds=seconds,
        energy_wh=energy.wh if energy else None,
        energy_measured=bool(energy and energy.measured),
        local_usd=local_usd(seconds, energy, settings),
        hosted=hosted,
        prices_date=prices.date() if hosted else "",
    )


def total(costs: Iterable[Cost]) -> Cost:
    """Add costs up. What no part knows stays unknown; energy counts as measured when every part of it was."""
    items = list(costs)
    energies = [item for item in items if item.energy_wh is not None]
    moneys = [item.local_usd for item in items if item.local_usd is not None]
    sums: dict[tuple[str, str], float] = {}
    for item in items:
        for price in item.hosted:
            key = (price.model, price.provider)
            sums[key] = sums.get(key, 0.0) + price.usd
    return Cost(
        input_tokens=sum(item.input_tokens for item in items),
        output_tokens=sum(item.output_tokens for item in items),
        seconds=sum(item.seconds for item in items),
        energy_wh=sum(item.energy_wh or 0.0 for item in energies) if energies else None,
        energy_measured=bool(energies) and all(item.energy_measured for item in energies),
        local_usd=sum(moneys) if moneys else None,
        hosted=tuple(HostedPrice(model, provider, usd) for (model, provider), usd in sums.items()),
        prices_date=max((item.prices_date for item in items), default=""),
    )
