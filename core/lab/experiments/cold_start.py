"""From an unloaded model to the first token: load, prefill and the rest apart."""

from __future__ import annotations

import asyncio

from core.i18n import tr
from core.lab import pagecache
from core.lab.bench import Bench, Step, interleaved
from core.lab.client import Ask, measure
from core.lab.prompts import fresh

EXPIRE = "1s"


async def walk(bench: Bench) -> None:
    """Measure, the ways of starting in turns: loaded, unloaded with its file still cached, read from disk, expired."""
    options = bench.options
    bench.check_context(options["prompt"], options["output"])
    bench.plan(2 + 4 * options["repeats"])
    bench.say(tr("lab.now.warmup"))
    line = await bench.calibrate()
    words = line.words_for(options["prompt"])
    file = await bench.control.model_file()
    starts = ["loaded", "unloaded"]
    if options["drop"] and file is not None and pagecache.can_drop():
        starts.append("dropped")
    if options["expire"]:
        starts.append("expired")
    bench.plan(2 + len(starts) * options["repeats"])

    for repeat, start in interleaved(starts, options["repeats"], options["seed"]):
        bench.say(tr(f"lab.now.cold.{start}", repeat=repeat + 1, repeats=options["repeats"]))
        seed = bench.seed(start, repeat)

        async def work(step: Step, start: str = start, seed: int = seed, repeat: int = repeat) -> None:
            control = bench.control
            if start == "loaded":
                await control.load()
            elif start == "expired":
                # The model goes by itself, as it does when nobody asks for longer than keep_alive.
                await measure(control.target(), Ask(fresh(4, seed + 1), 1, seed, keep_alive=EXPIRE))
                await control.wait_gone()
            else:
                await control.unload()
            if start == "dropped" and file is not None:
                await asyncio.to_thread(pagecache.drop, file)
            cached = await asyncio.to_thread(pagecache.share, file) if file is not None else None
            found = await measure(control.target(), Ask(fresh(words, seed), options["output"], seed))
            more = {"repeat": repeat} | (
                {"cached_percent": round(100 * cached, 1)} if cached is not None else {}
            )
            step.request(found, **more)

        await bench.step(f"{start}-{repeat}", {"start": start}, work)
    await bench.control.load()
