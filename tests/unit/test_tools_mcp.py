"""The user's MCP servers: real ones written with the SDK (tests/mcp_server.py), over stdio and over HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.agent.tools import registry, runner
from core.agent.tools.mcp import config, servers
from core.agent.tools.mcp.schema import flatten, restored
from core.agent.tools.permission import leaves, permission_of
from core.errors import StudyError
from core.session import Store
from core.settings import Settings
from tests.contract.conftest import wait_until
from tests.tool_ground import open_store, tool_context

ROOT = Path(__file__).resolve().parents[2]
STDIO: dict[str, Any] = {
    "command": sys.executable,
    "args": ["-m", "tests.mcp_server"],
    "env": {"PYTHONPATH": str(ROOT), "TOKEN": "s3cr3t-token"},
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def write(folder: Path, **entries: Any) -> Path:
    path = folder / "mcp.json"
    path.write_text(json.dumps({"mcpServers": entries}), "utf-8")
    return path


class Desk:
    """Servers of one test, what they told, and a way to call their tools."""

    def __init__(self, path: Path, store: Store) -> None:
        self.told: list[str] = []
        self.store = store
        self.servers = servers.attach(path, store, self.told.append)
        self.context = tool_context(store, "hello")

    @property
    def tools(self) -> dict[str, Any]:
        return registry.tools_for(self.context, self.context.settings)

    async def call(self, name: str, /, **arguments: Any) -> Any:
        return await runner.run(self.tools[name], self.context, arguments)


@pytest.fixture
async def desks() -> AsyncIterator[list[Desk]]:
    made: list[Desk] = []
    yield made
    for desk in made:
        await desk.servers.close()


# -- the file -----------------------------------------------------------------------------------------


def test_no_file_means_no_servers(tmp_path: Path) -> None:
    assert config.load(tmp_path / "mcp.json") == []


def test_the_usual_form_is_read(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        files={"command": "npx", "args": ["-y", "x", "${HOME_DIR}"], "env": {"A": "1", "N": 2}},
        **{"my web!": {"type": "http", "url": "https://a.example/mcp", "headers": {"Authorization": "Bearer ${KEY:-none}"}}},
        off={"command": "x", "disabled": True},
    )  # fmt: skip
    files, web = config.load(path, {"HOME_DIR": "/home/me"})
    assert (files.name, files.command, files.args) == ("files", "npx", ("-y", "x", "/home/me"))
    assert dict(files.env) == {"A": "1", "N": "2"}
    assert (web.name, web.url, dict(web.headers)) == (
        "my_web",
        "https://a.example/mcp",
        {"Authorization": "Bearer none"},
    )
    assert "Bearer" not in repr(web) and "'1'" not in repr(files)
    assert web.redacted("401 for Bearer none") == "401 for ***"


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ({}, "entry"),
        ("npx", "entry"),
        ({"command": "x", "url": "http://a.example"}, "entry"),
        ({"command": "x", "args": "y"}, "entry"),
        ({"command": ["x"]}, "entry"),
        ({"url": "ws://a.example"}, "entry"),
        ({"command": "x", "env": {"A": ["1"]}}, "entry"),
        ({"command": "x\u0000y"}, "entry"),
        ({"type": "sse", "url": "https://a.example/sse"}, "sse"),
        ({"command": "x", "env": {"A": "${NOT_SET_ANYWHERE}"}}, "variable"),
    ],
)
def test_a_wrong_entry_is_said_and_the_others_stay(tmp_path: Path, entry: Any, key: str) -> None:
    wrong, right = config.load(write(tmp_path, wrong=entry, right={"command": "x"}), {})
    assert wrong.problem is not None and wrong.problem.key == f"error.mcp.{key}"
    assert right.problem is None and "wrong" in str(wrong.problem)


@pytest.mark.parametrize("text", ["{", "[]", '{"mcpServers": []}', "\xff", "[" * 100_000])
def test_a_file_that_is_none_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mcp.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(StudyError) as caught:
        config.load(path)
    assert caught.value.key == "error.mcp.file" and "mcpServers" in str(caught.value)


# -- schemas ------------------------------------------------------------------------------------------


def listed(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, **more.pop("schema", {})}
    return {"name": "t", "description": "d", "schema": schema, **more}


@pytest.mark.parametrize(
    ("rule", "flat"),
    [
        (
            {"type": "integer", "minimum": 1, "maximum": 5, "default": 2},
            {"type": "integer", "minimum": 1, "maximum": 5},
        ),
        (
            {"anyOf": [{"type": "number"}, {"type": "null"}], "title": "Share"},
            {"type": "number", "description": "Share"},
        ),
        ({"type": ["string", "null"]}, {"type": "string"}),
        ({"enum": ["a", "b"]}, {"type": "string", "enum": ["a", "b"]}),
        ({"const": 3}, {"type": "integer", "enum": [3]}),
        ({"$ref": "#/$defs/Mode"}, {"type": "string", "enum": ["on", "off"]}),
        (
            {"type": "array", "items": {"type": "string"}},
            {"type": "string", "description": "JSON.  An array of string."},
        ),
        (
            {"type": "object", "properties": {"x": {}, "y": {}}},
            {"type": "string", "description": "JSON.  Fields: x, y."},
        ),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, {"type": "string", "description": "JSON."}),
        ({"$ref": "https://evil.example/schema"}, {"type": "string", "description": "JSON."}),
        ({"enum": ["fine", "\x1b[31mred"]}, {"type": "string", "description": "JSON."}),
    ],
)
def test_arguments_become_flat(rule: Any, flat: Any) -> None:
    definitions = {"schema": {"$defs": {"Mode": {"enum": ["on", "off"]}}}}
    found = flatten("s", listed({"a": rule}, **definitions), set())
    assert found.schema["properties"]["a"] == flat


@pytest.mark.parametrize(
    ("item", "key"),
    [
        ({"name": "", "schema": {}}, "name"),
        ({"name": "t", "schema": []}, "schema"),
        ({"name": "t", "schema": {"properties": [1]}}, "schema"),
        (listed({f"a{n}": {} for n in range(30)}), "arguments"),
        (listed({"a": {"description": "x" * 30_000}}), "large"),
        (listed({"a b": {"type": "string"}}, schema={"required": ["a b"]}), "argument"),
        (listed({}, schema={"required": ["ghost"]}), "argument"),
    ],
)
def test_what_cannot_be_passed_on_is_left_out_with_the_reason(item: Any, key: str) -> None:
    with pytest.raises(StudyError) as caught:
        flatten("s", item, set())
    assert caught.value.key == f"error.mcp.left_out.{key}" and not str(caught.value).startswith("error.")


def test_names_and_descriptions_are_cleaned_and_cut() -> None:
    taken: set[str] = set()
    names = []
    for remote in ("read file!", "read/file", "파일", "x" * 150):
        flat = flatten("srv", listed({}, name=remote, description="a\n\x1b[31mb " + "y" * 900), taken)
        taken.add(flat.name)
        names.append(flat.name)
        assert len(flat.description) <= 300 and flat.description.startswith("a b y")
    assert names == ["srv__read_file", "srv__read_file_2", "srv__tool", ("srv__" + "x" * 150)[:64]]


def test_nested_arguments_are_validated_before_they_are_sent() -> None:
    rule = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    hostile = {"type": "string", "pattern": "(a+)+$", "$ref": "http://127.0.0.1:9/schema"}
    flat = flatten("s", listed({"point": rule, "odd": hostile, "any": {}}), set())
    assert restored(flat, {"point": '{"x": 1}', "any": "just words"}) == {
        "point": {"x": 1},
        "any": "just words",
    }
    for bad in ('{"x": "one"}', "{}", "x=1", "[1]"):
        with pytest.raises(StudyError) as caught:
            restored(flat, {"point": bad})
        assert caught.value.key == "error.mcp.json"
    # Neither a regular expression nor an address of the server's is worked on.
    assert restored(flat, {"odd": json.dumps("a" * 50 + "!")})


# -- real servers -------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_a_server_over_stdio(
    tmp_path: Path, store: Store, desks: list[Desk], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    os.environ["LLM_STUDY_TEST_SECRET"] = "mine"
    try:
        desk = Desk(write(tmp_path, **{"my server": STDIO}), store)
    finally:
        del os.environ["LLM_STUDY_TEST_SECRET"]
    desks.append(desk)
    (status,) = await desk.servers.refresh()
    assert (status.state, status.kind, status.left_out) == ("open", "stdio", ())
    tool = desk.tools["my_server__hostile"]
    assert (
        tool.untrusted and tool.source == "mcp:my server".replace(" ", "_") and len(tool.description) <= 300
    )
    assert permission_of(store, Settings(), tool) == "ask"
    sentence = leaves(desk.tools["my_server__add"], Settings(), {"a": 1, "b": 2})
    assert "my_server" in sentence and "a=1, b=2" in sentence
    assert (await desk.call("my_server__add", a=1, b="2")).text == "1 + 2 = 3"
    assert (await desk.call("my_server__colour", name="Red")).text == "red None"
    assert (await desk.call("my_server__place", point='{"x": 1, "y": 2}', labels='["a"]')).text == "1,2 a"
    assert (await desk.call("my_server__place", point="here", labels="[]")).error == "error.mcp.json"
    assert "[image, image/png, 3 bytes]" in (await desk.call("my_server__picture")).text
    # Nothing of our environment but the usual few names.
    environment = (await desk.call("my_server__environment")).text.split()
    assert (
        "TOKEN" in environment
        and "LLM_STUDY_TEST_SECRET" not in environment
        and "VIRTUAL_ENV" not in environment
    )
    hostile = await desk.call("my_server__hostile")
    assert hostile.ok and "\x1b" not in hostile.text and "\x00" not in hostile.text
    large = await desk.call("my_server__large")
    assert len(large.text) < 8_200 and "[cut: 8,000 of 1,200,000" in large.text
    broken = await desk.call("my_server__broken")
    assert (broken.ok, broken.error) == (False, "error.mcp.tool")

    # It ends in the middle of a call: said with its last words, without the secret in them, and started again.
    dead = await desk.call("my_server__die")
    assert (dead.ok, dead.error) == (False, "error.mcp.gone")
    assert "fatal: token *** is bad" in dead.text and len(desk.told) == 1
    assert (await desk.call("my_server__add", a=2, b=2)).text == "2 + 2 = 4"
    assert "s3cr3t-token" not in caplog.text + dead.text + "".join(desk.told)
    assert (await desk.call("my_server__die")).error == "error.mcp.gone" and len(desk.told) == 2

    # What it listed is known the next time, before it is started.
    await desk.servers.close()
    again = Desk(tmp_path / "mcp.json", store)
    desks.append(again)
    assert again.servers.statuses()[0].state == "listed" and "my_server__add" in again.tools
    assert (await again.call("my_server__add", a=20, b=22)).text == "20 + 22 = 42"
    children = [
        child for child in psutil.Process().children() if "tests.mcp_server" in " ".join(child.cmdline())
    ]
    assert len(children) == 1
    await again.servers.close()
    assert not children[0].is_running() or children[0].status() == psutil.STATUS_ZOMBIE


@pytest.fixture(scope="module")
def http_server() -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.mcp_server", "http", "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(answers, "the server listens", 60)
    yield port
    process.terminate()
    process.wait(10)


@pytest.mark.slow
async def test_a_server_over_http(
    tmp_path: Path, store: Store, desks: list[Desk], http_server: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    entry = {"url": f"http://127.0.0.1:{http_server}/mcp", "headers": {"Authorization": "Bearer hush-hush"}}
    desk = Desk(write(tmp_path, web=entry), store)
    desks.append(desk)
    (status,) = await desk.servers.refresh()
    assert (status.state, status.kind) == ("open", "http")
    results = await asyncio.gather(*(desk.call("web__add", a=n, b=n) for n in range(5)))
    assert [result.text for result in results] == [f"{n} + {n} = {2 * n}" for n in range(5)]
    assert (await desk.call("web__broken")).error == "error.mcp.tool"
    assert "hush-hush" not in caplog.text


@pytest.mark.slow
async def test_servers_that_cannot_be_had_are_said_and_hold_nothing_up(
    tmp_path: Path, store: Store, desks: list[Desk]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ends = "import sys; print('boom: no module x', file=sys.stderr); sys.exit(1)"
    began = asyncio.get_running_loop().time()
    desk = Desk(
        write(
            tmp_path,
            gone={"command": "/no/such/program"},
            ends={"command": sys.executable, "args": ["-c", ends]},
            refused={"url": f"http://127.0.0.1:{port}/mcp?key=hidden-key"},
            wrong={"args": []},
        ),
        store,
    )
    desks.append(desk)
    assert asyncio.get_running_loop().time() - began < 5 and next(iter(desk.tools)) == "calculator"
    statuses = {status.name: status for status in await desk.servers.refresh()}
    assert {name: status.state for name, status in statuses.items()} == {
        "gone": "failed", "ends": "failed", "refused": "failed", "wrong": "misconfigured"
    }  # fmt: skip
    assert "No such file" in statuses["gone"].problem and "boom: no module x" in statuses["ends"].problem
    assert "hidden-key" not in statuses["refused"].problem
    assert len(desk.told) == 3


async def test_a_server_that_says_nothing_is_given_up(
    tmp_path: Path, store: Store, desks: list[Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.agent.tools.mcp import connection

    monkeypatch.setattr(connection, "CONNECT_S", 0.3)
    sleeper = {"command": sys.executable, "args": ["-c", "import time; time.sleep(600)"]}
    desk = Desk(write(tmp_path, sleeper=sleeper), store)
    desks.append(desk)
    (status,) = await desk.servers.refresh()
    assert status.state == "failed" and "did not answer within 0.3 s" in status.problem
    assert [child for child in psutil.Process().children() if "time.sleep(600)" in child.cmdline()[-1:]] == []


def test_settings_can_speak_of_all_tools_of_a_server(store: Store) -> None:
    server = servers._Server(config.ServerConfig("srv", command="x"), store, lambda text: None)
    server.take([listed({})])
    tool = server.tools["srv__t"]
    for tools, expected in (
        ({}, "ask"),
        ({"mcp": "deny"}, "deny"),
        ({"mcp": "deny", "srv__*": "allow"}, "allow"),
        ({"srv__*": "allow", "srv__t": "ask"}, "ask"),
    ):
        assert permission_of(store, Settings(tools=tools), tool) == expected
