"""How the command line's help is laid out: in the user's language, in lines that fit, Hangul two columns wide."""

from __future__ import annotations

import argparse
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from core.i18n import tr
from core.text import clean_line


class HelpFormatter(argparse.HelpFormatter):
    """argparse's layout with its own words in the current language.

    Paragraphs of a description are parted by an empty line; lines that begin with spaces stay as they are.
    """

    def add_usage(
        self, usage: str | None, actions: Iterable[Any], groups: Iterable[Any], prefix: str | None = None
    ) -> None:
        """Add the usage line."""
        super().add_usage(usage, actions, groups, f"{tr('cli.usage')}: " if prefix is None else prefix)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrapped(" ".join(text.split()), width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines: list[str] = []
        for line in text.split("\n"):
            lines += [line] if line.startswith(" ") else wrapped(line, width - len(indent)) or [""]
        return "\n".join(indent + line if line else line for line in lines)


def translate(parser: argparse.ArgumentParser) -> None:
    """Put the headings argparse writes itself, and the line on ``-h``, in the current language."""
    parser._positionals.title = tr("cli.positionals")
    parser._optionals.title = tr("cli.options")
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            action.help = tr("cli.help.help")


#: What argparse complains of, in its own English, and the message that says it.
_COMPLAINTS = (
    (re.compile(r"the following arguments are required: (?P<names>.*)", re.S), "cli.required"),
    (re.compile(r"unrecognized arguments: (?P<names>.*)", re.S), "cli.unknown"),
    (
        re.compile(
            r"argument (?P<name>[^:]*): invalid choice: (?P<value>.*?) \(choose from (?P<known>.*)\)", re.S
        ),
        "cli.choice",
    ),
    (re.compile(r"argument (?P<name>[^:]*): expected (?:at least )?one argument"), "cli.value"),
    (re.compile(r"argument (?P<name>[^:]*): invalid int value: (?P<value>.*)", re.S), "cli.number"),
    (re.compile(r"argument (?P<name>[^:]*): (?P<message>.*)", re.S), "cli.argument"),
)


def complaint(message: str) -> str:
    """Say what argparse complains of in the user's language, on one line."""
    for pattern, key in _COMPLAINTS:
        match = pattern.fullmatch(message)
        if match:
            return clean_line(tr(key, **match.groupdict()), max_chars=1_000)
    return clean_line(message, max_chars=1_000)


def wrapped(text: str, width: int) -> list[str]:
    """Break a text at spaces into lines of at most ``width`` terminal columns; a longer word stays whole."""
    lines: list[str] = []
    for word in text.split():
        if lines and _cells(lines[-1]) + 1 + _cells(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
