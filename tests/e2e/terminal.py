"""Driving a program in a real terminal: a tmux server of the test's own, read through ``capture-pane``."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
CONFIG = Path(__file__).with_name("tmux.conf")
POLL_S = 0.05
#: What the shell around the program prints when it has ended.
EXIT = re.compile(r"\[exit (\d+)\]")


def command(*arguments: str) -> list[str]:
    """The installed ``llm-study`` of this environment."""
    return [str(Path(sys.executable).with_name("llm-study")), *arguments]


def environment(data: Path, **extra: str) -> dict[str, str]:
    """A clean environment: nothing of the developer's settings, Ollama or directories leaks in.

    ``LLM_STUDY_DATA_DIR`` doubles as the mark by which :func:`marked_processes` finds what a test started.
    """
    home = data.parent / "home"
    home.mkdir(exist_ok=True)
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_STATE_HOME": str(home / "state"),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "LLM_STUDY_LANG": "en",
        "LLM_STUDY_ENGINE": "embedded",
        "LLM_STUDY_DATA_DIR": str(data),
        **extra,
    }


def wait_until(condition: Callable[[], object], timeout: float, what: str) -> None:
    """Poll until ``condition()`` is true; fail with ``what`` after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout:g} s: {what}")
        pause.wait(POLL_S)


def marked_processes(data: Path) -> list[psutil.Process]:
    """Every live process that was started with this data directory (the program, its engine, its parsers)."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                continue
            # Not the shell, the terminal or the ssh client around it, which carry the same environment.
            ours = process.name() not in ("sh", "bash", "cat", "ssh") and "tmux" not in process.name()
            if ours and process.environ().get("LLM_STUDY_DATA_DIR") == str(data):
                found.append(process)
    return found


def engines(data: Path) -> list[psutil.Process]:
    """The engine processes of this data directory."""
    found = []
    for process in marked_processes(data):
        with contextlib.suppress(psutil.Error):
            if "core.embedded" in process.cmdline():
                found.append(process)
    return found


def assert_no_process_left(data: Path, timeout: float = 15) -> None:
    """Fail if anything started with this data directory is still alive after ``timeout`` seconds."""
    wait_until(lambda: not marked_processes(data), timeout, f"still alive: {marked_processes(data)}")


class Terminal:
    """One terminal of ``columns`` x ``rows`` with one program in it."""

    def __init__(self, columns: int = 120, rows: int = 36) -> None:
        self.size = (columns, rows)
        self._socket = f"llm-study-test-{uuid.uuid4().hex[:10]}"

    def start(self, program: Sequence[str], env: Mapping[str, str]) -> None:
        """Start the program, in a shell that says its exit code and then waits."""
        line = f"{shlex.join(program)}; printf '\\n[exit %s]\\n' $?; exec cat"
        columns, rows = self.size
        subprocess.run(
            [
                "tmux",
                "-L",
                self._socket,
                "-f",
                str(CONFIG),
                "new-session",
                "-d",
                "-x",
                str(columns),
                "-y",
                str(rows),
                "-c",
                str(ROOT),
                line,
            ],
            env=dict(env),
            check=True,
            timeout=20,
        )

    def tmux(self, *arguments: str) -> str:
        """Run a tmux command on this terminal's server and return what it prints."""
        result = subprocess.run(
            ["tmux", "-L", self._socket, *arguments], capture_output=True, timeout=20, check=True
        )
        return result.stdout.decode("utf-8", "replace")

    def screen(self) -> str:
        """What is on screen now, as text."""
        return self.tmux("capture-pane", "-p")

    def raw_screen(self) -> str:
        """What is on screen now, with the escape sequences that style it."""
        return self.tmux("capture-pane", "-p", "-e")

    def wait_for(self, wanted: str | Callable[[str], object], timeout: float = 40) -> str:
        """Wait until the text (or what the predicate wants) is on screen; return that screen."""
        deadline = time.monotonic() + timeout
        pause = threading.Event()
        while True:
            screen = self.screen()
            if wanted in screen if isinstance(wanted, str) else wanted(screen):
                return screen
            if time.monotonic() > deadline:
                raise AssertionError(f"after {timeout:g} s not on screen: {wanted!r}\n{screen}")
            pause.wait(POLL_S)

    def type(self, text: str) -> None:
        """Type text as it is."""
        self.tmux("send-keys", "-l", "--", text)

    def press(self, *keys: str) -> None:
        """Press keys, in Textual's names (``ctrl+q``, ``escape``, ``enter``, ``f2``, ``shift+tab``)."""
        for key in keys:
            self.tmux("send-keys", tmux_key(key))

    def enter(self, text: str) -> None:
        """Type a line, see it appear, and press Enter."""
        self.type(text)
        tail = text[-12:]
        self.wait_for(lambda screen: tail in screen)
        self.press("enter")

    def resize(self, columns: int, rows: int) -> None:
        """Change the terminal's size, as dragging its corner does."""
        self.size = (columns, rows)
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def program(self) -> psutil.Process:
        """The program's process (the shell's child)."""
        shell = psutil.Process(int(self.tmux("display-message", "-p", "#{pane_pid}")))
        return shell.children()[0]

    def exit_code(self, timeout: float = 20) -> int:
        """Wait for the program's end and return its exit code."""
        screen = self.wait_for(lambda text: EXIT.search(text), timeout)
        match = EXIT.search(screen)
        assert match
        return int(match.group(1))

    def close(self) -> None:
        """End the tmux server and with it whatever still runs in it."""
        subprocess.run(
            ["tmux", "-L", self._socket, "kill-server"], capture_output=True, timeout=20, check=False
        )


_NAMED = {
    "enter": "Enter",
    "escape": "Escape",
    "tab": "Tab",
    "space": "Space",
    "backspace": "BSpace",
    "delete": "DC",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "home": "Home",
    "end": "End",
    "pageup": "PPage",
    "pagedown": "NPage",
    "shift+tab": "BTab",
    "question_mark": "?",
    "exclamation_mark": "!",
    "slash": "/",
}


def tmux_key(key: str) -> str:
    """Write a key in tmux's words."""
    if key in _NAMED:
        return _NAMED[key]
    *modifiers, name = key.split("+")
    letter = {"ctrl": "C-", "shift": "S-", "alt": "M-"}
    name = _NAMED.get(name, name.upper() if re.fullmatch(r"f\d+", name) else name)
    return "".join(letter[item] for item in modifiers) + name
