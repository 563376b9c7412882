"""What the terminal needs to be told before Textual is imported. Imports no Textual."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping

DISABLE_KITTY = "TEXTUAL_DISABLE_KITTY_KEY"


def is_iterm(environ: Mapping[str, str]) -> bool:
    """Say whether the terminal is iTerm2; over SSH only ``LC_TERMINAL`` is usually forwarded."""
    return environ.get("LC_TERMINAL") == "iTerm2" or environ.get("TERM_PROGRAM") == "iTerm.app"


def prepare(kitty_keyboard: str, environ: MutableMapping[str, str] | None = None) -> None:
    """Switch the kitty keyboard protocol off where it swallows Hangul.

    Guard (ii), https://github.com/Textualize/textual/issues/6561: with the flags Textual asks for, iTerm2 never
    sends text committed by an input method. Textual reads the variable once, when it is imported. Can go when
    the fixed iTerm2 is the oldest one in use.

    Args:
        kitty_keyboard: The setting ``auto`` | ``on`` | ``off``.
        environ: The environment to change (default ``os.environ``). A value the user set is kept.
    """
    environ = os.environ if environ is None else environ
    if kitty_keyboard == "off" or (kitty_keyboard == "auto" and is_iterm(environ)):
        environ.setdefault(DISABLE_KITTY, "1")
