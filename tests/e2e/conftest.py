"""Fixtures of the end-to-end tests, and what they need on the machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.terminal import Terminal, assert_no_process_left, command, environment

NEEDS_TMUX = "needs tmux (apt-get install tmux, brew install tmux)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without tmux a newcomer's `make test` leaves these out and says so; in CI that is a failure."""
    if shutil.which("tmux") or os.environ.get("CI"):
        return
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and "terminal" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.skip(reason=NEEDS_TMUX))


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data directory of this test; at its end nothing started on it may be alive."""
    folder = tmp_path / "data"
    folder.mkdir()
    yield folder
    assert_no_process_left(folder)


@pytest.fixture
def terminal(data: Path) -> Iterator[Callable[..., Terminal]]:
    """Open a terminal with ``llm-study ARGUMENTS`` (or another program) in it."""
    opened: list[Terminal] = []

    def start(*arguments: str, size: tuple[int, int] = (120, 36), **env: str) -> Terminal:
        one = Terminal(*size)
        opened.append(one)
        one.start(command(*arguments), environment(data, **env))
        return one

    yield start
    for one in opened:
        one.close()
