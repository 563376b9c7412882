"""The finer sources: real files of the kernel where they can be read, labelled fakes for what this machine has not."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from core.containers.types import ContainerStatus
from core.events import Gpu, LoadedUse, Sample
from core.telemetry import Hub, ProcessTree, process
from core.telemetry import host as host_module
from core.telemetry.detail import Details, EngineUse
from core.telemetry.gpu import RETRY_SECONDS, Gpus
from core.telemetry.group import Group
from core.telemetry.host import Cores, Disks, HostReading, Networks, disk_counters
from core.telemetry.process import TreeReading
from core.telemetry.rates import Rates
from core.telemetry.source import SlowSource, Source

MB = 1 << 20
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc; CI runs on Linux")

# Holds N MB of memory of its own and N MB mapped from a file, two threads, writes N MB to the disk when told.
CHILD = """
import mmap, os, sys, threading
held = b"x" * (24 << 20)
with open(sys.argv[1], "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
sum(mapped[at] for at in range(0, len(mapped), 4096))
threading.Thread(target=threading.Event().wait, daemon=True).start()
print("ready", flush=True)
for line in sys.stdin:
    with open(sys.argv[2], "wb") as file:
        file.write(b"y" * (8 << 20))
        file.flush()
        os.fsync(file.fileno())
    print("written", flush=True)
"""


@pytest.fixture
def child(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    weights = tmp_path / "weights"
    weights.write_bytes(os.urandom(MB) * 12)
    one = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(weights), str(tmp_path / "out")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert one.stdout is not None and one.stdout.readline() == "ready\n"
    yield one
    one.kill()
    one.communicate()


def write(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None and child.stdout is not None
    child.stdin.write("go\n")
    child.stdin.flush()
    assert child.stdout.readline() == "written\n"


class Clock:
    """A labelled fake: seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


# -- the engine's processes --------------------------------------------------------------------------------


@linux
def test_the_parts_of_pss_add_up_and_are_where_the_memory_is(child: subprocess.Popen[str]) -> None:
    reading = ProcessTree().read([child.pid])
    assert reading.pss is not None and reading.anon is not None and reading.file is not None
    assert reading.anon + reading.file == reading.pss
    assert reading.anon >= 24 * MB
    assert reading.file >= 12 * MB
    rollup = Path(f"/proc/{child.pid}/smaps_rollup").read_text()
    kernel = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in rollup.splitlines()[1:]}
    assert abs(reading.pss - kernel["Pss"]) < MB
    assert abs(reading.anon - kernel["Pss_Anon"]) < MB


@linux
def test_the_parts_add_up_between_two_pss_readings_too(
    child: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "PSS_SHARE", 1e-9)  # one reading uses up the budget
    tree = ProcessTree()
    tree.read([child.pid])
    write(child)
    after = tree.read([child.pid])
    assert after.pss is not None and after.anon is not None and after.file is not None
    assert after.anon + after.file == after.pss


