"""``llm-study doctor``: what works here and what does not, each with a remedy."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import psutil

from core import __version__
from core.cli import print_json
from core.cli.work import runtime, wait
from core.errors import StudyError
from core.i18n import language, tr
from core.paths import Paths
from core.session import rescue
from core.settings import Settings

FREE_DISK = 500 * 2**20


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    status: Literal["ok", "warning", "failed"]
    detail: str
    fix: str = ""


def run(arguments: argparse.Namespace, settings: Settings, paths: Paths) -> int:
    """Look at everything; exit 3 without an engine, 1 when something else failed."""
    if arguments.rescue:
        return _rescue(paths, arguments.json)
    checks = [_python(), _memory(), _disk(paths), _terminal(), *_work(settings, paths)]
    failed = [check for check in checks if check.status == "failed"]
    if arguments.json:
        print_json({"version": __version__, "ok": not failed, "checks": [asdict(check) for check in checks]})
    else:
        marks = {"ok": "✓", "warning": "!", "failed": "✗"}
        for check in checks:
            print(f"{marks[check.status]} {check.name}: {check.detail}")
            if check.fix:
                print(f"    → {check.fix}")
    if any(check.name == tr("doctor.engine") for check in failed):
        return 3
    return 1 if failed else 0


def _python() -> Check:
    return Check("Python", "ok", f"{platform.python_version()} · {platform.system()} {platform.machine()}")


def _memory() -> Check:
    memory = psutil.virtual_memory()
    detail = tr(
        "doctor.memory.detail",
        available=f"{memory.available / 2**30:.1f}",
        total=f"{memory.total / 2**30:.1f}",
    )
    if memory.available < 600 * 2**20:
        return Check(tr("doctor.memory"), "warning", detail, tr("doctor.memory.fix"))
    return Check(tr("doctor.memory"), "ok", detail)


def _disk(paths: Paths) -> Check:
    root = next(path for path in (paths.data, *paths.data.parents) if path.exists())
    free = shutil.disk_usage(root).free
    detail = tr("doctor.disk.detail", path=paths.data, free=f"{free / 2**30:.1f}")
    if not os.access(root, os.W_OK):
        return Check(tr("doctor.disk"), "failed", detail, tr("error.data_dir.fix"))
    return Check(tr("doctor.disk"), "ok" if free > FREE_DISK else "warning", detail)


def _terminal() -> Check:
    term, encoding = os.environ.get("TERM", ""), (sys.stdout.encoding or "").lower()
    detail = f"TERM={term or '—'} · {encoding} · {language()}" + (" · tmux" if os.environ.get("TMUX") else "")
    if "utf" not in encoding:
        return Check(tr("doctor.terminal"), "warning", detail, tr("doctor.terminal.fix"))
    return Check(tr("doctor.terminal"), "ok", detail)


def _work(settings: Settings, paths: Paths) -> list[Check]:
    checks: list[Check] = []
    with runtime(settings, paths) as work:
        try:
            wait(work.store_ready)
            checks.append(Check(tr("doctor.store"), "ok", str(paths.session_db)))
        except StudyError as error:
            return [Check(tr("doctor.store"), "failed", error.message, error.fix)]
        try:
            wait(work.engine_ready)
        except StudyError as error:
            checks.append(Check(tr("doctor.engine"), "failed", error.message, error.fix))
        else:
            status = work.status
            checks.append(
                Check(tr("doctor.engine"), "ok", f"{status.kind} · {status.version} · {status.model}")
            )
            checks.append(Check(tr("doctor.route"), "ok", f"{status.route} — {status.route_reason}"))
        documents = work.documents()
        indexed = sum(item.status == "indexed" for item in documents)
        checks.append(Check(tr("doctor.documents"), "ok", f"{indexed}/{len(documents)}"))
    return checks


def _rescue(paths: Paths, as_json: bool) -> int:
    source = paths.session_db
    if not source.exists():
        raise StudyError("error.data_dir", path=source, reason="—")
    number = 1
    while (target := Path(f"{source}.rescued-{number}")).exists():
        number += 1
    rows = rescue(source, target)
    if as_json:
        print_json({"rows": rows, "path": str(target)})
    else:
        print(tr("doctor.rescued", rows=rows, path=target))
    return 0
