"""The app's keys and commands, from its own table, so that a test never knows one by heart."""

from __future__ import annotations

from tests.e2e.terminal import Terminal
from tui.actions import BY_ID


def press(window: Terminal, action: str) -> None:
    """Press the first key of an action."""
    window.press(BY_ID[action].keys.split(",")[0])


def slash(window: Terminal, action: str, argument: str = "") -> None:
    """Run an action's slash command."""
    window.enter(f"/{BY_ID[action].command} {argument}".rstrip())
