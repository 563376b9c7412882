"""What hosted models take for the same tokens: the prices that genai-prices carries, no network.

The package is imported with the first price asked for: its table takes a third of a second.
"""

from __future__ import annotations

import datetime
import functools
import re
from typing import Any

from core.agent.types import HostedPrice
from core.text import clean_line

_DATE = re.compile(r"\b20\d\d-\d\d-\d\d\b")


def listed(setting: str) -> tuple[tuple[str, str], ...]:
    """Read a setting ``provider/model, provider/model`` as pairs; the provider may be left out."""
    pairs = []
    for part in setting.split(","):
        provider, slash, model = part.strip().partition("/")
        if part.strip():
            pairs.append((provider.strip(), model.strip()) if slash else ("", provider.strip()))
    return tuple(dict.fromkeys(pairs))


def hosted(input_tokens: int, output_tokens: int, models: str, day: datetime.date) -> tuple[HostedPrice, ...]:
    """Return what one request of this size would have cost on that day, for each model that has a price.

    Args:
        models: As in the setting ``compare_prices``; unknown ones are left out.
    """
    found = (_price(input_tokens, output_tokens, provider, model, day) for provider, model in listed(models))
    return tuple(price for price in found if price)


def unknown(models: str) -> tuple[str, ...]:
    """Return the models of the setting that have no price."""
    today = datetime.datetime.now(datetime.UTC).date()
    return tuple(
        f"{provider}/{model}".strip("/")
        for provider, model in listed(models)
        if _price(1000, 100, provider, model, today) is None
    )


@functools.lru_cache(maxsize=1 << 16)
def _price(
    input_tokens: int, output_tokens: int, provider: str, model: str, day: datetime.date
) -> HostedPrice | None:
    from genai_prices import Usage, calc_price

    try:
        # By day: a price list has dates, and requests of one size on one day are asked for once.
        price = calc_price(
            Usage(input_tokens=input_tokens, output_tokens=output_tokens),
            model,
            provider_id=provider or None,
            genai_request_timestamp=datetime.datetime.combine(day, datetime.time(12), datetime.UTC),
        )
    except (LookupError, ValueError):
        return None
    return HostedPrice(
        clean_line(price.model.name or price.model.id, max_chars=40),
        clean_line(price.provider.name, max_chars=40),
        float(price.total_price),
    )


@functools.lru_cache(maxsize=1)
def date() -> str:
    """Return the newest day the price list speaks of, ISO: it has no date of its own."""
    from genai_prices import data_snapshot

    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    found: set[str] = set()
    for provider in data_snapshot.get_snapshot().providers:
        found.update(_DATE.findall(provider.price_comments or ""))
        for model in provider.models:
            found.update(_DATE.findall(model.price_comments or ""))
            found.update(_starts(model))
    # Prices announced for later are in there too.
    return max((day for day in found if day <= today), default="")


def _starts(model: Any) -> list[str]:
    """Return the days from which conditional prices of a model hold."""
    prices = model.prices if isinstance(model.prices, list) else []
    starts = [getattr(price.constraint, "start_date", None) for price in prices]
    return [start.isoformat() for start in starts if start]