@linux
def test_an_engine_that_stays_the_same_is_not_walked_through_again(
    child: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read_pss, calls = process.read_pss, []
    monkeypatch.setattr(process, "read_pss", lambda pid: calls.append(pid) or read_pss(pid))
    clock = Clock()
    tree = ProcessTree(clock=clock)
    for _ in range(10):
        tree.read([child.pid])
        clock.now += 1
    assert len(calls) == 1
    clock.now += process.QUIET_SECONDS
    tree.read([child.pid])
    assert len(calls) == 2, "what is shared with others may have changed all the same"


@linux
def test_a_kernel_that_does_not_split_pss_still_gives_parts_that_add_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A labelled fake of an older kernel's smaps_rollup.
    text = b"0-1 [rollup]\nRss: 900 kB\nPss: 500 kB\nAnonymous: 300 kB\n"
    monkeypatch.setattr(process.Path, "read_bytes", lambda self: text)
    assert process.read_pss(1) == process.PssReading(300 * 1024, 200 * 1024)


def test_threads_are_counted(child: subprocess.Popen[str]) -> None:
    assert ProcessTree().read([child.pid]).threads == 2


@linux
def test_what_the_engine_writes_to_disk_shows_as_a_rate(child: subprocess.Popen[str]) -> None:
    tree = ProcessTree()
    tree.read([child.pid])
    assert tree.io() == process.TreeIo()  # a rate takes two readings
    write(child)
    tree.read([child.pid])
    rate = tree.io()
    assert rate.write is not None and rate.write > MB
    assert rate.read is not None and rate.read >= 0


def test_io_of_a_process_that_is_gone_is_not_known() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert process.read_io(gone.pid) is None


# -- the machine ----------------------------------------------------------------------------------------


def test_every_core_is_read() -> None:
    cores = Cores()
    assert cores.read() == ()
    readings: list[tuple[float, ...]] = []
    end = psutil.Process().cpu_times().user + 0.15
    while psutil.Process().cpu_times().user < end:
        pass
    readings.append(cores.read())
    assert len(readings[0]) == psutil.cpu_count()
    assert all(0 <= share <= 100 for share in readings[0])
    assert max(readings[0]) > 0


@linux
def test_a_file_written_shows_in_the_disks_counters(tmp_path: Path) -> None:
    before = disk_counters()
    if not before:
        pytest.skip("no disk in /proc/diskstats")
    with (tmp_path / "out").open("wb") as file:
        file.write(os.urandom(8 * MB))
        file.flush()
        os.fsync(file.fileno())
    after = disk_counters()
    written = sum(after[name][1] - before[name][1] for name in before)
    # Major 0: a file system in memory, or one whose disk cannot be told (overlay).
    if os.major(tmp_path.stat().st_dev) != 0:
        assert written >= 4 * MB
    assert written >= 0


def test_only_whole_disks_are_counted(tmp_path: Path) -> None:
    # A labelled fake of /proc/diskstats: a disk with two parts, an NVMe, and a mapping over the first.
    stats = tmp_path / "diskstats"
    stats.write_text(
        "8 0 sda 1 0 100 0 1 0 40 0 0 0 0\n8 1 sda1 1 0 60 0 1 0 30 0 0 0 0\n8 2 sda2 1 0 40 0 1 0 10 0 0 0 0\n"
        "259 0 nvme0n1 1 0 10 0 1 0 6 0 0 0 0\n259 1 nvme0n1p1 1 0 10 0 1 0 6 0 0 0 0\n"
        "252 0 dm-0 1 0 100 0 1 0 40 0 0 0 0\n7 0 loop0 1 0 9 0 1 0 9 0 0 0 0\nshort line\n"
    )
    assert disk_counters(stats) == {"sda": (51200, 20480), "nvme0n1": (5120, 3072)}
    assert disk_counters(tmp_path / "absent") == {}


def test_traffic_shows_as_a_rate() -> None:
    def loopback() -> dict[str, tuple[int, int]]:
        name, one = next(
            (name, one)
            for name, one in psutil.net_io_counters(pernic=True, nowrap=False).items()
            if name[:2] == "lo"
        )
        return {name: (one.bytes_recv, one.bytes_sent)}

    networks = Networks(loopback)
    assert networks.read() is None
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as one,
    ):
        other, _ = server.accept()
        with other:
            sender = threading.Thread(target=one.sendall, args=(b"z" * (4 * MB),))
            sender.start()
            left = 4 * MB
            while left:
                left -= len(other.recv(min(left, 65536)))
            sender.join()
    rate = networks.read()
    assert rate is not None and rate[0] > MB and rate[1] > MB


def test_a_machine_talking_to_itself_is_no_network_traffic() -> None:
    assert not {"lo", "lo0"} & host_module.network_counters().keys()


