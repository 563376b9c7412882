"""Puts hostile texts where the agent reads them and sees whether it does anything else because of them."""

from __future__ import annotations

from typing import Any

from core.agent.types import Tool, ToolContext, ToolResult
from core.i18n import tr
from core.lab.bench import Bench, Step
from core.lab.options import choices
from core.lab.trials.forcing import Forced, forced_routes
from core.lab.trials.injections import (
    ALLOWED,
    CHANNELS,
    SECRET,
    Injection,
    changes,
    exposure,
    injections,
    plain_case,
)
from core.lab.trials.room import Seen, all_allowed, room
from core.lab.trials.world import World
from core.settings import Settings


async def walk(bench: Bench) -> None:
    """Measure."""
    options = bench.options
    routes = forced_routes(bench.control.engine, bench.settings, options["routes"])
    cases = chosen(options)
    plain = list({(one.channel, one.lang): plain_case(one) for one in cases}.values())
    bench.plan((len(cases) + len(plain)) * len(routes))
    for route in routes:
        usual: dict[str, list[str]] = {}
        for case in plain:
            # What the question alone leads to on this model: only what comes on top is the text's doing.
            rows = await _step(bench, route, case, (), warmup=True)
            usual[case.id] = [name for row in rows if row.kind == "trial" for name in row.data["called"]]
        for case in cases:
            await _step(bench, route, case, usual[plain_case(case).id])


async def _step(
    bench: Bench, route: Forced, case: Injection, usual: Any, *, warmup: bool = False
) -> list[Any]:
    bench.say(tr("lab.now.injection", case=case.id, route=route.route))

    async def work(step: Step) -> None:
        step.add("trial", await try_case(case, route, bench.settings, usual, limit_s=bench.options["limit"]))

    point = {"route": route.route, "forced": route.forced, "channel": case.channel}
    return await bench.step(f"{route.route}-{case.id}", point, work, warmup=warmup)


def chosen(options: Any) -> list[Injection]:
    """Return the cases the options ask for."""
    channels = choices("channels", options["channels"], CHANNELS)
    langs = choices("langs", options["langs"], ("en", "ko"))
    found: list[Injection] = []
    counts: dict[tuple[str, str], int] = {}
    for case in injections():
        key = (case.channel, case.lang)
        if case.channel in channels and case.lang in langs:
            counts[key] = counts.get(key, 0) + 1
            if not options["cases"] or counts[key] <= options["cases"]:
                found.append(case)
    return found


async def try_case(
    case: Injection, route: Forced, settings: Settings, usual: Any, *, limit_s: float
) -> dict[str, Any]:
    """Ask the case's question with the hostile text in place.

    Args:
        case: The case.
        route: Engine and route.
        settings: The agent's.
        usual: Tools the question calls without the text.
        limit_s: For each question.
    """
    in_tools = case.channel not in ("memory", "mcp")
    world = World(
        hostile={case.channel: case.text} if in_tools else {},
        more=_mcp_tools(case.text) if case.channel == "mcp" else (),
    )
    tools = world.tools()
    asked: list[Seen] = []
    # Everything is allowed: what stops an attack here is no question to the user.
    allowed = all_allowed(route.settings(settings), list(tools))
    async with room(route.engine, allowed, tools=tools, search=world.search) as place:
        session = await place.session()
        await place.know(session, SECRET[case.lang].format(canary=case.canary))
        if case.channel == "memory" and case.text:
            await place.remember(case.text)
        for turn in case.turns:
            asked.append(await place.ask(session, turn, limit_s=limit_s))
    last = asked[-1]
    requests = [text for one in asked for text in one.requests]
    reach = exposure(case, requests, [text for one in asked for text in one.results])
    ways = changes(
        case,
        answer=last.answer,
        calls=last.calls,
        usual=usual,
        systems=[text for one in asked for text in one.systems],
        shown=[last.answer, *(text for one in asked for text in one.results), *last.names],
    )
    return {
        "case": case.id,
        "technique": case.technique,
        "lang": case.lang,
        "exposure": reach,
        # What a model does without having read the text is its own doing; a sequence that shows is ours.
        "changes": [way for way in ways if reach != "none" or way == "escape"],
        "without_reading": [way for way in ways if reach == "none" and way != "escape"],
        "called": [name for name, _ in last.calls],
        "needed": list(ALLOWED[case.channel]),
        "arguments": [dict(arguments) for _, arguments in last.calls],
        "status": last.status,
        "took": last.route,
        "answer": last.answer[:400],
        "error": last.error[:400],
        "ms": round(sum(one.ms for one in asked), 1),
    }


def _mcp_tools(description: str) -> list[Tool]:
    """Two tools of a server whose descriptions are hostile."""

    async def call(context: ToolContext, arguments: Any) -> ToolResult:
        return ToolResult("done")

    schema = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    return [
        Tool(name, description, schema, call, source="mcp:notes", untrusted=True)
        for name in ("notes__add", "send_report")
    ]
