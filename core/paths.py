"""Where files live: the XDG base directories, or everything below one ``--data-dir``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

APP = "llm-study"


@dataclass(frozen=True)
class Paths:
    """The directories and files of one installation. Nothing is created until :meth:`ensure`."""

    data: Path
    """What must survive: sessions, documents' index, agent checkpoints."""

    config: Path
    """Settings the user writes or changes in the app."""

    state: Path
    """Logs and lock files: may be deleted at any time."""

    @property
    def session_db(self) -> Path:
        """The session store (SQLite)."""
        return self.data / "session.db"

    @property
    def checkpoint_db(self) -> Path:
        """LangGraph's checkpoints (SQLite), in a file of their own: their library sets no busy timeout."""
        return self.data / "checkpoints.db"

    @property
    def index_dir(self) -> Path:
        """The LanceDB directory: vectors and chunk text only."""
        return self.data / "index"

    @property
    def models_dir(self) -> Path:
        """The embedded engine's own models: what was pulled and created."""
        return self.data / "models"

    @property
    def config_file(self) -> Path:
        """The TOML settings file."""
        return self.config / "config.toml"

    @property
    def log_file(self) -> Path:
        """The log that has every traceback the user is spared."""
        return self.state / "llm-study.log"

    @property
    def engine_log(self) -> Path:
        """What the embedded engine's process prints."""
        return self.state / "engine.log"

    def ensure(self) -> None:
        """Create the directories, readable by their owner only.

        Raises:
            OSError: when one cannot be created (read-only file system, a file in the way).
        """
        for directory in (self.data, self.config, self.state):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)


def _xdg(variable: str, fallback: str) -> Path:
    value = os.environ.get(variable, "")
    # The XDG specification: a relative path is invalid and must be ignored.
    base = Path(value) if value and Path(value).is_absolute() else Path.home() / fallback
    return base / APP


def default_paths(data_dir: str | Path | None = None) -> Paths:
    """Find the directories.

    Args:
        data_dir: When given (flag, or ``LLM_STUDY_DATA_DIR``), data, settings and logs all live below it.
    """
    chosen = data_dir or os.environ.get("LLM_STUDY_DATA_DIR") or None
    if chosen:
        root = Path(chosen).expanduser().absolute()
        return Paths(data=root, config=root, state=root / "state")
    return Paths(
        data=_xdg("XDG_DATA_HOME", ".local/share"),
        config=_xdg("XDG_CONFIG_HOME", ".config"),
        state=_xdg("XDG_STATE_HOME", ".local/state"),
    )