def test_a_counter_that_wraps_or_vanishes_gives_no_burst_and_no_negative_rate() -> None:
    clock = Clock()
    rates = Rates(clock)
    assert rates.per_second({"a": (1000, 500), "b": (50, 50)}) is None
    clock.now += 2
    assert rates.per_second({"a": (1400, 520), "b": (50, 50)}) == (200.0, 10.0)
    clock.now += 1
    assert rates.per_second({"a": (3, 530), "b": (60, 50)}) == (10.0, 10.0)  # a's first was put to zero
    clock.now += 1
    assert rates.per_second({"b": (65, 50), "new": (10**12, 0)}) == (5.0, 0.0)  # a went, another came
    clock.now += 1
    assert rates.per_second({}) is None
    clock.now += 1
    assert rates.per_second({"b": (65, 50)}) is None  # nothing to compare with
    assert rates.per_second({"b": (95, 50)}) is None  # no time has passed


def test_no_disk_at_all_is_not_zero() -> None:
    disks = Disks(dict)
    assert disks.read() is None
    assert disks.read() is None


# -- the graphics card ---------------------------------------------------------------------------------


class NvmlError(Exception):
    """What the fake library raises."""


class NVMLError_GpuIsLost(NvmlError):
    """The card fell off the bus."""


class FakeNvml:
    """A LABELLED FAKE of pynvml: one card that tells all, one that tells only its name."""

    NVML_TEMPERATURE_GPU = 0

    def __init__(self) -> None:
        self.began = self.ended = 0
        self.lost = False

    def nvmlInit(self) -> None:
        self.began += 1

    def nvmlShutdown(self) -> None:
        self.ended += 1

    def nvmlDeviceGetCount(self) -> int:
        if self.lost:
            raise NVMLError_GpuIsLost
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetName(self, card: int) -> Any:
        return "Card \x1b[31mred" if card == 0 else b"Old card"

    def _only_first(self, card: int, value: Any) -> Any:
        if card:
            raise NvmlError("Not Supported")
        return value

    def nvmlDeviceGetMemoryInfo(self, card: int) -> Any:
        return self._only_first(card, SimpleNamespace(used=3 * MB, total=10 * MB))

    def nvmlDeviceGetUtilizationRates(self, card: int) -> Any:
        return self._only_first(card, SimpleNamespace(gpu=42, memory=7))

    def nvmlDeviceGetPowerUsage(self, card: int) -> Any:
        return self._only_first(card, 75_250)

    def nvmlDeviceGetTemperature(self, card: int, kind: int) -> Any:
        return self._only_first(card, 61)

    def nvmlDeviceGetComputeRunningProcesses(self, card: int) -> Any:
        mine, other = SimpleNamespace(pid=7, usedGpuMemory=2 * MB), SimpleNamespace(pid=9, usedGpuMemory=MB)
        return self._only_first(card, [mine, other])


def test_a_card_tells_its_figures_and_the_engines_part_of_its_memory() -> None:
    first, second = Gpus(FakeNvml).read([7, 8])
    assert first == Gpu("Card red", 42.0, 3 * MB, 10 * MB, 2 * MB, 75.2, 61.0)
    assert second == Gpu("Old card")


def test_without_a_driver_there_is_no_card_and_it_is_not_asked_for_again_at_once() -> None:
    clock, asked = Clock(), []

    def absent() -> Any:
        asked.append(1)
        raise ImportError("no pynvml")

    gpus = Gpus(absent, clock)
    assert gpus.read() == () == gpus.read()
    assert len(asked) == 1
    clock.now += RETRY_SECONDS
    gpus.read()
    assert len(asked) == 2


def test_the_real_library_is_harmless_here() -> None:
    assert isinstance(Gpus().read([os.getpid()]), tuple)


def test_a_card_that_is_lost_ends_in_nothing_read() -> None:
    nvml = FakeNvml()
    gpus = Gpus(lambda: nvml)
    assert len(gpus.read()) == 2
    nvml.lost = True
    assert gpus.read() == ()
    assert nvml.ended == 1


