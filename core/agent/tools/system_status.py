"""``system_status``: this machine's and the engine's numbers, from the sampler, the engine and the store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.agent.tools.language import in_language, language_of
from core.agent.types import Tool, ToolContext, ToolResult
from core.events import Sample
from core.i18n import Lang
from core.text import clean_line

FRESH_S = 5.0
"""An older sample (telemetry is paused) is not used: the machine is read anew."""

TOPICS = ("all", "memory", "cpu", "disk", "engine")


@dataclass(frozen=True, slots=True)
class _Machine:
    cpu_percent: float | None
    cores: int | None
    memory_used: int | None
    memory_total: int | None
    swap_used: int | None
    engine_memory: int | None
    engine_cpu: float | None
    disk_free: int | None
    disk_total: int | None


async def _call(context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
    lang = language_of(context)
    topic = arguments.get("topic", "all")
    machine = await asyncio.to_thread(_read, context)
    lines: list[str] = []
    if topic in ("all", "memory"):
        lines += _memory(machine, lang)
    if topic in ("all", "cpu"):
        lines += _cpu(machine, lang)
    if topic in ("all", "disk"):
        lines.append(
            in_language(lang, "status.disk", free=size(machine.disk_free), total=size(machine.disk_total))
        )
    if topic in ("all", "engine"):
        lines += _engine(context, machine, lang)
    text = "\n".join(lines)
    return ToolResult(text, text, data={"topic": topic, **_figures(machine)})


def _memory(machine: _Machine, lang: Lang) -> list[str]:
    share = (
        f"{100 * machine.memory_used / machine.memory_total:.0f}%"
        if machine.memory_used is not None and machine.memory_total
        else "N/A"
    )
    lines = [
        in_language(
            lang,
            "status.memory",
            used=size(machine.memory_used),
            total=size(machine.memory_total),
            share=share,
        )
    ]
    if machine.swap_used:
        lines.append(in_language(lang, "status.swap", used=size(machine.swap_used)))
    if machine.engine_memory is not None:
        lines.append(in_language(lang, "status.engine_memory", used=size(machine.engine_memory)))
    return lines


def _cpu(machine: _Machine, lang: Lang) -> list[str]:
    percent = "N/A" if machine.cpu_percent is None else f"{machine.cpu_percent:.0f}%"
    lines = [in_language(lang, "status.cpu", percent=percent, cores=machine.cores or "N/A")]
    if machine.engine_cpu is not None:
        lines.append(in_language(lang, "status.engine_cpu", percent=f"{machine.engine_cpu:.0f}%"))
    return lines


def _engine(context: ToolContext, machine: _Machine, lang: Lang) -> list[str]:
    engine = context.engine
    if engine is None:
        return [in_language(lang, "status.no_engine")]
    status = engine.status
    lines = [
        in_language(
            lang,
            "status.engine",
            kind=in_language(lang, f"status.kind.{status.kind}"),
            version=clean_line(engine.version) or "N/A",
            model=clean_line(engine.model) or "N/A",
        )
    ]
    for one in engine.loaded[:5]:
        lines.append(
            in_language(
                lang,
                "status.loaded",
                model=clean_line(one.name),
                size=size(one.size_bytes),
                context=one.context_length or "N/A",
            )
        )
    if not engine.loaded:
        lines.append(in_language(lang, "status.none_loaded"))
    load = engine.load
    if load.slots is not None:
        lines.append(
            in_language(
                lang, "status.slots", busy=load.running or 0, slots=load.slots, waiting=load.waiting or 0
            )
        )
    last = context.store.query(
        "SELECT tokens_per_s, ttft_ms FROM runs WHERE tokens_per_s IS NOT NULL ORDER BY started_at DESC LIMIT 1"
    )
    if last:
        rate, first = last[0]["tokens_per_s"], last[0]["ttft_ms"]
        lines.append(
            in_language(
                lang,
                "status.speed",
                rate=f"{rate:.1f}",
                first="N/A" if first is None else f"{first:.0f} ms",
            )
        )
    return lines


def _read(context: ToolContext) -> _Machine:
    """Take the sampler's last reading, or read the machine where there is none. May take 0.1 s: in a thread."""
    import psutil

    sample = context.hub.latest if context.hub is not None else None
    if sample is None or time.time() - sample.ts > FRESH_S:
        sample = _sample_now(context)
    try:
        disk = psutil.disk_usage(str(context.store.path.parent))
    except OSError:
        disk = None
    return _Machine(
        cpu_percent=sample.cpu_percent,
        cores=psutil.cpu_count(),
        memory_used=sample.memory_used_bytes,
        memory_total=sample.memory_total_bytes,
        swap_used=sample.swap_used_bytes,
        engine_memory=sample.engine_pss_bytes,
        engine_cpu=sample.engine_cpu_percent,
        disk_free=disk.free if disk else None,
        disk_total=disk.total if disk else None,
    )


def _sample_now(context: ToolContext) -> Sample:
    import psutil

    from core.telemetry import engine_memory

    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    pids = context.engine.root_pids() if context.engine is not None else []
    tree = engine_memory(pids) if pids else None
    return Sample(
        ts=time.time(),
        # Over a tenth of a second: the figure since the last call would be about any length of time.
        cpu_percent=psutil.cpu_percent(0.1),
        memory_used_bytes=memory.total - memory.available,
        memory_total_bytes=memory.total,
        memory_available_bytes=memory.available,
        swap_used_bytes=swap.used,
        engine_pss_bytes=tree.pss if tree else None,
    )


def _figures(machine: _Machine) -> dict[str, Any]:
    return {
        "cpu_percent": machine.cpu_percent,
        "memory_used_bytes": machine.memory_used,
        "memory_total_bytes": machine.memory_total,
        "engine_memory_bytes": machine.engine_memory,
        "disk_free_bytes": machine.disk_free,
    }


def size(count: int | None) -> str:
    """Write bytes in MiB or GiB, as the panels do."""
    if count is None:
        return "N/A"
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


TOOL = Tool(
    name="system_status",
    description="This computer's memory, CPU and disk now, and the language-model engine: loaded model, speed, memory.",
    schema={
        "type": "object",
        "properties": {
            "topic": {
                "type": "string",
                "enum": list(TOPICS),
                "description": "What to report.",
                "default": "all",
            }
        },
        "required": [],
    },
    call=_call,
    retries=1,
    timeout_s=10.0,
    max_chars=3_000,
)
