"""What a load took, measured on real processes that come, grow and go."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from core.models.measure import MemoryWatch

MIB = 2**20
#: Takes memory when told to, and says when it has it.
HOLD = "import sys\nfor line in sys.stdin:\n    kept = bytearray(b'x') * (int(line) << 20)\n    print(len(kept), flush=True)"


@contextmanager
def holder() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def hold(process: subprocess.Popen[str], mebibytes: int) -> None:
    assert process.stdin and process.stdout
    process.stdin.write(f"{mebibytes}\n")
    process.stdin.flush()
    assert int(process.stdout.readline()) == mebibytes * MIB


def test_growth_of_a_process_that_was_there() -> None:
    with holder() as process:
        hold(process, 1)
        watch = MemoryWatch(lambda: [process.pid])
        hold(process, 60)
        taken = watch.stop()
    assert taken.peak is not None and 58 * MIB < taken.peak < 64 * MIB
    assert taken.anon is not None and 58 * MIB < taken.anon < 64 * MIB


def test_another_models_runner_that_ends_meanwhile_is_not_taken_off() -> None:
    with holder() as old, holder() as new:
        hold(old, 120)
        pids = [old.pid]
        watch = MemoryWatch(lambda: pids)
        old.kill()
        old.wait()
        pids[:] = [new.pid]
        hold(new, 60)
        taken = watch.stop()
    # The new one with its interpreter, whole: nothing of the old one's 120 MiB counts, either way.
    assert taken.peak is not None and 60 * MIB < taken.peak < 90 * MIB
