"""Where log records go."""

from __future__ import annotations

import logging
import os

from core.paths import Paths


def set_up_logging(paths: Paths) -> None:
    """Send every log record and warning to the log file, nothing to the terminal. The file is bounded at 2 × 1 MB."""
    from logging.handlers import RotatingFileHandler

    handler: logging.Handler
    try:
        paths.ensure()
        handler = RotatingFileHandler(
            paths.log_file, maxBytes=1_000_000, backupCount=1, encoding="utf-8", delay=True
        )
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter(f"%(asctime)s {os.getpid()} %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("httpx", "httpcore", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.captureWarnings(True)
