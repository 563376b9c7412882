"""``llm-study tools``: list them, say whether they may be used, try one, teach examples.

Without an engine where none is needed: the store and, for tools of MCP servers, those servers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from core.agent.tools import registry, runner
from core.agent.tools.desk import ToolRow, rows
from core.agent.tools.mcp import config
from core.agent.tools.mcp.servers import Servers, ServerStatus, attach
from core.agent.tools.permission import permission_of, remember
from core.agent.tools.trial import trial_context
from core.agent.types import Permission, Tool, ToolResult
from core.cli import print_json
from core.cli.arguments import stderr
from core.cli.work import runtime, wait
from core.errors import StudyError, UsageError
from core.i18n import tr
from core.paths import Paths
from core.session import Store, tool_rules
from core.settings import Settings
from core.text import clean, clean_line

NEED_ENGINE = ("search_documents", "remember")
"""Tools that cannot work without an engine: they compare meanings."""


def run(arguments: argparse.Namespace, settings: Settings, paths: Paths) -> int:
    """Do one ``tools`` action."""
    with _store(paths) as store:
        if arguments.action == "list":
            return _list(store, settings, paths, arguments)
        if arguments.action == "test":
            return _test(store, settings, paths, arguments)
        if arguments.action == "examples":
            from core.cli import tools_examples

            return tools_examples.run(store, arguments, _known(asyncio.run(_recalled(store, paths))))
        return _rule(store, settings, paths, arguments)


@contextlib.contextmanager
def _store(paths: Paths) -> Iterator[Store]:
    paths.ensure()
    store = Store.open(paths.session_db)
    try:
        yield store
    finally:
        store.close()


def _known(servers: Servers) -> dict[str, Tool]:
    return {**servers.tools(), **registry.builtin()}


# -- list and rules -----------------------------------------------------------------------------------


def _list(store: Store, settings: Settings, paths: Paths, arguments: argparse.Namespace) -> int:
    async def work() -> tuple[dict[str, Tool], Sequence[ServerStatus]]:
        servers = _servers(store, paths)
        try:
            statuses = (
                await servers.refresh() if arguments.refresh or _unseen(servers) else servers.statuses()
            )
            return _known(servers), statuses
        finally:
            await servers.close()

    tools, statuses = asyncio.run(work())
    listed = rows(store, settings, tools)
    if arguments.json:
        print_json(
            {
                "tools": [dataclasses.asdict(row) for row in listed],
                "mcp": [dataclasses.asdict(status) for status in statuses],
            }
        )
        return 0
    _print_tools(listed)
    for status in statuses:
        print(f"\nMCP {status.name} ({status.kind}): {tr(f'mcp.state.{status.state}')}")
        if status.problem:
            print(f"  {clean_line(status.problem, max_chars=400)}")
        for name, why in status.left_out:
            print(f"  - {name}: {why}")
    return 0


def _servers(store: Store, paths: Paths) -> Servers:
    """Make the servers known, asking none yet."""
    servers = Servers(paths.config / config.FILE, store, stderr)
    servers.recall()
    return servers


def _unseen(servers: Servers) -> bool:
    return any(status.state == "unknown" for status in servers.statuses())


def _print_tools(listed: list[ToolRow]) -> None:
    width = max((len(row.name) for row in listed), default=0)
    for row in listed:
        star = "" if row.permission == row.default else "*"
        print(f"{row.name:<{width}}  {row.permission + star:<6} {clean_line(row.description, max_chars=100)}")


def _rule(store: Store, settings: Settings, paths: Paths, arguments: argparse.Namespace) -> int:
    name = arguments.name
    servers = asyncio.run(_recalled(store, paths))
    tool = _known(servers).get(name)
    if tool is None:
        raise UsageError("error.tools.unknown", name=clean_line(name, max_chars=80))
    if arguments.action == "reset":
        tool_rules.remove_rule(store, name).result()
    else:
        remember(store, name, cast(Permission, arguments.action)).result()
    permission = permission_of(store, settings, tool)
    if arguments.json:
        print_json({"tool": name, "permission": permission})
    else:
        print(f"{name}: {permission}")
        if arguments.action not in ("reset", permission):
            stderr(tr("tools.settings_hold", name=name, path=paths.config_file))
    return 0


async def _recalled(store: Store, paths: Paths) -> Servers:
    return _servers(store, paths)


# -- trying one ---------------------------------------------------------------------------------------


def _test(store: Store, settings: Settings, paths: Paths, arguments: argparse.Namespace) -> int:
    if arguments.name in NEED_ENGINE:
        result = _with_engine(settings, paths, arguments)
    else:
        result = asyncio.run(_without_engine(store, settings, paths, arguments))
    if arguments.json:
        print_json({**dataclasses.asdict(result), "tool": arguments.name})
    else:
        print(clean(result.text))
        if result.cached:
            stderr(tr("tools.cached"))
    return 0 if result.ok else 1


async def _without_engine(
    store: Store, settings: Settings, paths: Paths, arguments: argparse.Namespace
) -> ToolResult:
    servers = attach(paths.config / config.FILE, store, stderr)
    try:
        tool = _known(servers).get(arguments.name)
        if tool is None and _unseen(servers):
            await servers.refresh()
            tool = _known(servers).get(arguments.name)
        tool = _usable(store, settings, tool, arguments.name)
        context = trial_context(store, settings, question=" ".join(arguments.arguments))
        return await runner.run(tool, context, given(tool, arguments.arguments))
    finally:
        await servers.close()


def _with_engine(settings: Settings, paths: Paths, arguments: argparse.Namespace) -> ToolResult:
    with runtime(settings, paths) as work:
        engine = wait(work.engine_ready)
        store = wait(work.store_ready)
        tool = _usable(store, settings, registry.builtin().get(arguments.name), arguments.name)

        async def search(query: str, k: int) -> list[Any]:
            return await asyncio.wrap_future(work.search(query, k))

        context = trial_context(
            store, settings, question=" ".join(arguments.arguments), engine=engine, search=search
        )
        return wait(work.tools.run(tool, context, given(tool, arguments.arguments)))


def _usable(store: Store, settings: Settings, tool: Tool | None, name: str) -> Tool:
    if tool is None:
        raise UsageError("error.tools.unknown", name=clean_line(name, max_chars=80))
    if permission_of(store, settings, tool) == "deny":
        raise StudyError("error.tool.denied", tool=name)
    return tool


def given(tool: Tool, words: Sequence[str]) -> dict[str, Any]:
    """Read arguments: one JSON object, ``name=value`` pairs, or plain words for the first argument.

    Raises:
        UsageError: There is no argument to put them in.
    """
    text = " ".join(words).strip()
    properties: Mapping[str, Any] = tool.schema.get("properties", {})
    if not text:
        return {}
    if text.startswith("{"):
        try:
            parsed = json.loads(text)
        except ValueError as error:
            raise UsageError("error.tools.arguments", reason=clean_line(str(error))) from error
        return dict(parsed)
    pairs = [word.partition("=") for word in words]
    if all(equals and name in properties for name, equals, _ in pairs):
        return {name: value for name, _, value in pairs}
    if not properties:
        raise UsageError("error.tools.arguments", reason=tool.name)
    return {next(iter(properties)): text}
