"""Recorded sessions as files, and traces sent to a collector: a labelled LOCAL COLLECTOR stands in for the real one."""

from __future__ import annotations

import itertools
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from core.agent import semconv
from core.agent.replay import files
from core.agent.replay.otlp import traces
from core.agent.replay.push import WAITING, Pusher, address
from core.agent.replay.words import diff, first_difference, json_text
from core.errors import UsageError
from core.events import MemoryUse, RunEnded, Span, Usage
from core.session import Store, chat, forks, imports, replays
from core.session.rows import Rerun


def ended(run_id: str, session: str, message: str) -> RunEnded:
    return RunEnded(
        run_id,
        session,
        message,
        "ok",
        "408입니다.",
        "routed",
        "embedded",
        "m",
        Usage(5, 3),
        1.0,
        2.0,
        MemoryUse(),
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "session.db")
    yield opened
    opened.close()


@pytest.fixture
def recorded(store: Store) -> tuple[str, str]:
    """A session with one run and its spans: session id, run id."""
    session = chat.create_session(store, title="t").result()
    run = chat.begin_run(
        store, session.id, "12*34는?", engine="embedded", engine_version="1", model="m", options={"seed": 7}
    ).result()
    spans = [
        Span("aa1", run.run_id, None, "invoke_agent", "agent", "ok", 1000.5, 20.0, {semconv.OPERATION: "invoke_agent"}),
        Span("aa2", run.run_id, "aa1", "execute_tool calculator", "tool", "error", 1000.6, 1.5, {
            semconv.TOOL_ARGUMENTS: {"expression": "12*34"}, semconv.ERROR_MESSAGE: "secret words"}),
        Span("aa3", run.run_id, "aa1", "chat m", "model", "ok", 1000.7, 10.0, {
            semconv.INPUT_TOKENS: 5, semconv.REQUEST_TEMPERATURE: 0.5, semconv.FINISH_REASONS: ["stop"], "flag": True,
            semconv.REQUEST_BODY: {"model": "m", "messages": [{"role": "user", "content": "12*34는?\u202e"}]}}),
    ]  # fmt: skip
    for span in spans:
        chat.put_span(store, session.id, span).result()
    chat.end_run(store, ended(run.run_id, session.id, run.assistant_message_id)).result()
    return session.id, run.run_id


# -- words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("", ""),
        ("a", ""),
        ("", "b c"),
        ("the cat sat", "the dog sat down"),
        ("휴가는 5일", "휴가는 3일 이다"),
        ("x\ny\n", "x\nz\n"),
    ],
)
def test_a_diff_holds_both_texts(a: str, b: str) -> None:
    parts = diff(a, b)
    assert "".join(part.text for part in parts if part.kind != "added") == a
    assert "".join(part.text for part in parts if part.kind != "removed") == b
    assert all(one.kind != other.kind for one, other in itertools.pairwise(parts))


def test_a_diff_of_long_texts_ends() -> None:
    a, b = " ".join(map(str, range(20_000))), " ".join(map(str, range(20_000, 0, -1)))
    parts = diff(a, b)
    assert "".join(part.text for part in parts if part.kind != "added") == a


def test_the_first_difference_is_counted_from_0() -> None:
    assert first_difference(["a"], ["a"]) is None
    assert first_difference(["a", "b"], ["a"]) == 1
    assert first_difference(["a", "b"], ["a", "c"]) == 1


def test_json_is_exact_and_harmless() -> None:
    evil = {"t": "\x1b[2J \u202e \u200b \U000e0041 가"}
    text = json_text(evil)
    assert json.loads(text) == evil and "가" in text
    assert not set(text) & set("\x1b\u202e\u200b\U000e0041")


# -- OTLP --------------------------------------------------------------------------------------------------


def test_otlp_follows_the_json_encoding(store: Store, recorded: tuple[str, str], tmp_path: Path) -> None:
    path = files.write(store, recorded[1], tmp_path / "out", "otlp")
    assert path.stat().st_mode & 0o777 == 0o600
    [resource] = json.loads(path.read_text("utf-8"))["resourceSpans"]
    assert {"key": "service.name", "value": {"stringValue": "llm-study"}} in resource["resource"][
        "attributes"
    ]
    root, tool, model = resource["scopeSpans"][0]["spans"]
    assert len({span["traceId"] for span in (root, tool, model)}) == 1
    for span in (root, tool, model):
        assert len(bytes.fromhex(span["traceId"])) == 16 and len(bytes.fromhex(span["spanId"])) == 8
    assert "parentSpanId" not in root and tool["parentSpanId"] == root["spanId"]
    assert (root["startTimeUnixNano"], root["endTimeUnixNano"]) == ("1000500000000", "1000520000000")
    assert (root["kind"], model["kind"]) == (1, 3)
    assert tool["status"] == {"code": 2, "message": "secret words"} and root["status"] == {}
    values = {one["key"]: one["value"] for one in model["attributes"]}
    assert values[semconv.INPUT_TOKENS] == {"intValue": "5"}
    assert values[semconv.REQUEST_TEMPERATURE] == {"doubleValue": 0.5} and values["flag"] == {
        "boolValue": True
    }
    assert values[semconv.FINISH_REASONS] == {"arrayValue": {"values": [{"stringValue": "stop"}]}}
    assert json.loads(values[semconv.REQUEST_BODY]["stringValue"])["model"] == "m"
    again = files.write(store, recorded[0], tmp_path / "out", "otlp")
    assert again != path and json.loads(again.read_text("utf-8"))


