"""Gives the agent our own tasks, and BFCL's where installed, and grades what it does by code."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from core.i18n import tr
from core.lab.bench import Bench, Step
from core.lab.faulty.matrix import CALLING
from core.lab.options import choices
from core.lab.trials import bfcl
from core.lab.trials.forcing import Forced, forced_routes
from core.lab.trials.grade import grade
from core.lab.trials.room import Seen, all_allowed, room
from core.lab.trials.tasks import CATEGORIES, Task, tasks
from core.lab.trials.world import World
from core.settings import Settings

ANSWER_CHARS = 400
"""So much of an answer is kept in a row."""


async def walk(bench: Bench) -> None:
    """Measure."""
    options = bench.options
    routes = forced_routes(bench.control.engine, bench.settings, options["routes"])
    ours = chosen(options)
    theirs = public(options, [one.route for one in routes])
    repeats = range(options["repeats"])
    count = len(ours) * len(routes) + len(theirs) * sum(one.route in CALLING for one in routes)
    bench.plan(count * len(repeats))
    for repeat in repeats:
        for route in routes:
            for task in ours:
                bench.say(tr("lab.now.agent", task=task.id, route=route.route))
                await _step(bench, route, task.category, task.id, repeat, task)
            for case in theirs if route.route in CALLING else ():
                bench.say(tr("lab.now.agent", task=case.id, route=route.route))
                await _step(bench, route, f"bfcl_{case.kind}", case.id, repeat, case)


async def _step(
    bench: Bench, route: Forced, category: str, name: str, repeat: int, what: Task | bfcl.BfclCase
) -> None:
    async def work(step: Step) -> None:
        limit = bench.options["limit"]
        if isinstance(what, Task):
            step.add("trial", await try_task(what, route, bench.settings, limit_s=limit))
        else:
            step.add("trial", await try_bfcl(what, route, bench.settings, limit_s=limit))

    point = {"route": route.route, "forced": route.forced, "category": category}
    await bench.step(f"{route.route}-{name}-{repeat}", point, work)


def chosen(options: Any) -> list[Task]:
    """Return the tasks the options ask for."""
    categories = choices("categories", options["categories"], (*CATEGORIES, "bfcl"))
    langs = choices("langs", options["langs"], ("en", "ko"))
    found: list[Task] = []
    counts: dict[tuple[str, str], int] = {}
    for task in tasks():
        key = (task.category, task.lang)
        if task.category in categories and task.lang in langs:
            counts[key] = counts.get(key, 0) + 1
            if not options["tasks"] or counts[key] <= options["tasks"]:
                found.append(task)
    return found


def public(options: Any, routes: Sequence[str]) -> list[bfcl.BfclCase]:
    """Return BFCL's cases the options ask for.

    Raises:
        StudyError: They are asked for and not installed.
    """
    wanted = "bfcl" in choices("categories", options["categories"], (*CATEGORIES, "bfcl"))
    if not options["bfcl"] or not wanted:
        return []
    return [case for kind in bfcl.KINDS for case in bfcl.cases(kind, options["bfcl"])]


async def try_task(task: Task, route: Forced, settings: Settings, *, limit_s: float) -> dict[str, Any]:
    """Do one task and grade it."""
    world = World(fails_once=task.fails_once)
    tools = world.tools()
    began = time.perf_counter()
    asked: list[Seen] = []
    allowed = all_allowed(route.settings(settings), list(tools))
    async with room(route.engine, allowed, tools=tools, search=world.search) as place:
        session = await place.session()
        for number, turn in enumerate(task.turns, 1):
            if task.fresh and number == len(task.turns):
                session = await place.session()
            asked.append(await place.ask(session, turn, limit_s=limit_s))
    last = asked[-1]
    found = grade(task, last.answer, last.calls)
    return {
        "task": task.id,
        "lang": task.lang,
        "passed": found.passed and last.status == "ok",
        "answer_ok": found.answer and last.status == "ok",
        "path_ok": found.path,
        "called": [name for name, _ in last.calls],
        **_totals(asked, began),
    }


async def try_bfcl(
    case: bfcl.BfclCase, route: Forced, settings: Settings, *, limit_s: float
) -> dict[str, Any]:
    """Do one of BFCL's cases: only the calls of the model's first answer are graded."""
    tools = bfcl.tools_of(case)
    began = time.perf_counter()
    async with room(route.engine, all_allowed(route.settings(settings), list(tools)), tools=tools) as place:
        seen = await place.ask(await place.session(), case.question, limit_s=limit_s)
    # A small model may repeat itself until it is stopped: what counts is what it called first.
    calls = seen.calls[: max(1, len(case.truth))]
    right = bfcl.right(case, calls)
    return {
        "task": case.id,
        "lang": "en",
        "passed": right,
        "path_ok": right,
        "called": [name for name, _ in seen.calls],
        **_totals([seen], began),
    }


def _totals(asked: Sequence[Seen], began: float) -> dict[str, Any]:
    last = asked[-1]
    return {
        "status": last.status,
        "took": last.route,
        "answer": last.answer[:ANSWER_CHARS],
        "error": last.error[:ANSWER_CHARS],
        "model_calls": sum(len(one.kind("model")) for one in asked),
        "tool_calls": sum(len(one.calls) for one in asked),
        "tokens_in": sum(one.usage_in for one in asked),
        "tokens_out": sum(one.usage_out for one in asked),
        "ms": round((time.perf_counter() - began) * 1e3, 1),
    }
