"""Killed at any moment, the app has on disk what it showed, and takes its engine along."""

from __future__ import annotations

import os
import pty
import random
import select
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from core.session import Store, chat
from tests.e2e.keys import press
from tests.e2e.screen import STORY, answered, generating, letters, opened, streaming_text
from tests.e2e.terminal import (
    Terminal,
    assert_no_process_left,
    command,
    engines,
    environment,
    wait_until,
)

pytestmark = pytest.mark.slow
KILLS = 12
#: Letters that may be shown and not yet on disk: the text of 250 ms, at up to 50 tokens/s of 5 letters.
UNSAVED = 60


@pytest.mark.timeout(600)
def test_killed_a_dozen_times_mid_answer_loses_nothing_shown(
    data: Path, terminal: Callable[..., Terminal]
) -> None:
    # The seed names the moments, so that a failure can be repeated.
    moments = random.Random(20)
    for kill in range(KILLS):
        # Below 100 columns the chat has the whole width, so that its text can be read line by line.
        window = terminal(size=(90, 50))
        window.wait_for(lambda text: "smollm2:135m" in text, 60)
        generating(window, data, words=moments.randint(5, 40))
        shown = shown_answer(window.screen())
        window.program().kill()
        assert_no_process_left(data)
        window.close()
        assert letters(shown), f"kill {kill}: no answer could be read from the screen"
        stored = stored_answer(data)
        assert letters(shown)[: -UNSAVED or None] in letters(stored), (
            f"kill {kill}: {shown!r} not in {stored!r}"
        )


def shown_answer(screen: str) -> str:
    """The lines of the chat under the last question, up to the prompt."""
    lines = [line.strip(" │┃▌▍▏▎║|") for line in screen.splitlines()]
    asked = max((index for index, line in enumerate(lines) if line.endswith(STORY[-20:])), default=-1)
    answer: list[str] = []
    for line in lines[asked + 1 :]:
        # The line that says the answer is being written, or the border of the prompt.
        if line and line[0] in "●├└╰─╭┌":
            break
        answer.append(line)
    return "\n".join(answer)


def stored_answer(data: Path) -> str:
    """The answer in the store, opened as the next start opens it."""
    store = Store.open(data / "session.db")
    try:
        session = chat.last_session(store)
        assert session
        messages = chat.messages(store, session.id)
        assert [message.content for message in messages if message.role == "user"] == [STORY]
        return "".join(message.content for message in messages if message.role == "assistant")
    finally:
        store.close()


def test_a_killed_engine_is_said_and_comes_back(data: Path, terminal: Callable[..., Terminal]) -> None:
    window = terminal()
    opened(window)
    generating(window, data)
    first = engines(data)
    assert first
    for process in first:
        process.kill()
    wait_until(lambda: not streaming_text(data), 20, "the answer never ended")
    # What happened and what to do, not a traceback.
    screen = window.wait_for(
        lambda text: "ngine" in text and ("retry" in text.lower() or "again" in text.lower())
    )
    assert "Traceback" not in screen
    wait_until(
        lambda: engines(data) and not {p.pid for p in first} & {p.pid for p in engines(data)}, 40, "no engine"
    )
    assert answered(window, data, "What is 12*34?")["status"] == "ok"
    window.wait_for("408")
    press(window, "quit")
    assert window.exit_code() == 0


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_it_as_quitting_does(
    data: Path, terminal: Callable[..., Terminal], signal_name: str
) -> None:
    window = terminal()
    opened(window)
    generating(window, data)
    program: psutil.Process = window.program()
    program.send_signal(getattr(signal, signal_name))
    wait_until(lambda: not program.is_running() or program.status() == psutil.STATUS_ZOMBIE, 15, "still runs")
    assert_no_process_left(data)
    assert not streaming_text(data)


@pytest.mark.parametrize("generates", [False, True])
def test_a_terminal_that_vanishes_takes_everything_along(
    data: Path, terminal: Callable[..., Terminal], generates: bool
) -> None:
    window = terminal()
    opened(window)
    if generates:
        generating(window, data)
    else:
        press(window, "trace")
        window.wait_for("Trace")
    window.close()
    assert_no_process_left(data)
    assert not streaming_text(data)


def test_a_terminal_that_vanishes_without_a_signal_takes_everything_along(data: Path) -> None:
    """A leader of the session that keeps SIGHUP to itself, as make does: only the terminal tells. It has no size either."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command(), stdin=theirs, stdout=theirs, stderr=theirs, env=environment(data), start_new_session=True
    )
    os.close(theirs)
    vanish = threading.Event()

    def screen() -> None:
        # What reads the terminal closes it too: closing does not end a read that waits.
        while not vanish.is_set():
            if select.select([ours], [], [], 0.05)[0]:
                os.read(ours, 1 << 16)
        os.close(ours)

    threading.Thread(target=screen, daemon=True).start()
    wait_until(lambda: engines(data), 60, "no engine")
    vanish.set()
    # 120: what was still to be written could not be; 129: it waited to write when the terminal went.
    assert process.wait(30) in (0, 120, 129)
    assert_no_process_left(data)