def test_what_was_said_stays_here_unless_it_may_leave(store: Store, recorded: tuple[str, str]) -> None:
    run = chat.get_run(store, recorded[1])
    assert run is not None
    text = json.dumps(traces([(run, chat.spans(store, run_id=run.id))], content=False), ensure_ascii=False)
    assert "12*34" not in text and "secret" not in text and "gen_ai.usage.input_tokens" in text


# -- JSONL -------------------------------------------------------------------------------------------------


def test_an_exported_session_comes_back_whole(
    store: Store, recorded: tuple[str, str], tmp_path: Path
) -> None:
    path = files.write(store, recorded[0], tmp_path, "jsonl")
    assert "\u202e" not in path.read_text("utf-8")
    other = Store.open(tmp_path / "other.db")
    session = imports.put(other, imports.read(path)).result()
    assert (session.id, session.message_count) == (recorded[0], 2), "no clash: the ids stay"
    assert [one.content for one in chat.messages(other, session.id)] == ["12*34는?", "408입니다."]
    old, new = chat.spans(store, run_id=recorded[1]), chat.spans(other, run_id=recorded[1])
    assert [(one.id, one.parent_id, one.name, one.status) for one in old] == [
        (one.id, one.parent_id, one.name, one.status) for one in new
    ]
    other.close()
    again = imports.put(store, imports.read(path)).result()
    assert again.id != recorded[0], "it is here already: another id"
    [run] = chat.runs(store, again.id)
    assert (run.kind, run.made_from, run.usage.output_tokens) == ("import", recorded[1], 3)
    steps = chat.spans(store, run_id=run.id)
    assert steps[1].parent_id == steps[0].id and steps[0].id != "aa1"
    assert [one.content for one in chat.messages(store, recorded[0])] == ["12*34는?", "408입니다."]


HEAD = {"type": "llm-study-session", "format": 1, "session": {"id": "s1", "title": "t", "created_at": 1.0}}
MESSAGE = {
    "type": "message",
    "id": "m1",
    "session_id": "s1",
    "run_id": None,
    "role": "user",
    "created_at": 1.0,
}
END = {"type": "end", "messages": 1, "runs": 0, "spans": 0}


