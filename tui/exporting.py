"""Sessions and texts to files: chosen names, nothing overwritten."""

from __future__ import annotations

import json
import re
from pathlib import Path

from core.session import Store, export
from core.session.rows import Session


def free_path(path: Path) -> Path:
    """Return ``path``, or the same with ``-2``, ``-3`` … when it is taken."""
    number, free = 2, path
    while free.exists():
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    return free


def file_stem(session: Session) -> str:
    """Return a file name for a session: letters and digits of its title, then its id."""
    title = re.sub(r"[^\w가-힣]+", "-", session.title).strip("-_")[:40]
    return "-".join(part for part in ("llm-study", title, session.id[:6]) if part)


def export_session(store: Store, session: Session, target: str = "") -> list[Path]:
    """Write a session to files. Blocking.

    Args:
        store: The session store.
        session: Which session.
        target: A file ending in ``.md`` or ``.json``, a folder, or ``""`` for the working directory; a folder gets
            both formats.

    Returns:
        The files written.

    Raises:
        OSError: The place cannot be written.
        StudyError: There is no such session.
    """
    place = Path(target or ".").expanduser()
    if place.suffix in {".md", ".json"} and not place.is_dir():
        paths = [place]
    else:
        place.mkdir(parents=True, exist_ok=True)
        stem = file_stem(session)
        paths = [place / f"{stem}.md", place / f"{stem}.json"]
    written = []
    for path in paths:
        if path.suffix == ".json":
            text = json.dumps(export.session_json(store, session.id), ensure_ascii=False, indent=2)
        else:
            text = export.session_markdown(store, session.id)
        free = free_path(path)
        free.write_text(text, encoding="utf-8")
        written.append(free.resolve())
    return written


def save_text(folder: Path, text: str) -> Path:
    """Save a text that could not be copied. Blocking.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = free_path(folder / "copied.txt")
    path.write_text(text, encoding="utf-8")
    return path


def save_passage(name: str, text: str) -> Path:
    """Write a passage to a Markdown file in the working directory. Blocking.

    Raises:
        OSError: The directory cannot be written.
    """
    stem = re.sub(r"[^\w가-힣.]+", "-", name).strip("-_.")[:80] or "passage"
    path = free_path(Path(f"{stem}.md"))
    path.write_text(text, encoding="utf-8")
    return path.resolve()
