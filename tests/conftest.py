"""For every test: those that need the internet are left out unless they are asked for by name."""

from __future__ import annotations

import pytest


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
