"""For every test: those that need the internet are left out unless asked for by name; none leaves its language behind."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator

import pytest

from core import i18n

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job: the programs under test would inherit deafness to Ctrl+C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Thousands of tests and the libraries they import are a heap that never dies; going through it time and again took a
# third of the processor's time.
gc.disable()


def pytest_collection_finish() -> None:
    """From here on collect what the tests make, and leave alone what was there before."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)


@pytest.fixture(autouse=True)
def language_of_its_own() -> Iterator[None]:
    """Give the language back as it was."""
    before = i18n.language()
    yield
    i18n.set_language(before)


def _wanted(config: pytest.Config) -> bool:
    expression = str(config.option.markexpr)
    return "live" in expression and "not live" not in expression


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _wanted(config):
        return
    live = [item for item in items if item.get_closest_marker("live")]
    if live:
        config.hook.pytest_deselected(items=live)
        items[:] = [item for item in items if not item.get_closest_marker("live")]


def pytest_report_header(config: pytest.Config) -> str:
    return (
        "live tests: on"
        if _wanted(config)
        else "live tests: left out, they need the internet (pytest -m live)"
    )
