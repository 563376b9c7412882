"""How long the app takes to be there: process start → first paint → input accepted. Prints JSON.

First paint is the moment the header's text has been written to the terminal; input is accepted when text typed right
after the first paint has come back on the screen. Warm: started before, files cached. Cold: the files of the
environment and of the app are dropped from the page cache first (Linux; elsewhere cold is left out).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from terminal import ROOT, app, machine

TARGET_S = 0.35
TYPED = "zqxj"
HEAVY = (
    "langchain",
    "langchain_core",
    "langgraph",
    "lancedb",
    "pyarrow",
    "numpy",
    "fastapi",
    "docker",
    "xllamacpp",
)


def once(data: Path) -> dict[str, float]:
    """Start the app once; seconds from process start."""
    with app(data) as running:
        painted = running.wait_for("LLM Study")
        running.type(TYPED)
        accepted = running.wait_for(TYPED)
        return {"first_paint_s": painted - running.started, "input_accepted_s": accepted - running.started}


def drop_caches() -> bool:
    """Drop the app's files from the page cache; whether this system can."""
    if not hasattr(os, "posix_fadvise"):
        return False
    for folder in (Path(sys.prefix), Path(os.__file__).parent, ROOT / "core", ROOT / "tui"):
        for file in folder.rglob("*"):
            if file.is_file() and not file.is_symlink():
                handle = os.open(file, os.O_RDONLY)
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(handle)
    return True


def modules() -> dict[str, object]:
    """What importing the app loads, before anything is shown."""
    code = "import json, sys; import core.cli, core.runtime, tui.app, tui.study; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = json.loads(result.stdout)
    return {"count": len(loaded), "heavy": [name for name in HEAVY if name in loaded]}


def summary(rows: list[dict[str, float]]) -> dict[str, object]:
    """Median, best and worst of each time."""
    return {
        name: {
            "median": round(statistics.median(row[name] for row in rows), 4),
            "min": round(min(row[name] for row in rows), 4),
            "max": round(max(row[name] for row in rows), 4),
        }
        for name in rows[0]
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        once(data)  # writes the byte code, creates the store
        warm = summary([once(data) for _ in range(runs)])
        cold = [once(data) for _ in range(max(2, runs // 3)) if drop_caches()]
    median = warm["first_paint_s"]["median"]  # type: ignore[index]
    print(
        json.dumps(
            {
                "benchmark": "startup",
                "machine": machine(),
                "runs": runs,
                "warm": warm,
                "cold": summary(cold) if cold else None,
                "modules": modules(),
                "target": f"first paint <= {TARGET_S} s, warm, median",
                "measured": median,
                "met": median <= TARGET_S,
            },
            indent=2,
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
