"""What a run was measured on: without it no two runs can be compared."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from core import __version__
from core.text import clean_line

BUSY_S = 0.3
COMPARED = (
    "cpu", "cores", "cpu_limit", "memory_bytes", "memory_limit_bytes", "kernel", "engine", "engine_version", "model",
    "digest", "options", "slots", "threads", "version",
)  # fmt: skip
"""What makes two runs different measurements when it differs."""


def machine() -> dict[str, Any]:
    """Read the machine: takes :data:`BUSY_S` seconds, to see how busy it is before anything is measured."""
    memory = psutil.virtual_memory()
    found: dict[str, Any] = {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "memory_bytes": memory.total,
        "memory_available_bytes": memory.available,
        "swap_bytes": psutil.swap_memory().total,
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "version": __version__,
        "cpu_busy_percent": psutil.cpu_percent(BUSY_S),
    }
    if hasattr(os, "sched_getaffinity"):
        found["cores_usable"] = len(os.sched_getaffinity(0))
    return found | cgroup_limits()


def cpu_model() -> str:
    """Return the processor's name, or the architecture where it is not told."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.lower().startswith(("model name", "hardware")):
                return clean_line(line.partition(":")[2], max_chars=80)
    if sys.platform == "darwin":
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            told = subprocess.run(
                ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"],
                capture_output=True,
                text=True,
                timeout=2,
            )
            return clean_line(told.stdout, max_chars=80)
    return platform.machine()


def cgroup_limits() -> dict[str, Any]:
    """Return this process's limits of processor (cores) and memory (bytes), where its cgroup sets any."""
    found: dict[str, Any] = {}
    root = Path("/sys/fs/cgroup")
    quota, period = _words(root / "cpu.max", 2)
    if not quota:
        quota, period = (
            _words(root / "cpu/cpu.cfs_quota_us", 1)[0],
            _words(root / "cpu/cpu.cfs_period_us", 1)[0],
        )
    if quota.isdigit() and period.isdigit() and int(period):
        found["cpu_limit"] = round(int(quota) / int(period), 2)
    for file in (root / "memory.max", root / "memory/memory.limit_in_bytes"):
        limit = _words(file, 1)[0]
        # Version 1 says "no limit" with a number near 2^63.
        if limit.isdigit() and int(limit) < 1 << 60:
            found["memory_limit_bytes"] = int(limit)
    return found


def _words(path: Path, count: int) -> list[str]:
    try:
        words = path.read_text("ascii").split()
    except (OSError, UnicodeDecodeError):
        words = []
    return (words + [""] * count)[:count]


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return what differs between two environments: name, a's value, b's value."""
    return [(key, _show(a.get(key)), _show(b.get(key))) for key in COMPARED if a.get(key) != b.get(key)]


def _show(value: Any) -> str:
    if value is None or value == "":
        return "—"
    if isinstance(value, Mapping):
        return clean_line(", ".join(f"{name} {item}" for name, item in sorted(value.items())), max_chars=120)
    return clean_line(str(value), max_chars=80)