def deep() -> Any:
    value: Any = "x"
    for _ in range(100):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        (["not json"], "json"),
        (["[" * 200_000], "json"),
        ([b"\xff\xfe\x00"], "json"),
        (["[]"], "json"),
        ([{"type": "other"}], "header"),
        ([{**HEAD, "format": 99}], "format"),
        ([{**HEAD, "session": "x"}], "header"),
        ([{**HEAD, "session": {"id": "../../etc", "created_at": 1.0}}], "id"),
        ([HEAD], "cut"),
        ([HEAD, {"type": "shell"}], "type"),
        ([HEAD, MESSAGE, {**END, "messages": 2}], "counts"),
        ([HEAD, MESSAGE, END, MESSAGE], "after_end"),
        ([HEAD, MESSAGE, MESSAGE, {**END, "messages": 2}], "twice"),
        ([HEAD, {**MESSAGE, "session_id": "s2"}, END], "links"),
        ([HEAD, {**MESSAGE, "run_id": "r9"}, END], "links"),
        ([HEAD, {**MESSAGE, "role": "system"}, END], "value"),
        ([HEAD, {**MESSAGE, "content": 5}, END], "value"),
        ([HEAD, {**MESSAGE, "created_at": float("nan")}, END], "value"),
        ([HEAD, {**MESSAGE, "created_at": 10**400}, END], "value"),
        ([HEAD, {**MESSAGE, "id": ["m"]}, END], "id"),
        ([HEAD, {"type": "run", "id": "r1", "session_id": "s1", "started_at": 1.0, "options": {"x": deep()}}], "deep"),
        ([HEAD, {"type": "span", "id": "p", "run_id": "r", "kind": "root", "attributes": {}, "start": 1.0}], "value"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_session_is_refused_in_a_sentence(
    tmp_path: Path, lines: list[Any], key: str
) -> None:
    path = tmp_path / "x.jsonl"
    parts = [
        one if isinstance(one, bytes) else (one if isinstance(one, str) else json.dumps(one)).encode()
        for one in lines
    ]
    path.write_bytes(b"\n".join(parts) + b"\n")
    with pytest.raises(UsageError) as refused:
        imports.read(path)
    assert refused.value.key == f"error.import.{key}"
    assert str(path) in refused.value.message


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing", Path("/dev/zero")):
        with pytest.raises(UsageError):
            imports.read(path)


def test_hostile_texts_arrive_harmless(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    evil = {**MESSAGE, "content": "a\x1b]0;t\x07b\u202e", "status": "streaming"}
    path.write_text("".join(json.dumps(one) + "\n" for one in (HEAD, evil, END)), "utf-8")
    session = imports.put(store, imports.read(path)).result()
    [message] = chat.messages(store, session.id)
    assert (message.content, message.status) == ("ab", "interrupted")


# -- hidden and copied sessions ----------------------------------------------------------------------------


def test_hidden_sessions_are_in_no_list_and_go_with_their_origin(
    store: Store, recorded: tuple[str, str]
) -> None:
    hidden = forks.fork(store, recorded[0], None, hidden=True, runs=False).result()
    assert [one.id for one in chat.list_sessions(store)] == [recorded[0]]
    last = chat.last_session(store)
    assert last is not None and last.id == recorded[0]
    assert {one.session_id for one in chat.search_messages(store, "408")} == {recorded[0]}
    assert chat.search_messages(store, "408", session_id=hidden.id)
    chat.delete_session(store, recorded[0]).result()
    assert chat.session_ids(store) == []


# -- the collector -----------------------------------------------------------------------------------------


class Collector(ThreadingHTTPServer):
    """LOCAL COLLECTOR: keeps what is posted, answers as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Collected)
        self.bodies: list[tuple[str, Any]] = []
        self.answers: list[int] = []
        self.got = threading.Event()
        self.go = threading.Event()
        self.go.set()


class _Collected(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.go.wait(20)
        status = self.server.answers.pop(0) if self.server.answers else 200
        if status == 200:
            self.server.bodies.append((self.path, body))
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        if status == 200:
            self.server.got.set()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.go.set()
    server.shutdown()
    server.server_close()


def test_a_finished_run_is_sent_to_the_collector(
    store: Store, recorded: tuple[str, str], collector: Collector
) -> None:
    collector.answers = [503]
    pusher = Pusher(store, f"http://127.0.0.1:{collector.server_port}", content=False, pause=0.01)
    pusher.take(ended(recorded[1], recorded[0], "m"))
    assert collector.got.wait(20)
    pusher.close(10)
    [(path, body)] = collector.bodies
    assert path == "/v1/traces" and len(body["resourceSpans"][0]["scopeSpans"][0]["spans"]) == 3
    assert "12*34" not in json.dumps(body) and (pusher.sent, pusher.lost) == (1, 0)


def test_a_dead_collector_is_said_once_and_stops_nothing(
    store: Store, recorded: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "core.agent.replay.push"):
        pusher = Pusher(store, "http://user:hunter2@127.0.0.1:1", content=True, pause=0.001)
        for _ in range(5):
            pusher.take(ended(recorded[1], recorded[0], "m"))
        pusher.close(20)
    assert (pusher.sent, pusher.lost) == (0, 5)
    assert len(caplog.records) == 1 and "hunter2" not in caplog.text and "408" not in caplog.text


@pytest.mark.parametrize("url", ["nonsense", "http://[::1", "ftp://x", "http://h:99999999", "http://\x00"])
def test_an_address_that_is_none_is_said_and_stops_nothing(
    store: Store, recorded: tuple[str, str], url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "core.agent.replay.push"):
        pusher = Pusher(store, url, content=False, pause=0.001)
        pusher.take(ended(recorded[1], recorded[0], "m"))
        pusher.close(20)
    assert pusher.lost == 1 and len(caplog.records) == 1


def test_a_slow_collector_holds_nobody_up(
    store: Store, recorded: tuple[str, str], collector: Collector
) -> None:
    collector.go.clear()
    pusher = Pusher(store, f"http://127.0.0.1:{collector.server_port}", content=False)
    for _ in range(WAITING + 10):
        pusher.take(ended(recorded[1], recorded[0], "m"))
    assert 8 <= pusher.lost <= 10
    pusher.close(0.01)
    collector.go.set()


def test_the_address_of_a_collector() -> None:
    assert address("http://h:4318/") == "http://h:4318/v1/traces"
    assert address("http://h/otlp/traces") == "http://h/otlp/traces"


def test_a_replay_whose_process_died_says_so(store: Store, recorded: tuple[str, str]) -> None:
    hidden = forks.fork(store, recorded[0], None, hidden=True, runs=False).result()
    run = chat.begin_run(
        store, hidden.id, "q", engine="e", engine_version="1", model="m", options={}, kind="replay"
    ).result()
    begun = Rerun("p1", recorded[1], "run", "m", 1.0, "", None, run_id=run.run_id)
    replays.put(store, begun).result()
    assert replays.of(store, recorded[1]) == [begun]
    # As the next start finds it: nobody is there who wrote it.
    store.submit(
        lambda db: db.execute("UPDATE runs SET owner_pid = NULL WHERE id = ?", [run.run_id])
    ).result()
    assert chat.mark_interrupted(store).result() == 1
    assert replays.of(store, recorded[1])[0].error == "interrupted"
