"""Copying that works over SSH: OSC 52 first (wrapped for tmux), then a local tool; says which way it went."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from typing import Literal

Way = Literal["osc52", "osc52-tmux", "tool", "none"]

OSC52_LIMIT = 100_000
"""Bytes of base64 most terminals accept in one sequence; more is silently dropped by several of them."""

_TOOLS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("WAYLAND_DISPLAY", "wl-copy", ()),
    ("DISPLAY", "xclip", ("-selection", "clipboard")),
    ("DISPLAY", "xsel", ("--clipboard", "--input")),
    ("", "pbcopy", ()),
    ("", "clip.exe", ()),
)


def osc52(text: str, *, tmux: bool) -> str:
    """Return the escape sequence that asks the terminal to copy ``text``.

    Args:
        text: What to copy.
        tmux: Wrap it so that tmux hands it on (needs ``allow-passthrough`` or ``set-clipboard`` on in tmux).
    """
    sequence = f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07"
    if not tmux:
        return sequence
    # Both: the bare one for ``set-clipboard on``, the wrapped one for ``allow-passthrough on``.
    return sequence + "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"


def local_tool(environ: Mapping[str, str]) -> list[str] | None:
    """Return the command of a clipboard tool of this machine, unless the session is remote."""
    if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"):
        return None
    for variable, name, arguments in _TOOLS:
        if (not variable or environ.get(variable)) and shutil.which(name):
            return [name, *arguments]
    return None


def copy(text: str, write: Callable[[str], None] | None, environ: Mapping[str, str] | None = None) -> Way:
    """Copy ``text``. Blocking when a local tool is used: call it off the interface's loop.

    Args:
        text: What to copy.
        write: Writes to the terminal; ``None`` when there is none.
        environ: Environment (default ``os.environ``).

    Returns:
        Which way it went. ``none``: too long for OSC 52 and no tool here; offer a file.
    """
    environ = os.environ if environ is None else environ
    tool = local_tool(environ)
    if tool:
        try:
            subprocess.run(tool, input=text.encode(), check=True, timeout=3, stderr=subprocess.DEVNULL)
            return "tool"
        except (OSError, subprocess.SubprocessError):
            pass  # The terminal may still do it.
    if write is None or len(text.encode()) * 4 / 3 > OSC52_LIMIT:
        return "none"
    tmux = bool(environ.get("TMUX"))
    write(osc52(text, tmux=tmux))
    return "osc52-tmux" if tmux else "osc52"
