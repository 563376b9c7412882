"""The telemetry room against real child processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from core.events import MemoryUse, Sample
from core.telemetry import Hub, engine_memory, process
from core.telemetry.host import Host

MB = 1 << 20

# Obeys one command a line: "grow N" holds N MB more, "spin" uses a core until the next line, "child" starts a sleeper.
CHILD = """
import subprocess, sys
held, started = [], []
print("ready", flush=True)
for line in sys.stdin:
    name, *rest = line.split()
    if name == "grow":
        held.append(b"x" * (int(rest[0]) << 20))
    elif name == "drop":
        held.clear()
    elif name == "spin":
        import time
        end = time.process_time() + float(rest[0])
        while time.process_time() < end:
            pass
    elif name == "child":
        started.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))
    elif name == "reapless":
        started[-1].stdin.close()
    print("done", flush=True)
"""


class Child:
    """A real process that grows on command."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._answer() == "ready"

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def do(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        assert self._answer() == "done"

    def close(self) -> None:
        for one in [*psutil.Process(self.process.pid).children(recursive=True)]:
            one.kill()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def child() -> Iterator[Child]:
    one = Child()
    yield one
    if one.process.returncode is None:
        one.close()


class Samples:
    """Collects samples and waits for one that fits."""

    def __init__(self) -> None:
        self.all: list[Sample] = []
        self._changed = threading.Condition()

    def __call__(self, sample: Sample) -> None:
        with self._changed:
            self.all.append(sample)
            self._changed.notify_all()

    def wait(self, fits: Callable[[Sample], bool], after: int = 0, timeout: float = 10) -> Sample:
        with self._changed:
            assert self._changed.wait_for(lambda: any(map(fits, self.all[after:])), timeout), self.all[-1:]
            return next(filter(fits, self.all[after:]))


@pytest.fixture
def samples() -> Samples:
    return Samples()


@pytest.fixture
def hub(samples: Samples, child: Child) -> Iterator[Hub]:
    one = Hub(root_pids=lambda: [child.process.pid], on_sample=samples, interval=0.2)
    yield one
    one.stop()


def test_the_engines_memory_grows_and_shrinks_with_the_process(child: Child) -> None:
    before = engine_memory([child.process.pid])
    child.do("grow 64")
    grown = engine_memory([child.process.pid])
    assert before.pss and grown.pss and before.rss and grown.rss
    assert grown.pss - before.pss > 60 * MB
    assert grown.rss >= grown.pss
    if sys.platform == "linux":
        assert grown.anon is not None and before.anon is not None and grown.anon - before.anon > 60 * MB
        assert grown.file is not None and grown.file > 0
    child.do("drop")
    after = engine_memory([child.process.pid])
    assert after.pss is not None and after.pss < before.pss + 8 * MB


def test_children_belong_to_the_tree(child: Child) -> None:
    alone = engine_memory([child.process.pid])
    child.do("child")
    both = engine_memory([child.process.pid])
    assert (alone.processes, both.processes) == (1, 2)
    assert both.rss and alone.rss and both.rss > alone.rss


@pytest.mark.skipif(sys.platform != "linux", reason="compares with the kernel's lists")
def test_the_portable_way_agrees_with_proc(child: Child) -> None:
    child.do("child")
    child.do("grow 32")
    portable = process.ProcessTree(read=process.read_portable).read([child.process.pid])
    native = engine_memory([child.process.pid])
    assert portable.processes == native.processes == 2
    assert portable.rss is not None and native.rss is not None
    assert abs(portable.rss - native.rss) < 2 * MB
    assert portable.pss == portable.rss  # no PSS there: RSS stands in
    assert portable.anon is None and portable.file is None


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_where_pss_is_hidden_rss_stands_in(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "read_pss", lambda pid: None)
    reading = engine_memory([child.process.pid])
    assert reading.pss == reading.rss


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_between_two_pss_readings_the_growth_still_shows(
    child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_pss, calls = process.read_pss, []
    monkeypatch.setattr(process, "read_pss", lambda pid: calls.append(pid) or read_pss(pid))
    monkeypatch.setattr(process, "PSS_SHARE", 1e-9)  # the first reading uses up the budget
    tree = process.ProcessTree()
    before = tree.read([child.process.pid])
    child.do("grow 48")
    after = tree.read([child.process.pid])
    assert len(calls) == 1
    assert before.pss and after.pss and 46 * MB < after.pss - before.pss < 60 * MB


def test_no_tree_a_dead_tree_and_a_zombie_are_not_errors(child: Child) -> None:
    assert engine_memory([]) == process.TreeReading()
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    try:
        dead = engine_memory([zombie.pid])
        assert (dead.pss, dead.rss, dead.processes) == (None, None, 0)
        assert engine_memory([zombie.pid, child.process.pid]).processes == 1
    finally:
        zombie.wait()
    assert engine_memory([zombie.pid]).processes == 0


def test_a_pid_used_again_by_another_process_does_not_show_a_burst_of_cpu() -> None:
    # A labelled fake: the kernel cannot be made to reuse a pid on demand.
    now = [0.0]
    life = [process.ProcessReading(rss=MB, anon=None, file=None, cpu_seconds=1.0, started=1.0)]
    tree = process.ProcessTree(read=lambda pid: life[0], clock=lambda: now[0])
    # A process without children: this one may have some, left over by other tests.
    alone = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    tree.read([alone.pid])
    now[0] = 1.0
    life[0] = process.ProcessReading(rss=MB, anon=None, file=None, cpu_seconds=1.5, started=1.0)
    assert tree.read([alone.pid]).cpu_percent == pytest.approx(50.0)
    now[0] = 2.0
    life[0] = process.ProcessReading(rss=MB, anon=None, file=None, cpu_seconds=900.0, started=2.0)
    assert tree.read([alone.pid]).cpu_percent is None
    alone.communicate(b"\n")


def test_the_host_is_read_in_sane_units() -> None:
    host = Host()
    first = host.read()
    assert first.memory_total is not None and first.memory_available is not None
    assert first.memory_used == first.memory_total - first.memory_available
    assert first.memory_total > 64 * MB
    assert first.cpu_percent is None or 0 <= first.cpu_percent <= 100


def test_samples_carry_the_host_and_the_engine(hub: Hub, samples: Samples) -> None:
    hub.start()
    sample = samples.wait(lambda one: one.cpu_percent is not None and one.engine_cpu_percent is not None)
    assert sample.engine_processes == 1
    assert sample.run_id is None and sample.tokens_per_s is None
    assert abs(sample.ts - time.time()) < 60
    assert hub.latest in samples.all


def test_a_busy_engine_shows_its_cpu(hub: Hub, samples: Samples, child: Child) -> None:
    hub.start()
    worker = threading.Thread(target=child.do, args=("spin 1.0",))
    worker.start()
    samples.wait(lambda one: (one.engine_cpu_percent or 0) > 20)
    worker.join()


def test_a_runs_memory_has_before_peak_and_after(hub: Hub, samples: Samples, child: Child) -> None:
    hub.start()
    hub.begin_run("run-1")
    child.do("grow 64")
    grown = samples.wait(lambda one: one.run_id == "run-1" and (one.engine_pss_bytes or 0) > 64 * MB)
    child.do("drop")
    use = hub.end_run("run-1")
    assert use.before_bytes is not None and use.peak_bytes is not None and use.after_bytes is not None
    assert use.peak_bytes >= (grown.engine_pss_bytes or 0) > use.before_bytes + 60 * MB
    assert use.after_bytes < use.before_bytes + 8 * MB
    seen = len(samples.all)
    samples.wait(lambda one: one.run_id is None, after=seen)


def test_a_run_too_short_for_the_thread_still_has_its_readings(hub: Hub, child: Child) -> None:
    hub.begin_run("short")  # the thread was never started: both readings are taken by the caller
    child.do("grow 32")
    use = hub.end_run("short")
    assert use.before_bytes and use.after_bytes and use.after_bytes - use.before_bytes > 30 * MB
    assert use.peak_bytes == use.after_bytes
    assert hub.end_run("short") == MemoryUse()


def test_paused_reads_nothing_and_resumes_at_once(hub: Hub, samples: Samples) -> None:
    hub.start()
    samples.wait(lambda one: True)
    hub.pause()
    seen = len(samples.all) + 1  # one sample may have been under way
    hub.resume()
    samples.wait(lambda one: True, after=seen)


def test_a_run_is_measured_even_while_paused(hub: Hub) -> None:
    hub.pause()
    hub.begin_run("seen")
    use = hub.end_run("seen")
    assert use.before_bytes and use.peak_bytes and use.after_bytes


def test_tokens_of_the_last_second_are_counted(hub: Hub, samples: Samples) -> None:
    hub.begin_run("run")
    for _ in range(5):
        hub.note_tokens(3)
    hub.end_run("run")
    assert samples.all[-1].tokens_per_s == 15.0
    hub.start()
    samples.wait(lambda one: one.tokens_per_s is None)  # a second later, with no run on


def test_an_engine_that_vanishes_leaves_n_a_not_an_exception(
    hub: Hub, samples: Samples, child: Child
) -> None:
    hub.start()
    samples.wait(lambda one: one.engine_pss_bytes is not None)
    child.close()
    gone = samples.wait(lambda one: one.engine_processes == 0)
    assert gone.engine_pss_bytes is None and gone.engine_cpu_percent is None
    assert gone.memory_used_bytes is not None


def test_a_failing_listener_does_not_stop_the_sampling() -> None:
    calls = threading.Semaphore(0)

    def broken(sample: Sample) -> None:
        calls.release()
        raise RuntimeError("listener")

    def no_roots() -> list[int]:
        raise RuntimeError("engine")

    hub = Hub(root_pids=no_roots, on_sample=broken, interval=0.05)
    hub.start()
    try:
        assert calls.acquire(timeout=10) and calls.acquire(timeout=10)
        assert hub.latest is not None and hub.latest.engine_processes is None
    finally:
        hub.stop()


def test_stop_ends_the_thread_even_while_paused(hub: Hub) -> None:
    hub.start()
    hub.pause()
    hub.stop()
    assert "telemetry" not in {thread.name for thread in threading.enumerate()}
    hub.stop()
