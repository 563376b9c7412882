"""One request at a time: TTFT, TPOT, ITL and E2E over prompt length × output length, prompt cache cold and warm."""

from __future__ import annotations

from core.i18n import tr
from core.lab.bench import Bench, Step, interleaved
from core.lab.generator import closed


async def walk(bench: Bench) -> None:
    """Measure."""
    options = bench.options
    for prompt in options["prompts"]:
        bench.check_context(prompt, max(options["outputs"], default=0))
    caches = ["cold", "warm"] if options["warm"] else ["cold"]
    points = [(p, o, c) for p in options["prompts"] for o in options["outputs"] for c in caches]
    bench.plan(len(points) * options["repeats"] + 2)
    bench.say(tr("lab.now.warmup"))
    line = await bench.calibrate()
    for repeat, (prompt, output, cache) in interleaved(points, options["repeats"], options["seed"]):
        words = line.words_for(prompt)
        bench.say(tr(f"lab.now.latency.{cache}", prompt=prompt, output=output))
        make = bench.maker(words, output, bench.seed(prompt, output, cache, repeat))

        async def work(step: Step, make=make, cache=cache, repeat=repeat) -> None:  # type: ignore[no-untyped-def]
            if cache == "warm":
                # The same prompt just before: whatever the server caches of it, it has now.
                before: list[object] = []
                await closed(bench.control.target(), make, users=1, requests=1, on_measured=before.append)
            await closed(
                bench.control.target(), make, users=1, requests=1,
                on_measured=lambda found: step.request(found, repeat=repeat),
            )  # fmt: skip

        point = {"prompt": prompt, "output": output, "cache": cache}
        await bench.step(f"{prompt}x{output}-{cache}-{repeat}", point, work)
