"""What context costs: memory by ``num_ctx``, time and speed by how much of it is filled."""

from __future__ import annotations

from core.i18n import tr
from core.lab.bench import Bench, Step, interleaved
from core.lab.client import Ask, measure
from core.lab.prompts import fresh


async def walk(bench: Bench) -> None:
    """Measure; each context length is a load of its own, all fills within it."""
    options = bench.options
    contexts, fills, output = options["contexts"], options["fills"], options["output"]
    bench.plan(2 + len(contexts) * options["repeats"] * (1 + len(fills)))
    bench.say(tr("lab.now.warmup"))
    line = await bench.calibrate()
    for repeat, num_ctx in interleaved(contexts, options["repeats"], options["seed"]):
        bench.say(tr("lab.now.context.load", num_ctx=num_ctx))
        loaded: list[int] = []

        async def load(step: Step, num_ctx: int = num_ctx, loaded: list[int] = loaded) -> None:
            await bench.control.unload()
            await bench.control.load(num_ctx)
            loaded.append(num_ctx)

        await bench.step(f"load-{num_ctx}-{repeat}", {"num_ctx": num_ctx, "fill": 0.0}, load)
        for fill in fills:
            tokens = min(round(num_ctx * fill), num_ctx - output - 1)
            bench.say(tr("lab.now.context.fill", num_ctx=num_ctx, tokens=tokens))
            seed = bench.seed(num_ctx, fill, repeat)

            async def ask(  # type: ignore[no-untyped-def]
                step: Step, num_ctx=num_ctx, tokens=tokens, seed=seed, repeat=repeat, loaded=loaded
            ) -> None:
                prompt = fresh(line.words_for(max(1, tokens)), seed)
                request = Ask(prompt, output, seed, {"num_ctx": num_ctx})
                if not loaded:
                    # Resumed in the middle: the load must not count as this request's.
                    await bench.control.load(num_ctx)
                found = await measure(bench.control.target(), request)
                step.request(found, repeat=repeat)

            await bench.step(f"fill-{num_ctx}-{fill:g}-{repeat}", {"num_ctx": num_ctx, "fill": fill}, ask)
    await bench.control.load()
