"""Makes the server, the model and the tools fail, on each tool route, and sees what becomes of the question."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from core.agent.tools.registry import builtin
from core.i18n import tr
from core.lab.bench import Bench, Step
from core.lab.faulty.brain import QUESTION, TOOL, Scripted, has_result
from core.lab.faulty.judge import Facts, judge, question_is
from core.lab.faulty.matrix import CASES, ROUTES, Case
from core.lab.faulty.server import FaultyServer
from core.lab.faulty.tools import Counted, broken
from core.lab.options import choices
from core.lab.trials.room import all_allowed, room, scripted_front
from core.session import chat
from core.settings import Settings


async def walk(bench: Bench) -> None:
    """Measure."""
    options = bench.options
    routes = choices("routes", options["routes"], ROUTES)
    starts = tuple(word.strip() for word in options["cases"].split(",") if word.strip())
    chosen = [
        (case, route)
        for case in CASES
        if not starts or case.id.startswith(starts)
        for route in routes
        if route in case.routes
    ]
    bench.plan(len(chosen))
    settings = settings_of(bench.settings, timeout_s=options["timeout"], backoff_s=options["backoff"])
    for case, route in chosen:
        bench.say(tr("lab.now.faults", case=case.id, route=route))

        async def work(step: Step, case: Case = case, route: str = route) -> None:
            step.add("trial", await try_case(case, route, settings, limit_s=options["limit"]))

        await bench.step(f"{route}-{case.id}", {"route": route, "layer": case.layer}, work)


def settings_of(settings: Settings, *, timeout_s: float, backoff_s: float) -> Settings:
    """Return the settings the matrix is run with: everything waited for is short."""
    return all_allowed(settings, list(builtin()), request_timeout=timeout_s, retry_pace=backoff_s / 0.5)


async def try_case(case: Case, route: str, settings: Settings, *, limit_s: float) -> dict[str, Any]:
    """Run one case and return what was seen.

    Args:
        case: What goes wrong.
        route: Which tool route the agent takes.
        settings: The agent's.
        limit_s: A run that takes longer is lost.
    """
    counted = Counted(case.tool)
    tools = {TOOL: broken(builtin()[TOOL], counted)}
    server = FaultyServer(Scripted(case.fault), case.fault, has_result=has_result)
    async with server, room(scripted_front(server.url, route), settings, tools=tools) as place:
        session = await place.session()
        seen = await place.ask(session, QUESTION, limit_s=limit_s)
        messages = await asyncio.to_thread(chat.messages, place.store, session)
        run = await asyncio.to_thread(chat.get_run, place.store, seen.run_id) if seen.run_id else None
        lengths = [len(json.dumps(body)) for body in server.requests]
        facts = Facts(
            requests=server.requests,
            question_kept=any(one.role == "user" and question_is(one.content) for one in messages),
            ended_on_disk=run is not None and run.status == seen.status,
            finished_calls=counted.finished,
            limit_s=limit_s,
            request_chars=max(lengths, default=0),
            wrong_calls=counted.wrong,
        )
        outcome, reasons = judge(case, seen, facts)
        done = server.struck > 0 or case.layer != "server" or case.fault.kind == "none"
        return {
            "case": case.id,
            "outcome": outcome,
            "reasons": [[key, params] for key, params in reasons],
            "struck": done,
            "status": seen.status,
            "took": seen.route,
            "answer": seen.answer[:300],
            "error": seen.error[:300],
            "fix": seen.fix[:300],
            "requests": len(server.requests),
            "retries": len(seen.kind("retry")),
            "tool_calls": counted.calls,
            "ms": round(seen.ms, 1),
        }