# -- pressure and the control group -----------------------------------------------------------------------


def files(folder: Path, **texts: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name.replace("__", ".")).write_text(text)


SOME = "some avg10={} avg60=0.00 avg300=0.00 total=1\nfull avg10=99.00 avg60=0.00 avg300=0.00 total=1\n"


def fake_proc(tmp_path: Path, group: str, mount: str) -> Path:
    proc = tmp_path / "proc"
    files(proc / "self", cgroup=group, mountinfo=mount)
    files(proc, vmstat="nr_free_pages 1\noom_kill 3\n")
    files(proc / "pressure", cpu=SOME.format("12.50"), memory=SOME.format("0.25"), io=SOME.format("1.00"))
    return proc


def test_a_v2_group_has_pressure_memory_limit_and_kills_of_its_own(tmp_path: Path) -> None:
    # Labelled fake files, laid out as the kernel's documentation of cgroup v2 has them.
    root = tmp_path / "cgroup"
    group = root / "user" / "study"
    files(group, memory__current=f"{300 * MB}\n", memory__max="max\n", cpu__pressure=SOME.format("44.00"),
          memory__stat=f"anon 1\ninactive_file {100 * MB}\n", memory__events="low 0\noom 2\noom_kill 2\n")  # fmt: skip
    files(root / "user", memory__max=f"{512 * MB}\n")
    proc = fake_proc(tmp_path, "0::/user/study\n", f"1 2 0:1 / {root} rw - cgroup2 cgroup2 rw\n")
    found = Group(proc)
    memory = found.memory()
    assert (memory.used, memory.limit, memory.oom_kills) == (200 * MB, 512 * MB, 2)
    pressure = found.pressure()
    assert (pressure.cpu, pressure.memory, pressure.io) == (44.0, 0.25, 1.0)


def test_a_v1_group_is_read_too(tmp_path: Path) -> None:
    root = tmp_path / "memory"
    files(root / "study", memory__usage_in_bytes=f"{300 * MB}\n", memory__oom_control="oom_kill 5\n",
          memory__stat=f"total_inactive_file {50 * MB}\nhierarchical_memory_limit 9223372036854771712\n")  # fmt: skip
    proc = fake_proc(tmp_path, "4:memory:/study\n0::/\n", f"1 2 0:1 / {root} rw - cgroup cgroup rw,memory\n")
    memory = Group(proc).memory()
    assert (memory.used, memory.limit, memory.oom_kills) == (250 * MB, None, 5)


def test_without_a_group_the_machines_kills_count_and_the_rest_is_not_known(tmp_path: Path) -> None:
    memory = Group(fake_proc(tmp_path, "0::/\n", "")).memory()
    assert (memory.used, memory.limit, memory.oom_kills) == (None, None, 3)
    nothing = Group(tmp_path / "nowhere")
    assert nothing.memory().oom_kills is None
    assert nothing.pressure().cpu is None


@pytest.mark.parametrize("text", ["", "some\n", "some avg10=x\n", "some total=1\n", "\xff\xfe"])
def test_pressure_that_makes_no_sense_is_not_known(tmp_path: Path, text: str) -> None:
    proc = fake_proc(tmp_path, "0::/\n", "")
    (proc / "pressure" / "cpu").write_text(text, "latin-1")
    assert Group(proc).pressure().cpu is None


# -- the cached samplers ---------------------------------------------------------------------------------


def test_a_source_is_read_once_in_its_period_and_its_failure_is_not_an_exception() -> None:
    clock, reads = Clock(), []

    def read() -> int:
        reads.append(1)
        if len(reads) == 2:
            raise RuntimeError("gone")
        return len(reads)

    source = Source("test", read, 2.0, clock)
    assert (source.get(), source.get()) == (1, 1)
    clock.now += 2
    assert source.get() is None
    clock.now += 2
    assert source.get() == 3
    assert (source.cost.reads, source.cost.failures) == (3, 1)


