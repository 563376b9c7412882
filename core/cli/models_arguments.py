"""What ``models`` take on the command line."""

from __future__ import annotations

import argparse
from typing import Any


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the parsers.

    Args:
        commands: The subparsers of ``llm-study``.
        parents: The common flags and ``--json``.
    """
