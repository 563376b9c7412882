"""The verdict: fits, fits with a smaller context, or by how much it does not; and what to do, each with its price."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.fit.catalog import FILE_BITS, MODELS
from core.fit.estimate import PAD, estimate, with_context
from core.fit.sizes import gib
from core.fit.types import Advice, Availability, Estimate, FitReport, LoadPlan, Verdict
from core.gguf import Header
from core.gguf.ggml import BITS

MIN_CONTEXT = 512
"""A smaller context is no help: the question alone may be longer."""
LIMIT_STEP = 256 << 20
"""A new limit is rounded up to this."""


def judge(
    header: Header,
    plan: LoadPlan,
    available: Availability,
    *,
    model: str,
    loaded_bytes: int = 0,
    projector_bytes: int = 0,
) -> Verdict:
    """Hold the estimate against what is available.

    Args:
        header: The model's.
        plan: How it would be loaded.
        available: What there is.
        model: Its name.
        loaded_bytes: What other models that could be unloaded hold; not part of ``available``.
        projector_bytes: Image or sound encoders loaded beside it.
    """
    whole = estimate(header, plan, model=model, projector_bytes=projector_bytes)
    room = available.bytes
    if room is None or not whole.total or not header.tensors.bytes:
        return Verdict("unknown", whole.needed or None, room)
    if whole.needed <= room:
        return Verdict("fits", whole.needed, room)
    context = _largest_context(header, plan, room, model, projector_bytes)
    advice = _advice(header, plan, available, whole, context, loaded_bytes, projector_bytes)
    return Verdict(
        "smaller_context" if context else "too_big", whole.needed, room, context or None, tuple(advice)
    )


def report(
    header: Header | None,
    plan: LoadPlan,
    available: Availability,
    *,
    model: str,
    source: str,
    loaded_bytes: int = 0,
    projector_bytes: int = 0,
    download_bytes: int | None = None,
    metadata_bytes: int | None = None,
) -> FitReport:
    """Everything about one model; without a header the verdict is ``unknown``."""
    if header is None:
        verdict, whole = Verdict("unknown", None, available.bytes), None
    else:
        whole = estimate(header, plan, model=model, projector_bytes=projector_bytes)
        verdict = judge(
            header, plan, available, model=model, loaded_bytes=loaded_bytes, projector_bytes=projector_bytes
        )
    return FitReport(model, source, available, verdict, whole, download_bytes, metadata_bytes)


def _largest_context(header: Header, plan: LoadPlan, room: int, model: str, projector: int) -> int:
    """Largest multiple of 256 below the plan's context that fits; 0 when none of use does."""
    low, high = MIN_CONTEXT // PAD, (plan.num_ctx - 1) // PAD
    best = 0
    while low <= high:
        middle = (low + high) // 2
        need = estimate(
            header, with_context(plan, middle * PAD), model=model, projector_bytes=projector
        ).needed
        if need <= room:
            best, low = middle * PAD, middle + 1
        else:
            high = middle - 1
    return best


def _advice(
    header: Header,
    plan: LoadPlan,
    available: Availability,
    whole: Estimate,
    context: int,
    loaded: int,
    projector: int,
) -> list[Advice]:
    room = available.bytes or 0
    short = whole.needed - room

    def needed(changed: LoadPlan) -> int:
        return estimate(header, changed, model=whole.model, projector_bytes=projector).needed

    found = []
    if context:
        fitting = needed(with_context(plan, context))
        found.append(Advice("context", {"num_ctx": f"{context:,}", "needed": gib(fitting)}))
    if loaded:
        key = "unload" if loaded >= short else "unload.part"
        found.append(Advice(key, {"freed": gib(loaded)}))
    if plan.parallel > 1:
        fewer = next(
            (n for n in range(plan.parallel - 1, 0, -1) if needed(replace(plan, parallel=n)) <= room), 1
        )
        found.append(
            Advice("slots", {"parallel": fewer, "needed": gib(needed(replace(plan, parallel=fewer)))})
        )
    if plan.kv_type == "f16":
        smaller = needed(replace(plan, kv_type="q8_0"))
        if whole.needed - smaller > short // 4:
            saved = gib(whole.needed - smaller)
            found.append(
                Advice("kv_type", {"needed": gib(smaller), "saved": saved, "enough": smaller <= room})
            )
    quant = _smaller_quantisation(header, whole, room)
    if quant is not None:
        found.append(Advice("quantisation", quant))
    found += _more_room(available, short)
    smaller_model = _smaller_model(header, plan, room)
    if smaller_model is not None:
        found.append(smaller_model)
    return found


def _smaller_quantisation(header: Header, whole: Estimate, room: int) -> dict[str, Any] | None:
    """The best quantisation that fits, else the smallest one; ``None`` when this is the smallest."""
    weights, parameters = header.tensors.bytes, header.parameter_count
    if not parameters:
        return None
    bits = 8 * weights / parameters
    rest = whole.total - weights - next((term.bytes for term in whole.terms if term.name == "repack"), 0)
    smaller = [(name, value) for name, value in FILE_BITS.items() if value < bits - 0.2]
    if not smaller:
        return None
    sizes = {name: rest + int(parameters * value / 8) for name, value in smaller}
    name = next((name for name, size in sizes.items() if size <= room), smaller[-1][0])
    price = "severe" if FILE_BITS[name] < 3.5 else "some" if FILE_BITS[name] < BITS["Q4_0"] else "little"
    return {"quant": name, "needed": gib(sizes[name]), "price": price, "enough": sizes[name] <= room}


def _more_room(available: Availability, short: int) -> list[Advice]:
    rooms = {room.name: room for room in available.rooms}
    found = []
    binding = available.binding
    memory = rooms.get("memory")
    if binding in ("container", "cgroup") and rooms[binding].total is not None:
        limit = -(-((rooms[binding].total or 0) + short) // LIMIT_STEP) * LIMIT_STEP
        extra = limit - (rooms[binding].total or 0)
        enough = memory is None or memory.available >= rooms[binding].available + extra
        key = f"{binding}_limit" if enough else f"{binding}_limit.beyond"
        found.append(Advice(key, {"limit": gib(limit), "now": gib(rooms[binding].total or 0)}))
    if binding == "memory":
        swap = rooms.get("swap")
        if swap is not None and swap.available >= short:
            found.append(Advice("swap", {"free": gib(swap.available), "short": gib(short)}))
        else:
            found.append(Advice("swap.add", {"short": gib(short)}))
    return found


def _smaller_model(header: Header, plan: LoadPlan, room: int) -> Advice | None:
    """The largest well-known model that fits with the same plan."""
    best: tuple[int, str, int] | None = None
    for candidate in MODELS:
        if candidate.parameters >= (header.parameter_count or 1 << 62):
            continue
        need = estimate(candidate.header(), plan, model=candidate.name).needed
        if need <= room and (best is None or candidate.parameters > best[0]):
            best = (candidate.parameters, candidate.name, need)
    return None if best is None else Advice("smaller_model", {"name": best[1], "needed": gib(best[2])})
