"""Recognise a death for want of memory, and say so with the numbers.

Engines tell it in different ways: an old Ollama (up to 0.24) refuses with a sentence, a newer one logs one of a few
phrases or only loses its runner, and the kernel's killer says nothing but a signal and a counter.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from core.errors import StudyError
from core.fit import cgroups
from core.fit.sentences import where
from core.fit.sizes import gib
from core.fit.types import FitReport
from core.i18n import tr
from core.text import clean_line

Reason = Literal["refused", "killed", "allocation", "perhaps"]

#: What llama.cpp and the GPU libraries say when an allocation fails, in lower case.
PHRASES = (
    "out of memory", "out of device memory", "cudamalloc failed", "hipmalloc failed", "failed to allocate",
    "allocation failed", "not enough memory", "insufficient memory", "vk_error_out_of_device_memory",
    "erroroutofmemory", "cannot allocate memory", "std::bad_alloc",
)  # fmt: skip
_RECOVERABLE = "retrying without pipeline parallelism"
_REFUSED = re.compile(
    r"requires more system memory \((?P<needed>[\d.,]+ ?[KMGT]?i?B)\) than is available \((?P<room>[\d.,]+ ?[KMGT]?i?B)\)",
    re.IGNORECASE,
)
_KILLED = re.compile(r"signal: killed|\bSIGKILL\b|exit (?:status|code) 137", re.IGNORECASE)
_KERNEL = re.compile(r"[Oo]ut of memory: Killed process (?P<pid>\d+)")
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12,
          "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}  # fmt: skip
SIGKILL_CODES = frozenset({137, -9, 9})
TIGHT = 0.9
"""A load that was expected to take this share of what was available may well have died of it."""
MAX_TEXT = 64 * 1024


class OutOfMemory(StudyError):
    """The model could not be loaded, or died, for want of memory. Sizes bytes, ``None`` when not known."""

    def __init__(
        self, reason: Reason, needed: int | None, available: int | None, params: dict[str, object]
    ) -> None:
        super().__init__(f"error.memory.{reason}", **params)
        self.reason: Reason = reason
        self.needed = needed
        self.available = available

    @property
    def message(self) -> str:
        """What happened, with the numbers that are known."""
        return super().message.strip()


def explain(
    *,
    text: str = "",
    exit_code: int | None = None,
    kills_before: int | None = None,
    kills_after: int | None = None,
    report: FitReport | None = None,
    pid: int | None = None,
    kernel_log: Path = Path("/dev/kmsg"),
) -> OutOfMemory | None:
    """Say whether a failure was one of memory; ``None`` when nothing speaks for it.

    Args:
        text: What the engine answered or logged.
        exit_code: Of the engine's process: 137 or −9 for a kill.
        kills_before: :func:`kill_count` before the work.
        kills_after: And after it.
        report: What had been expected.
        pid: The process that died; looked for in the kernel's log.
        kernel_log: That log.
    """
    text = text[-MAX_TEXT:]
    refused = _REFUSED.search(text)
    if refused is not None:
        needed, room = _bytes(refused["needed"]), _bytes(refused["room"])
        if needed is not None and room is not None and needed > room:
            return OutOfMemory(
                "refused",
                needed,
                room,
                {"needed": gib(needed), "available": gib(room), "short": gib(needed - room)},
            )
    needed_guess = report.verdict.needed if report else None
    room_guess = report.verdict.available if report else None
    numbers = _numbers(report)
    rose = kills_before is not None and kills_after is not None and kills_after > kills_before
    if rose or (pid is not None and kernel_killed(pid, kernel_log)):
        kills = kills_after if kills_after is not None else "—"
        return OutOfMemory("killed", needed_guess, room_guess, {"kills": kills, "numbers": numbers})
    phrase = _phrase(text)
    if phrase:
        return OutOfMemory("allocation", needed_guess, room_guess, {"reason": phrase, "numbers": numbers})
    killed = exit_code in SIGKILL_CODES or _KILLED.search(text) is not None
    counted = kills_before is not None and kills_after is not None
    if killed and not counted and _tight(report):
        return OutOfMemory("perhaps", needed_guess, room_guess, {"numbers": numbers})
    return None


def kill_count(pid: int | None = None, *, proc: Path = Path("/proc")) -> int | None:
    """Processes the kernel killed for memory so far, in the control group of a process.

    Args:
        pid: The process; ``None``: this one.
        proc: Where the kernel's files are.

    Returns:
        ``None`` where it cannot be read.
    """
    return cgroups.kills(pid, proc=proc)


def kernel_killed(pid: int, log: Path = Path("/dev/kmsg")) -> bool:
    """Whether the kernel's log, as far as it is readable, says that it killed this process for memory."""
    try:
        file = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        for _ in range(20_000):
            try:
                record = os.read(file, 8192)
            except BlockingIOError:
                return False
            except OSError:
                # A record was overwritten while it was read; the next one can be.
                continue
            if not record:
                return False
            found = _KERNEL.findall(record.decode("utf-8", "replace"))
            if str(pid) in found:
                return True
    finally:
        os.close(file)
    return False


def _phrase(text: str) -> str:
    """The last line that says so, cleaned; ``""`` when none does."""
    for line in reversed(text.splitlines()):
        lower = line.lower()
        if _RECOVERABLE not in lower and any(phrase in lower for phrase in PHRASES):
            return clean_line(line)
    return ""


def _numbers(report: FitReport | None) -> str:
    if report is None or report.verdict.needed is None or report.verdict.available is None:
        return ""
    return tr(
        "fit.numbers", needed=gib(report.verdict.needed), available=gib(report.verdict.available),
        where=where(report.availability),
    )  # fmt: skip


def _tight(report: FitReport | None) -> bool:
    if report is None or report.verdict.needed is None or not report.verdict.available:
        return report is None
    return report.verdict.needed > TIGHT * report.verdict.available


def _bytes(text: str) -> int | None:
    found = re.fullmatch(r"([\d.]+) ?([KMGT]?I?)B", text.replace(",", "").upper())
    try:
        return int(float(found[1]) * _UNITS[found[2]]) if found else None
    except (ValueError, KeyError, OverflowError):
        return None
