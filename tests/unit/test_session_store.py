"""The session store: what was acknowledged is on disk, what is damaged is left alone."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.errors import StudyError
from core.events import Citation, MemoryUse, RunEnded, Sample, Span, StoreChanged, Usage
from core.session import Store, chat, export, ingest_jobs, rescue, samples
from core.session.schema import FORMAT


@pytest.fixture
def store(tmp_path: Path):
    opened = Store.open(tmp_path / "session.db")
    yield opened
    opened.close()


def begin(store: Store, question: str = "What is 12*34?", session_id: str | None = None):
    session_id = session_id or chat.create_session(store).result().id
    return chat.begin_run(
        store, session_id, question, engine="embedded", engine_version="1", model="m", options={"seed": 7}
    ).result()


def end(run, **fields) -> RunEnded:
    values = {
        "status": "ok",
        "answer": "408",
        "route": "routed",
        "engine": "embedded",
        "model": "m",
        "usage": Usage(10, 3),
        "ttft_ms": 12.5,
        "tokens_per_s": 40.0,
        "memory": MemoryUse(1, 3, 2),
    } | fields
    return RunEnded(
        run_id=run.run_id, session_id=run.session_id, message_id=run.assistant_message_id, **values
    )


def test_a_finished_question_reads_back_whole(store: Store) -> None:
    run = begin(store)
    span = Span(
        "s1", run.run_id, None, "execute_tool calculator", "tool", "running", 1.0, None, {"a": {"b": 1}}
    )
    chat.put_span(store, run.session_id, span).result()
    chat.append_text(store, run.session_id, run.assistant_message_id, "40")
    chat.append_text(store, run.session_id, run.assistant_message_id, "8").result()
    assert [m.content for m in chat.messages(store, run.session_id)] == ["What is 12*34?", "408"]
    citation = Citation(1, "d", "leave.md", "A › B", "c", "text", 0.8)
    chat.end_run(store, end(run, citations=(citation,))).result()
    question, answer = chat.messages(store, run.session_id)
    assert (question.status, answer.status, answer.citations) == ("complete", "complete", (citation,))
    stored = chat.get_run(store, run.run_id)
    assert stored and (stored.status, stored.usage, stored.memory.peak_bytes) == ("ok", Usage(10, 3), 3)
    assert chat.spans(store, run_id=run.run_id)[0].attributes == {"a": {"b": 1}}
    session = chat.last_session(store)
    assert session and session.title == "What is 12*34?" and session.message_count == 2


def test_a_retry_uses_the_same_question_and_drops_the_failed_answer(store: Store) -> None:
    first = begin(store)
    chat.end_run(store, end(first, status="error", answer="", error="engine gone")).result()
    again = chat.begin_run(
        store,
        first.session_id,
        "What is 12*34?",
        engine="e",
        engine_version="1",
        model="m",
        options={},
        replaces=first.run_id,
    ).result()
    assert again.user_message_id == first.user_message_id
    assert [m.role for m in chat.messages(store, first.session_id)] == ["user", "assistant"]
    assert len(chat.runs(store, first.session_id)) == 2


def test_changes_are_announced_after_the_commit(store: Store) -> None:
    seen: list[tuple[StoreChanged, int]] = []
    done = threading.Event()

    def listener(change: StoreChanged) -> None:
        seen.append((change, store.query("SELECT count(*) AS n FROM messages")[0]["n"]))
        if change.table == "runs":
            done.set()

    stop = store.subscribe(listener)
    begin(store)
    assert done.wait(5)
    assert {change.table for change, _ in seen} == {"sessions", "messages", "runs"}
    assert all(count == 2 for change, count in seen if change.table == "messages")
    stop()
    count = len(seen)
    begin(store)
    store.flush()
    assert len(seen) == count


def test_one_failing_write_does_not_spoil_its_neighbours(store: Store) -> None:
    gate = threading.Event()
    store.submit(lambda db: gate.wait(5))
    good = chat.create_session(store, title="good")
    bad = store.submit(lambda db: db.execute("INSERT INTO nowhere VALUES (1)"))
    after = chat.create_session(store, title="after")
    gate.set()
    good.result(5), after.result(5)
    with pytest.raises(sqlite3.OperationalError):
        bad.result(5)
    assert {row["title"] for row in store.query("SELECT title FROM sessions")} == {"good", "after"}


def test_a_damaged_file_is_named_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "session.db"
    path.write_bytes(b"this is not a database" * 400)
    before = path.read_bytes()
    with pytest.raises(StudyError) as caught:
        Store.open(path)
    assert caught.value.key == "error.store.corrupt" and str(path) in str(caught.value)
    assert path.read_bytes() == before


def test_a_newer_file_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "session.db"
    Store.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    connection.close()
    with pytest.raises(StudyError) as caught:
        Store.open(path)
    assert caught.value.key == "error.store.newer"


def test_rescue_copies_what_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "session.db"
    store = Store.open(path)
    run = begin(store)
    for number in range(400):
        chat.append_text(store, run.session_id, run.assistant_message_id, f"word{number} ")
    store.close()
    data = bytearray(path.read_bytes())
    data[-2048:] = os.urandom(2048)
    path.write_bytes(data)
    assert rescue(path, tmp_path / "copy.db") >= 3
    copy = Store.open(tmp_path / "copy.db")
    assert chat.messages(copy, run.session_id)[0].content == "What is 12*34?"
    copy.close()


def test_search_takes_percent_and_underscore_literally(store: Store) -> None:
    run = begin(store, "100% 확실?")
    begin(store, "100 percent", run.session_id)
    assert [m.content for m in chat.search_messages(store, "0%")] == ["100% 확실?"]
    assert [m.content for m in chat.search_messages(store, "PERCENT")] == ["100 percent"]


def test_deleting_a_session_leaves_nothing_of_it(store: Store) -> None:
    run = begin(store)
    chat.put_span(
        store, run.session_id, Span("s", run.run_id, None, "chat m", "model", "ok", 1, 2, {})
    ).result()
    samples.add_samples(store, [Sample(ts=1.0, run_id=run.run_id, engine_pss_bytes=5)]).result()
    assert samples.for_run(store, run.run_id)[0].engine_pss_bytes == 5
    chat.delete_session(store, run.session_id).result()
    for table in ("sessions", "runs", "messages", "spans", "samples"):
        assert store.query(f"SELECT count(*) AS n FROM {table}")[0]["n"] == 0
    with pytest.raises(StudyError):
        chat.delete_session(store, run.session_id).result()


def test_export_has_the_conversation_and_its_receipt(store: Store) -> None:
    run = begin(store)
    attributes = {"gen_ai.tool.name": "calculator", "gen_ai.tool.call.result": "408"}
    chat.put_span(
        store, run.session_id, Span("s", run.run_id, None, "x", "tool", "ok", 1, 2, attributes)
    ).result()
    chat.end_run(store, end(run)).result()
    text = export.session_markdown(store, run.session_id)
    assert "> What is 12*34?" in text and "`calculator`" in text and "TTFT 12 ms" in text
    data = export.session_json(store, run.session_id)
    assert data["runs"][0]["spans"][0]["name"] == "x" and "owner_pid" not in data["session"]


_DIE = """
import os, sys
from pathlib import Path
from core.session import Store, chat, documents, ingest_jobs
store = Store.open(Path(sys.argv[1]))
session = chat.create_session(store).result()
run = chat.begin_run(store, session.id, "q", engine="e", engine_version="1", model="m", options={}).result()
chat.append_text(store, session.id, run.assistant_message_id, "shown").result()
ingest_jobs.start_job(store, ["/a"]).result()
print(session.id, flush=True)
os.kill(os.getpid(), 9)
"""


def test_after_kill_9_what_was_shown_is_there_and_marked(tmp_path: Path) -> None:
    path = tmp_path / "session.db"
    child = subprocess.run([sys.executable, "-c", _DIE, str(path)], capture_output=True, text=True)
    assert child.returncode == -9, child.stderr
    store = Store.open(path)
    assert chat.mark_interrupted(store).result() == 1
    answer = chat.messages(store, child.stdout.strip())[-1]
    assert (answer.content, answer.status) == ("shown", "interrupted")
    assert ingest_jobs.unfinished_jobs(store)[0].paths == ("/a",)
    assert chat.claim_session(store, child.stdout.strip()).result().owner_pid == os.getpid()
    store.close()


def _hold(path: str, ready, release) -> None:
    store = Store.open(Path(path))
    begin(store, "mine")
    ready.set()
    release.wait(20)
    store.close()


def test_a_session_open_elsewhere_is_refused_and_its_run_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "session.db"
    context = multiprocessing.get_context("spawn")
    ready, release = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(str(path), ready, release))
    other.start()
    try:
        assert ready.wait(20)
        store = Store.open(path)
        assert chat.mark_interrupted(store).result() == 0
        with pytest.raises(StudyError) as caught:
            chat.claim_session(store, chat.list_sessions(store)[0].id).result()
        assert caught.value.key == "error.session.busy"
        begin(store, "my own session works")
        store.close()
    finally:
        release.set()
        other.join(20)


def test_writing_after_close_says_so(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s.db")
    store.close()
    with pytest.raises(StudyError):
        chat.create_session(store).result(1)


async def test_a_cancelled_wait_loses_no_write_and_stops_no_other(store: Store) -> None:
    gate = threading.Event()
    store.submit(lambda db: gate.wait(5))
    given_up = chat.create_session(store, title="nobody waits")
    waiting = asyncio.ensure_future(asyncio.wrap_future(given_up))
    await asyncio.sleep(0)
    waiting.cancel()
    gate.set()
    await asyncio.wrap_future(chat.create_session(store, title="after"))
    assert {row["title"] for row in store.query("SELECT title FROM sessions")} == {"nobody waits", "after"}
