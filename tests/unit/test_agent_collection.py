"""A question put to one collection is answered from it: at once, from the queue, and when it is asked again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.agent.desk import _as_before
from core.agent.run import Agent
from core.agent.types import Docs
from core.events import RunEnded
from core.rag.chunking import Chunking
from core.rag.opening import searching
from core.session import chat, waiting
from core.settings import Settings
from tests.scripted import FakeOllama, Script
from tests.unit.rag_rooms import Room
from tests.unit.test_agent_run import FakeEngine, FakeHub

QUESTION = "How many days of leave are there?"


@dataclass
class Desk:
    room: Room
    server: FakeOllama
    agent: Agent
    session: str
    wiki: str

    async def ask(self, docs: Docs) -> RunEnded:
        self.server.scripts = [Script(["Ten days of leave."])]
        return await self.agent.run(self.session, QUESTION, docs=docs)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    room = Room(tmp_path / "data")
    for name, days in (("rules", "Fifteen"), ("wiki", "Ten")):
        (tmp_path / f"{name}.md").write_text(f"# Leave\n\n{days} days of leave are there.", "utf-8")
    await room.library.add([tmp_path / "rules.md"])
    made = await room.library.shelving.create("wiki", Chunking(), "", False)
    await room.library.add([tmp_path / "wiki.md"], collection=made.id)
    server = await FakeOllama().start()
    agent = Agent(
        room.store, FakeEngine(server.url), Settings(retries=0), lambda event: None,
        lambda: searching(room.library), FakeHub(),
    )  # fmt: skip
    session = (await asyncio.wrap_future(chat.create_session(room.store))).id
    yield Desk(room, server, agent, session, made.id)
    await server.stop()
    await room.close()


@pytest.mark.parametrize("by", ["id", "name"])
async def test_a_question_to_one_collection_is_answered_from_it(desk: Desk, by: str) -> None:
    ended = await desk.ask(desk.wiki if by == "id" else "wiki")
    assert ended.status == "ok" and {one.document for one in ended.citations} == {"wiki.md"}
    everywhere = await desk.ask(True)
    assert {one.document for one in everywhere.citations} == {"wiki.md", "rules.md"}


async def test_asked_again_it_goes_to_the_same_collection(desk: Desk) -> None:
    ended = await desk.ask(desk.wiki)
    run = chat.get_run(desk.room.store, ended.run_id)
    assert run is not None and _as_before(run, desk.agent.engine.model)["docs"] == desk.wiki
    other = chat.get_run(desk.room.store, (await desk.ask(True)).run_id)
    assert other is not None and _as_before(other, desk.agent.engine.model)["docs"] is True


async def test_a_collection_that_is_gone_is_said(desk: Desk) -> None:
    await desk.room.library.shelving.remove(desk.wiki)
    ended = await desk.ask(desk.wiki)
    assert ended.citations == () and "collection" in ended.answer
    assert "Fifteen" not in ended.answer


@pytest.mark.parametrize("docs", [False, True, "12345e678901"])
async def test_the_queue_keeps_which_collection_is_asked(desk: Desk, docs: Docs) -> None:
    await asyncio.wrap_future(waiting.add(desk.room.store, desk.session, QUESTION, docs))
    [one] = waiting.of_session(desk.room.store, desk.session)
    assert one.docs == docs and type(one.docs) is type(docs)
