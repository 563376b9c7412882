"""Where the compose file is: beside the program's source, or in the settings folder of an installed program."""

from __future__ import annotations

import os
from pathlib import Path

from core.errors import UsageError
from core.paths import Paths
from core.text import clean_line

NAME = "docker-compose.yml"
EXAMPLE = ".env.example"


def compose_file(paths: Paths, given: str = "") -> Path:
    """Find the compose file.

    Args:
        paths: An installed program has no source beside it: it keeps a copy in the settings folder, written from the
            one in its package the first time, where the user may change it.
        given: A path the user named; it is not looked for anywhere else.

    Raises:
        UsageError: The copy cannot be written.
    """
    if given:
        return Path(given).expanduser().absolute()
    source = Path(__file__).resolve().parents[2]
    if (source / "pyproject.toml").is_file() and (source / NAME).is_file():
        return source / NAME
    target = paths.config / NAME
    if not target.exists():
        try:
            paths.config.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name in (EXAMPLE, NAME):
                _copy(Path(__file__).with_name(name), paths.config / name)
        except OSError as error:
            raise UsageError(
                "error.compose.unreadable",
                file=clean_line(str(target)),
                reason=clean_line(error.strerror or str(error)),
            ) from error
    return target


def _copy(source: Path, target: Path) -> None:
    """Write a whole file or none."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.write_bytes(source.read_bytes())
    temporary.replace(target)
