"""The answer in words."""

from __future__ import annotations

from core.fit.sizes import gib
from core.fit.types import Advice, Availability, FitReport, Term
from core.i18n import tr


def sentence(report: FitReport) -> str:
    """The verdict in one line, for example that 5.5 GiB are needed and 5.2 GiB available."""
    verdict = report.verdict
    needed, room = gib(verdict.needed), gib(verdict.available)
    if verdict.kind == "unknown":
        return tr("fit.verdict.unknown", model=report.model)
    if verdict.kind == "smaller_context":
        return tr(
            "fit.verdict.smaller_context", model=report.model, needed=needed, available=room,
            where=where(report.availability), short=gib(verdict.short), num_ctx=f"{verdict.num_ctx or 0:,}",
        )  # fmt: skip
    return tr(
        f"fit.verdict.{verdict.kind}", model=report.model, needed=needed, available=room,
        where=where(report.availability), short=gib(verdict.short),
    )  # fmt: skip


def where(available: Availability) -> str:
    """Name the source that decides."""
    return tr(f"fit.room.{available.binding}") if available.binding else tr("fit.room.unknown")


def advice_lines(report: FitReport) -> list[str]:
    """What to do, one sentence each with its price."""
    return [advice_line(advice) for advice in report.verdict.advice]


def advice_line(advice: Advice) -> str:
    """One piece of advice."""
    params = dict(advice.params)
    if "price" in params:
        params["price"] = tr(f"fit.price.{params['price']}")
    enough = params.pop("enough", True)
    line = tr(f"fit.advice.{advice.key}", **params)
    return line if enough else f"{line} {tr('fit.advice.not_enough')}"


def term_line(term: Term) -> str:
    """One term: name, size, formula."""
    return f"{tr(f'fit.term.{term.name}')}: {gib(term.bytes)} = {term.formula}"
