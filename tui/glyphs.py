"""Every symbol the interface draws, in Unicode and in ASCII. Widgets never spell one out themselves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Glyphs:
    """One set of symbols. Every one is a single cell wide, except :attr:`spark`'s absence of data."""

    closed: str = "▸"
    open: str = "▾"
    ok: str = "✓"
    bad: str = "!"
    wait: str = "◌"
    run: str = "●"
    stop: str = "■"
    cut: str = "⌁"
    arrow: str = "→"
    section: str = "›"
    dot: str = "·"
    none: str = "—"
    ellipsis: str = "…"
    prompt: str = "▌"
    cursor: str = "▍"
    vline: str = "│"
    tee: str = "┬"
    bar: str = "█"
    bar_start: str = "▏"
    bar_empty: str = "░"
    spark: str = "▁▂▃▄▅▆▇█"
    shades: str = "░▒▓█"
    """From the least to the most, of a heat map."""
    memory: str = "+"
    copy: str = "⧉"
    retry: str = "⟲"
    fork: str = "⑂"
    differ: str = "≠"
    bullet: str = "•"
    clip: str = "✂"
    up: str = "↑"
    down: str = "↓"
    plot_marks: str = "●○◆◇▲△"
    plot_axis: str = "─"
    plot_corner: str = "└"
    plot_tick: str = "┴"
    plot_tick_left: str = "┤"
    plot_mark: str = "┊"
    plot_cursor: str = "│"
    to: str = "–"
    ask: str = "?"
    about: str = "≈"
    parts: str = "█▓▆▒█▓░·"
    """The parts of the context window: system, tools, memory, retrieved, history, question, reserve, free."""
    braille: bool = True


UNICODE = Glyphs()
ASCII = Glyphs(
    fork="Y",
    differ="x",
    closed=">",
    open="v",
    ok="+",
    bad="!",
    wait="o",
    run="*",
    stop="#",
    cut="/",
    arrow="->",
    section=">",
    dot="|",
    none="-",
    ellipsis="~",
    prompt=">",
    cursor="_",
    vline="|",
    tee="+",
    bar="#",
    bar_start="|",
    bar_empty=".",
    spark="_.:-=+*#",
    shades=".:+#",
    memory="+",
    copy="c",
    retry="r",
    bullet="-",
    clip="%",
    up="^",
    down="v",
    plot_marks="*o#x@%",
    plot_axis="-",
    plot_corner="+",
    plot_tick="+",
    plot_tick_left="+",
    plot_mark=":",
    plot_cursor="|",
    to="-",
    about="~",
    parts="stmrhq_.",
    braille=False,
)

_current = UNICODE


def use_glyphs(*, ascii_only: bool) -> None:
    """Choose the set every later :func:`glyphs` returns."""
    global _current
    _current = ASCII if ascii_only else UNICODE


def glyphs() -> Glyphs:
    """Return the set in use."""
    return _current
