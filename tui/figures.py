"""Every figure of the resources pane: what it says now, from the state alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.events import Detail, Gpu
from core.i18n import tr
from core.text import clean_line
from tui import format
from tui.glyphs import glyphs
from tui.state import State
from tui.widgets.sparkline import spark


@dataclass(frozen=True)
class Figure:
    """One line of the pane. Its name and definition are the messages ``figure.<id>`` and ``figure.<id>.help``."""

    id: str
    value: str = ""
    graph: str = ""
    """History as a name in :attr:`State.history`, or ``""``."""
    high: float | None = None
    fraction: float | None = None
    """Draws a filled bar instead of a history."""
    tone: str = ""
    indent: int = 0
    label: str = ""
    """Instead of the name: a card's, a model's."""


SECTIONS: tuple[tuple[str, ...], ...] = (
    ("cpu", "ram", "swap"),
    ("engine", "pss", "anon", "file", "engine_cpu"),
    ("context", "slots", "queue"),
    ("tps", "ttft"),
    ("answer", "peak"),
    ("container", "gpu"),
)
"""What the narrow pane shows, by its place in it."""

LOADED = 3
CARDS = 2
"""Models and graphics cards that have lines of their own in the wide pane."""

WIDE: dict[str, tuple[str, ...]] = {
    "machine": ("cpu", "cores", "load", "ram", "swap", "disk", "network",
                "pressure_cpu", "pressure_memory", "pressure_io", "cgroup", "oom"),
    "engine": ("engine", "pss", "anon", "file", "engine_cpu", "threads", "engine_io",
               *(f"loaded.{number}" for number in range(LOADED))),
    "tokens": ("context", "slots", "queue", "kv", "tps", "prompt_tps", "generated_tps", "ttft", "answer", "peak"),
    "container": ("container", "container_cpu", "container_restarts", "container_oom"),
    "gpu": tuple(f"{name}.{number}" for number in range(CARDS) for name in ("gpu", "gpu_memory", "gpu_power")),
}  # fmt: skip
"""What the wide pane shows: sections with a title each (``figures.<section>``)."""


def defined() -> tuple[tuple[str, ...], ...]:
    """Return every figure once, in the order ``?`` explains them."""
    return tuple(tuple(dict.fromkeys(name.split(".")[0] for name in names)) for names in WIDE.values())


def figures(state: State) -> dict[str, Figure]:
    """Return what every line says now."""
    detail = state.detail or Detail()
    lines = [*_machine(state, detail), *_engine(state, detail), *_tokens(state, detail), *_container(detail),
             *_cards(detail)]  # fmt: skip
    return {
        line.id: line
        if line.value or line.graph
        else Figure(line.id, format.none(), tone="quiet", indent=line.indent, label=line.label)
        for line in lines
    }


def _machine(state: State, detail: Detail) -> list[Figure]:
    sample = state.sample
    used, total = sample and sample.memory_used_bytes, sample and sample.memory_total_bytes
    swap = format.size(sample.swap_used_bytes if sample else None)
    if detail.swap_total_bytes and sample and sample.swap_used_bytes is not None:
        swap = f"{swap} / {format.size(detail.swap_total_bytes)}"
    cgroup = ""
    if detail.cgroup_memory_bytes is not None:
        limit = (
            format.size(detail.cgroup_limit_bytes) if detail.cgroup_limit_bytes else tr("figures.no_limit")
        )
        cgroup = f"{format.size(detail.cgroup_memory_bytes)} / {limit}"
    load = "  ".join(f"{value:.2f}" for value in detail.load_average) if detail.load_average else ""
    cores = spark(detail.cores_percent, min(32, len(detail.cores_percent)), high=100)
    if cores:
        cores = f"{cores}  {max(detail.cores_percent):.0f} %"
    return [
        Figure("cpu", format.percent(sample and sample.cpu_percent), "cpu", 100),
        Figure("cores", cores),
        Figure("load", load),
        Figure("ram", format.of_total(used, total), "ram", 100),
        Figure("swap", swap),
        Figure("disk", _both(detail.disk_read, detail.disk_write)),
        Figure("network", _both(detail.network_received, detail.network_sent)),
        Figure("pressure_cpu", _share(detail.pressure_cpu)),
        Figure("pressure_memory", _share(detail.pressure_memory)),
        Figure("pressure_io", _share(detail.pressure_io)),
        Figure("cgroup", cgroup),
        Figure("oom", _count(detail.oom_kills), tone="error" if detail.oom_kills else ""),
    ]


def _engine(state: State, detail: Detail) -> list[Figure]:
    sample, status = state.sample, state.status
    engine = tr(f"engine.state.{status.state}") if status else tr("engine.state.starting")
    tone = "error" if status and status.state == "down" else "warning" if not state.ready else ""
    pss = None
    if sample:
        pss = sample.engine_pss_bytes if sample.engine_pss_bytes is not None else sample.engine_rss_bytes
    lines = [
        Figure("engine", engine, tone=tone),
        Figure("pss", format.size(pss), "pss"),
        Figure("anon", format.size(sample.engine_anon_bytes if sample else None), indent=1),
        Figure("file", format.size(sample.engine_file_bytes if sample else None), indent=1),
        Figure("engine_cpu", format.percent(sample and sample.engine_cpu_percent), indent=1),
        Figure("threads", _count(detail.engine_threads), indent=1),
        Figure("engine_io", _both(detail.engine_read, detail.engine_write), indent=1),
    ]
    for number in range(LOADED):
        if number >= len(detail.loaded):
            lines.append(Figure(f"loaded.{number}", label=tr("figure.loaded") if not number else " "))
            continue
        use = detail.loaded[number]
        until = datetime.fromtimestamp(use.expires_at).strftime("%H:%M") if _soon(use.expires_at) else ""
        parts = [
            format.size(use.size_bytes),
            tr("figures.until", time=until) if until else tr("figures.stays"),
        ]
        lines.append(Figure(f"loaded.{number}", "  ".join(parts), label=clean_line(use.name, max_chars=40)))
    return lines


def _tokens(state: State, detail: Detail) -> list[Figure]:
    sample, status, run = state.sample, state.status, state.last_run
    num_ctx = (status and status.context_length) or state.settings.num_ctx
    used = (run.usage.input_tokens + run.usage.output_tokens if run else 0) or None
    slots = format.none()
    if status and status.slots is not None:
        slots = f"{status.slots_busy or 0}/{status.slots}"
    live_rate = sample.tokens_per_s if sample and state.generating else None
    rate = live_rate if live_rate is not None else (run.tokens_per_s if run else None)
    peak = state.answer_memory.peak_bytes
    if peak is None:
        peak = max((v for v in state.history["answer"] if v is not None), default=None)
    kv, kv_total = detail.kv_used_tokens, detail.kv_total_tokens
    return [
        Figure(
            "context",
            f"{format.count(used)}/{num_ctx}" if used is not None else f"{format.none()}/{num_ctx}",
            fraction=(used / num_ctx if used is not None and num_ctx else None),
        ),
        Figure("slots", slots),
        Figure("queue", format.count(status.queue) if status else format.none()),
        Figure(
            "kv",
            f"{format.count(kv)}/{kv_total}" if kv is not None and kv_total else "",
            fraction=kv / kv_total if kv is not None and kv_total else None,
        ),
        Figure("tps", format.rate(rate), "tps"),
        Figure("prompt_tps", format.rate(detail.prompt_tokens_per_s)),
        Figure("generated_tps", format.rate(detail.generated_tokens_per_s)),
        Figure("ttft", format.duration(run.ttft_ms if run else None)),
        Figure("answer", "", "answer"),
        Figure("peak", format.size(peak), indent=1),
    ]


def _container(detail: Detail) -> list[Figure]:
    use = detail.container
    if use is None:
        return [Figure("container"), Figure("container_cpu", indent=1), Figure("container_restarts", indent=1),
                Figure("container_oom", indent=1)]  # fmt: skip
    limit = format.size(use.memory_limit) if use.memory_limit else tr("figures.no_limit")
    killed = bool(use.oom_killed or use.oom_kills)
    state = (
        clean_line(use.state) if use.memory_bytes is None else f"{format.size(use.memory_bytes)} / {limit}"
    )
    return [
        Figure("container", state),
        Figure("container_cpu", format.percent(use.cpu_percent), indent=1),
        Figure("container_restarts", _count(use.restarts), indent=1),
        Figure(
            "container_oom",
            tr("figures.killed", count=use.oom_kills or 1) if killed else tr("figures.no_kill"),
            tone="error" if killed else "",
            indent=1,
        ),
    ]


def _cards(detail: Detail) -> list[Figure]:
    first = detail.gpus[0] if detail.gpus else None
    lines = [Figure("gpu", _card(first) if first else "")]
    for number in range(CARDS):
        card = detail.gpus[number] if number < len(detail.gpus) else None
        name = clean_line(card.name, max_chars=24) if card else tr("figure.gpu") if not number else " "
        lines.append(
            Figure(f"gpu.{number}", format.percent(card.utilisation_percent) if card else "", label=name)
        )
        if card is None:
            blank = {} if not number else {"label": " "}
            lines += [
                Figure(f"gpu_memory.{number}", indent=1, **blank),
                Figure(f"gpu_power.{number}", indent=1, **blank),
            ]
            continue
        memory = f"{format.size(card.memory_used_bytes)} / {format.size(card.memory_total_bytes)}"
        watts = f"{card.power_w:.0f} W" if card.power_w is not None else format.none()
        degrees = f"{card.temperature_c:.0f} °C" if card.temperature_c is not None else format.none()
        lines += [
            Figure(f"gpu_memory.{number}", memory, label=tr("figure.gpu_memory"), indent=1),
            Figure(f"gpu_power.{number}", f"{watts}  {degrees}", label=tr("figure.gpu_power"), indent=1),
        ]
    return lines


def _card(card: Gpu) -> str:
    return f"{format.percent(card.utilisation_percent)}  {format.size(card.memory_used_bytes)}"


def _both(first: float | None, second: float | None) -> str:
    """Write two rates, what comes in first: ``1.2 MiB/s ↓  0 B/s ↑``."""
    if first is None and second is None:
        return ""
    marks = glyphs()
    return f"{_rate(first)} {marks.down}  {_rate(second)} {marks.up}"


def _rate(value: float | None) -> str:
    return format.none() if value is None else f"{format.size(value)}/s"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} %"


def _count(value: int | None) -> str:
    return "" if value is None else format.count(value)


def _soon(expires_at: float | None) -> bool:
    """Whether a model is to be unloaded at a time worth telling (an engine writes "never" as a far year)."""
    return expires_at is not None and expires_at < 4e9 and expires_at - datetime.now().timestamp() < 86_400
