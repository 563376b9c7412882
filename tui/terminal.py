"""What the terminal needs to be told before Textual is imported. Imports no Textual."""

from __future__ import annotations

import contextlib
import os
import select
import termios
import threading
from collections.abc import Callable, Mapping, MutableMapping

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


def give_size(descriptor: int) -> None:
    """Give a terminal that says it has no size (0x0, as some programs open theirs) the usual one: drawing on it would never
    come to rest."""
    with contextlib.suppress(OSError, termios.error):
        if 0 in termios.tcgetwinsize(descriptor):
            termios.tcsetwinsize(descriptor, (24, 80))


def watch(descriptor: int, gone: Callable[[], None]) -> None:
    """Call ``gone`` once, from a thread of its own, when a terminal is no longer there.

    A cut connection sends SIGHUP to the session's leader; one that keeps it to itself (make does) leaves its children on a
    dead terminal, where reading returns at once for ever. Waiting for the hang-up costs nothing.
    """
    if not os.isatty(descriptor):
        return

    def wait() -> None:
        poll = select.poll()
        poll.register(descriptor, 0)  # A hang-up is told whatever is asked for.
        try:
            events = poll.poll()
        except OSError:
            return
        if any(event & (select.POLLHUP | select.POLLERR) for _, event in events):
            gone()

    threading.Thread(target=wait, name="terminal", daemon=True).start()
