"""What watching costs: each source of the sampler at one reading a second, and what an hour of it leaves in the store.

Prints JSON. Processor time is of the reading thread (user + system), the smallest median of several rounds, as other
programs on the machine make every reading dearer. The engine's tree is a real process tree: this program's own child
holding memory, or the processes given with --pid. The store's growth is that of the file itself, after a checkpoint.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from terminal import machine

from core.events import Sample
from core.session import Store, samples
from core.telemetry import Hub, ProcessTree, process
from core.telemetry.gpu import Gpus
from core.telemetry.group import Group
from core.telemetry.host import Cores, Disks, Host, Networks, load_average

TARGET_PERCENT = 1.0
NOW = 1_800_000_000.0
CHILD = """
import mmap, sys
held = b"x" * (150 << 20)
with open(sys.argv[1], "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
sum(mapped[at] for at in range(0, len(mapped), 4096))
print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def engine(pids: list[int]) -> Iterator[list[int]]:
    """Give the processes to watch: those named, else a child with 150 MiB of its own and 100 MiB from a file."""
    if pids:
        yield pids
        return
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder, "weights")
        weights.write_bytes(b"y" * (100 << 20))
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(weights)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        try:
            assert child.stdout is not None  # noqa: S101 - a pipe was asked for
            child.stdout.readline()
            yield [child.pid]
        finally:
            child.kill()
            child.communicate()


def cost(read: Callable[[], object], rounds: int, reads: int) -> float:
    """Return processor milliseconds of one reading."""
    medians = []
    for _ in range(rounds):
        taken = []
        for _ in range(reads):
            began = time.thread_time_ns()
            read()
            taken.append(time.thread_time_ns() - began)
        medians.append(statistics.median(taken) / 1e6)
    return min(medians)


def sources(pids: list[int], rounds: int, reads: int) -> list[dict[str, object]]:
    """Measure every source by itself."""
    tree = ProcessTree()
    tree.read(pids)
    group, gpus, host, cores = Group(), Gpus(), Host(), Cores()
    disks, networks = Disks(), Networks()
    gpus.read()
    # Name, what reads it, seconds between two readings in the app, whether only a large panel has it read.
    table: list[tuple[str, Callable[[], object], float, bool]] = [
        ("host", host.read, 1.0, False),
        ("engine tree, PSS within its budget", lambda: tree.read(pids), 1.0, False),
        ("cores", cores.read, 1.0, True),
        ("load average", load_average, 5.0, True),
        ("disks", disks.read, 2.0, True),
        ("networks", networks.read, 2.0, True),
        ("engine I/O", tree.io, 2.0, True),
        ("pressure (PSI)", group.pressure, 2.0, True),
        ("cgroup memory", group.memory, 5.0, True),
        ("GPU (NVML)", gpus.read, 2.0, True),
    ]
    rows: list[dict[str, object]] = []
    for name, read, period, large in table:
        ms = cost(read, rounds, reads)
        rows.append(
            {
                "source": name,
                "ms_per_read": round(ms, 4),
                "percent_of_a_core_at_1_hz": round(ms / 10, 4),
                "period_s": period,
                "percent_of_a_core_in_the_app": round(ms / 10 / period, 4),
                "only_in_large_panels": large,
            }
        )
    pss = cost(lambda: [process.read_pss(pid) for pid in pids], rounds, max(5, reads // 10))
    rows.append(
        {
            "source": "PSS of the engine alone (smaps_rollup)",
            "ms_per_read": round(pss, 4),
            "percent_of_a_core_at_1_hz": round(pss / 10, 4),
            "budget_percent": 100 * process.PSS_SHARE,
            "only_in_large_panels": False,
        }
    )
    return rows


def whole(pids: list[int], detail: bool, rounds: int, reads: int) -> tuple[float, Sample]:
    """Return processor milliseconds of one whole sample, slow sources' threads left out, and the last one."""
    taken: list[Sample] = []
    hub = Hub(root_pids=lambda: pids, on_sample=taken.append)
    hub.detail = detail

    def read() -> None:
        if detail:
            for source in hub.details.sources:
                source._due = float("-inf")
            hub._details._due = float("-inf")
        hub._take()

    read()
    ms = cost(read, rounds, max(10, reads // 4))
    hub.stop()
    return ms, taken[-1]


def growth(sample: Sample, hours: int) -> dict[str, float]:
    """Watch ``hours`` hours at 1 Hz into a real store, in batches as the app writes them."""
    sizes, spent = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "session.db")
        store = Store.open(path)

        def size() -> int:
            return int(
                store.query("SELECT page_count * page_size AS n FROM pragma_page_count, pragma_page_size")[0][
                    "n"
                ]
            )

        sizes.append(size())
        for hour in range(hours):
            began = time.process_time()
            for batch in range(360):
                start = hour * 3600 + batch * 10
                rows = [
                    replace(sample, ts=NOW + start + second, cpu_percent=(start + second * 7) % 100 / 1.0)
                    for second in range(10)
                ]
                samples.add_samples(store, rows).result()
            spent += time.process_time() - began
            sizes.append(size())
        minutes = store.query("SELECT count(*) AS n FROM sample_minutes")[0]["n"]
        raw = store.query("SELECT count(*) AS n FROM samples")[0]["n"]
        store.close()
    grown = [(after - before) / 1e6 for before, after in itertools.pairwise(sizes)]
    steady = grown[2:] or grown[-1:]
    return {
        "first_hour_mb": round(grown[0], 3),
        "second_hour_mb": round(grown[1], 3) if len(grown) > 1 else 0.0,
        "later_hours_mb_each": round(sum(steady) / len(steady), 4),
        "rows_after": raw,
        "minutes_after": minutes,
        "bound_30_days_mb": round(sum(grown[:2]) + 30 * 24 * sum(steady) / len(steady), 1),
        "writing_percent_of_a_core": round(100 * spent / (hours * 3600), 4),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pid", type=int, action="append", default=[], help="an engine's process")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--reads", type=int, default=60)
    parser.add_argument("--hours", type=int, default=6)
    arguments = parser.parse_args()
    with engine(arguments.pid) as pids:
        rows = sources(pids, arguments.rounds, arguments.reads)
        small, plain = whole(pids, False, arguments.rounds, arguments.reads)
        large, detailed = whole(pids, True, arguments.rounds, arguments.reads)
    print(
        json.dumps(
            {
                "benchmark": "sampler",
                "machine": machine(),
                "sources": rows,
                "whole_sample": {
                    "hidden_or_small_ms": round(small, 3),
                    "large_every_source_due_ms": round(large, 3),
                    "hidden_or_small_percent_at_1_hz": round(small / 10, 3),
                    "large_percent_at_1_hz": round(large / 10, 3),
                },
                "store_per_hour": {
                    "small_panel": growth(replace(plain, detail=None), arguments.hours),
                    "large_panel": growth(detailed, arguments.hours),
                },
                "target": f"<= {TARGET_PERCENT:g} % of a core for all sources at 1 Hz",
                "met": large / 10 <= TARGET_PERCENT,
            },
            indent=2,
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
