"""What the app costs while nothing happens: processor and memory of its process, panels at 1 Hz. Prints JSON.

The engine is a process of its own and is not counted. Processor time is user + system over the window, in percent of one
core; memory is the resident set (RSS) at its end, in units of 10^6 bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import psutil
from terminal import app, machine

TARGET_CPU = 1.0
TARGET_RSS_MB = 150.0
SETTLE_S = 15.0


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder, app(Path(folder)) as running:
        running.wait_for("smollm2:135m", 90)
        running.drain(SETTLE_S)
        process = psutil.Process(running.process.pid)
        before = process.cpu_times()
        written = running.drain(seconds)
        after = process.cpu_times()
        cpu = 100 * (after.user + after.system - before.user - before.system) / seconds
        memory = process.memory_info().rss / 1e6
        threads = process.num_threads()
    print(
        json.dumps(
            {
                "benchmark": "idle",
                "machine": machine(),
                "seconds": seconds,
                "cpu_percent_of_a_core": round(cpu, 2),
                "rss_mb": round(memory, 1),
                "threads": threads,
                "terminal_bytes_per_s": round(written / seconds, 1),
                "target": f"<= {TARGET_CPU:g} % of a core, <= {TARGET_RSS_MB:g} MB without the engine",
                "met": {"cpu": cpu <= TARGET_CPU, "rss": memory <= TARGET_RSS_MB},
            },
            indent=2,
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
