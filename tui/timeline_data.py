"""A generation's memory over time, read back from the store."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.events import Detail, Sample
from core.i18n import tr
from core.lab.types import Plot, Series
from core.session import Store, chat, samples
from core.session.rows import Run

LOAD_SHOWN_S = 0.05
"""Below this the model was loaded already: what passed was the way to a slot."""


@dataclass(frozen=True)
class Timeline:
    """One generation: its samples, its marks, its neighbours in the session."""

    run: Run
    samples: tuple[Sample, ...] = ()
    marks: tuple[tuple[float, str], ...] = ()
    """Unix seconds and kind: ``load``, ``prefill``, ``first_token``, ``end``."""
    before: str = ""
    after: str = ""
    """Ids of the runs before and after it; ``""`` where there is none."""

    @property
    def xs(self) -> list[float]:
        """Seconds since the question of every sample."""
        return [round(sample.ts - self.run.started_at, 3) for sample in self.samples]

    def at(self, x: float) -> Sample | None:
        """Return the sample at a place of the plot."""
        near = min(self.samples, key=lambda sample: abs(sample.ts - self.run.started_at - x), default=None)
        return near

    def with_sample(self, sample: Sample) -> Timeline:
        """Return it with one more sample."""
        if self.samples and sample.ts <= self.samples[-1].ts:
            return self
        return replace(self, samples=(*self.samples, sample))


def memory(sample: Sample) -> int | None:
    """Return the engine's memory: PSS, else RSS."""
    return sample.engine_pss_bytes if sample.engine_pss_bytes is not None else sample.engine_rss_bytes


def anonymous(sample: Sample) -> int | None:
    """Return the anonymous part of it."""
    detail = sample.detail
    if isinstance(detail, Detail) and detail.engine_pss_anon_bytes is not None:
        return detail.engine_pss_anon_bytes
    return sample.engine_anon_bytes


def mapped(sample: Sample) -> int | None:
    """Return the part mapped from files."""
    detail = sample.detail
    if isinstance(detail, Detail) and detail.engine_pss_file_bytes is not None:
        return detail.engine_pss_file_bytes
    return sample.engine_file_bytes


def load_timeline(store: Store, session_id: str, run_id: str = "") -> Timeline | None:
    """Read a generation; without an id the session's last. Blocking.

    Returns:
        The generation, or ``None`` when there is none.
    """
    run = chat.get_run(store, run_id) if run_id else None
    runs = chat.runs(store, run.session_id if run else session_id)
    if run is None and not run_id and runs:
        run = runs[-1]
    if run is None:
        return None
    ids = [known.id for known in runs]
    place = ids.index(run.id) if run.id in ids else -1
    return Timeline(
        run,
        tuple(samples.for_run(store, run.id)),
        marks_of(store, run),
        ids[place - 1] if place > 0 else "",
        ids[place + 1] if 0 <= place < len(ids) - 1 else "",
    )


def marks_of(store: Store, run: Run) -> tuple[tuple[float, str], ...]:
    """Return a generation's marks; a load too short to be one is left out. Blocking."""
    marks = samples.marks(store, run.id)
    at = {kind: ts for ts, kind in marks}
    loaded = "load" in at and "prefill" in at and at["prefill"] - at["load"] < LOAD_SHOWN_S
    return tuple(mark for mark in marks if not (loaded and mark[1] == "load"))


def _series(name: str, timeline: Timeline, values: list[float | None]) -> Series:
    return Series(
        name,
        tuple(
            (x, value, None, None) for x, value in zip(timeline.xs, values, strict=True) if value is not None
        ),
    )


def plots(timeline: Timeline) -> tuple[Plot, Plot, Plot]:
    """Return what is drawn: memory in its parts, processor time, tokens per second."""
    marks = tuple(
        (round(ts - timeline.run.started_at, 3), tr(f"timeline.mark.{kind}")) for ts, kind in timeline.marks
    )
    bare = tuple((x, "") for x, _ in marks)
    shown = timeline.samples
    memory_plot = Plot(
        "memory",
        "s",
        "bytes",
        (
            _series(tr("figure.pss"), timeline, [memory(sample) for sample in shown]),
            _series(tr("figure.anon"), timeline, [anonymous(sample) for sample in shown]),
            _series(tr("figure.file"), timeline, [mapped(sample) for sample in shown]),
        ),
        marks,
    )
    cpu = _series(tr("timeline.cpu"), timeline, [sample.engine_cpu_percent for sample in shown])
    rate = _series(tr("timeline.rate"), timeline, [sample.tokens_per_s for sample in shown])
    return memory_plot, Plot("cpu", "s", "%", (cpu,), bare), Plot("rate", "s", "tok/s", (rate,), bare)