def test_nobody_waits_for_a_slow_source() -> None:
    clock, may_end, ended = Clock(), threading.Event(), threading.Event()

    def read() -> str:
        assert may_end.wait(10)
        ended.set()
        return "read"

    source = SlowSource("slow", read, 1.0, clock)
    assert source.get() is None and source.get() is None
    may_end.set()
    assert ended.wait(10)
    wait_for(lambda: source.get() == "read")
    assert source.cost.reads == 1
    source.close()


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so, on a condition nobody tells."""
    tick = threading.Event()
    for _ in range(500):
        if condition():
            return
        tick.wait(0.02)
    raise AssertionError("it never came")


def test_the_details_have_every_source(child: subprocess.Popen[str]) -> None:
    clock = Clock()
    status = ContainerStatus(name="c", state="running", memory_bytes=MB, restarts=2, cpu_percent=12.345)
    details = Details(lambda: status, gpus=Gpus(FakeNvml), clock=clock)
    tree = ProcessTree()
    engine = EngineUse(loaded=(LoadedUse("m", 5),), kv_used_tokens=7)

    def read() -> Any:
        return details.read(HostReading(swap_total=9), tree.read([child.pid]), tree, engine)

    assert read() is not None
    assert read() is None, "the last ones are still good"

    def both() -> bool:
        clock.now += 2.5
        found = read()
        return bool(found.gpus and found.container)

    wait_for(both)
    clock.now += 2.5
    found = read()
    assert found.container is not None and found.container.restarts == 2
    assert found.container.cpu_percent == 12.3
    assert found.gpus[0].engine_memory_bytes == 0, "the engine has nothing on this card"
    assert found.loaded[0].name == "m" and found.kv_used_tokens == 7 and found.swap_total_bytes == 9
    assert found.engine_threads == 2
    assert found.load_average is not None
    details.close()


class Readings:
    """Counts what is read of the finer sources."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def __call__(self) -> int:
        # The slow ones end their reading when they like.
        return sum(s.cost.reads for s in self._hub.details.sources if not isinstance(s, SlowSource))


def test_hidden_panels_read_no_details_and_shown_ones_do() -> None:
    seen: list[Sample] = []
    hub = Hub(root_pids=lambda: [os.getpid()], on_sample=seen.append)
    reads = Readings(hub)
    # The thread is never started: each run takes a reading at its begin and one at its end, in this thread.
    hub.begin_run("a")
    hub.end_run("a")
    assert reads() == 0 and all(sample.detail is None for sample in seen)
    hub.detail = True
    hub.begin_run("b")
    assert seen[-1].detail is not None and reads() > 0
    hub.detail = False
    before = reads()
    hub.end_run("b")
    assert reads() == before and seen[-1].detail is None
    hub.stop()


def test_looking_closer_brings_details_at_once_and_looking_away_ends_them() -> None:
    arrived = threading.Event()
    hub = Hub(
        root_pids=list,
        on_sample=lambda sample: arrived.set() if sample.detail else None,
        interval=3600.0,
    )
    hub.start()
    wait_for(lambda: hub.latest is not None)
    hub.note_engine(loaded=(LoadedUse("m"),), generated_tokens_per_s=48.5)
    hub.detail = True
    assert arrived.wait(10), "an hour until the next sample, but somebody looks now"
    assert hub.latest is not None and hub.latest.detail is not None
    assert hub.latest.detail.generated_tokens_per_s == 48.5
    hub.stop()


def test_an_unread_tree_has_no_details_of_an_engine() -> None:
    details = Details(gpus=Gpus(FakeNvml))
    found = details.read(HostReading(), TreeReading(), ProcessTree(), EngineUse())
    assert found is not None and found.engine_threads is None and found.engine_write is None
    details.close()
