"""Slots: how many requests the engine computes at the same time, against speed for each and memory.

The number of slots is fixed when an engine starts. The embedded engine is started anew for each number, beside the one
in use (which is idle meanwhile, its model unloaded). A real Ollama takes it from OLLAMA_NUM_PARALLEL only.
"""

from __future__ import annotations

from core.errors import StudyError
from core.i18n import tr
from core.lab.bench import Bench, Step, interleaved
from core.lab.control import Control, PrivateEngine
from core.lab.generator import closed


async def walk(bench: Bench) -> None:
    """Measure.

    Raises:
        StudyError: This engine's slots cannot be changed from here.
    """
    options = bench.options
    if bench.engine_kind != "embedded":
        raise StudyError("error.lab.parallel")
    bench.check_context(options["prompt"], options["output"])
    requests = max(options["requests"], options["users"])
    bench.plan(len(options["slots"]) * options["repeats"] * (2 + requests))
    file = await bench.control.model_file()
    models = await _files(bench, str(file) if file else "")
    await bench.control.unload()
    try:
        for repeat, slots in interleaved(options["slots"], options["repeats"], options["seed"]):
            bench.say(tr("lab.now.parallel", slots=slots, users=options["users"]))
            private = PrivateEngine(bench.settings, bench.paths, slots, models)
            async with private.running():
                await _measure(bench, private, slots, repeat, requests)
    finally:
        await bench.control.load()


async def _measure(bench: Bench, private: PrivateEngine, slots: int, repeat: int, requests: int) -> None:
    options = bench.options
    control = Control(
        private, bench.control.model, options=bench.control.options, keep_alive=None,
        stall_s=bench.settings.request_timeout,
    )  # fmt: skip
    await control.load()
    line = await bench.calibrate(control, f"calibrate-{slots}-{repeat}")
    words = line.words_for(options["prompt"])
    make = bench.maker(words, options["output"], bench.seed(slots, repeat))

    async def work(step: Step) -> None:
        await closed(
            control.target(), make, users=options["users"], requests=requests,
            on_measured=lambda found: step.request(found, repeat=repeat),
        )  # fmt: skip

    point = {"slots": slots, "users": options["users"]}
    await bench.step(f"slots-{slots}-{repeat}", point, work, weight=requests, control=control)


async def _files(bench: Bench, file: str) -> dict[str, str]:
    """Return the model's file under its name, unless it is the bundled one."""
    from core.embedded.registry import CHAT_MODEL

    return {} if bench.control.model == CHAT_MODEL or not file else {bench.control.model: file}
