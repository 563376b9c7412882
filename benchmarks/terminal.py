"""What the benchmarks of the app share: the real program on a pseudo-terminal, and facts about the machine."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = Path(sys.executable).with_name("llm-study")
_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|P[^\x1b]*\x1b\\|[ -/]*[0-~])"
)


class App:
    """``llm-study`` on a pseudo-terminal. Times are ``time.perf_counter()`` seconds."""

    def __init__(self, data: Path, *arguments: str, columns: int = 120, rows: int = 36) -> None:
        keep = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        env = {
            **keep,
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "LLM_STUDY_LANG": "en",
            "LLM_STUDY_ENGINE": "embedded",
            "LLM_STUDY_DATA_DIR": str(data),
        }
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [str(PROGRAM), *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=env,
            cwd=ROOT,
            start_new_session=True,
        )
        os.close(slave)
        self.output = bytearray()

    def read(self, seconds: float) -> bool:
        """Take what the app writes, waiting at most this long for some; whether there was any."""
        if not select.select([self._master], [], [], max(0.0, seconds))[0]:
            return False
        try:
            chunk = os.read(self._master, 1 << 16)
        except OSError:
            # Linux's way of saying that the other side is closed.
            return False
        self.output += chunk
        return bool(chunk)

    def drain(self, seconds: float) -> int:
        """Take everything written during this time, throw it away, and return how many bytes it was."""
        end, total = time.perf_counter() + seconds, 0
        while (left := end - time.perf_counter()) > 0:
            self.read(left)
            total += len(self.output)
            self.output.clear()
        return total

    def wait_for(self, text: str, timeout: float = 60) -> float:
        """Read until the text has been written; returns when.

        Raises:
            TimeoutError: It was not.
        """
        wanted, deadline = text.encode(), time.perf_counter() + timeout
        while wanted not in _ESCAPES.sub(b"", bytes(self.output)):
            if time.perf_counter() > deadline or (self.process.poll() is not None and not self.read(0)):
                raise TimeoutError(
                    f"{text!r} did not appear; the last output: {bytes(self.output[-2000:])!r}"
                )
            self.read(0.5)
        return time.perf_counter()

    def type(self, text: str) -> None:
        """Type into the app."""
        os.write(self._master, text.encode())

    def quit(self, timeout: float = 20) -> int:
        """Press Ctrl+Q and return the exit code; a program that stays is killed."""
        self.type("\x11")
        deadline = time.perf_counter() + timeout
        while self.process.poll() is None and time.perf_counter() < deadline:
            self.read(0.05)
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        os.close(self._master)
        return self.process.wait(10)


@contextlib.contextmanager
def app(data: Path, *arguments: str) -> Iterator[App]:
    """Start the app and make sure that it is gone afterwards."""
    one = App(data, *arguments)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.quit()


def machine() -> Mapping[str, object]:
    """Where a measurement was made."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_1min": os.getloadavg()[0],
    }
