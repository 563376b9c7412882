"""Front door of the interface: :func:`run`. Imports no Textual until the terminal has been looked at."""

from __future__ import annotations

import gc
import logging
import sys
import time

from core.paths import Paths
from core.settings import Settings

STARTED = time.perf_counter()

log = logging.getLogger(__name__)


def run(settings: Settings, paths: Paths, *, session: str = "new", notice: str = "") -> int:
    """Run the full-screen app until the user leaves it.

    Args:
        settings: See :class:`core.settings.Settings`.
        paths: Where files live.
        session: ``new``, ``last`` or a session's id.
        notice: A sentence to show at the start.

    Returns:
        The exit code: 0 when the user left, 1 when the interface failed.
    """
    from tui import terminal

    terminal.prepare(settings.kitty_keyboard)
    terminal.give_size(1)
    # Importing makes many objects and no garbage: the collector comes on again after the first paint.
    gc.disable()
    from core.logs import set_up_logging
    from core.runtime import Runtime

    set_up_logging(paths)
    from tui.study import StudyApp

    runtime = Runtime(settings, paths, follow=True)
    app = StudyApp(runtime, settings, paths, session=session, notice=notice, started=STARTED)
    try:
        app.run(mouse=True)
    except OSError:
        # The terminal is gone (a cut connection): there is nobody to tell.
        log.warning("the terminal went away", exc_info=True)
    finally:
        runtime.stop()
    if app.last_words:
        print(app.last_words, file=sys.stderr)  # noqa: T201 - the app is over, the terminal is the user's again
    return app.return_code or 0
