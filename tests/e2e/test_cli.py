"""The command line as programs use it: one JSON object, exit codes, Ctrl-C."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.terminal import (
    ROOT,
    Terminal,
    assert_no_process_left,
    command,
    engines,
    environment,
    wait_until,
)

pytestmark = pytest.mark.slow
HANDBOOK = ROOT / "samples" / "handbook"


def run(data: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run ``llm-study ARGUMENTS`` to its end."""
    return subprocess.run(
        command(*arguments),
        env=environment(data, **env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def one_object(result: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The one JSON object on standard output."""
    assert result.stdout.count("\n") == 1, result.stdout + result.stderr
    value = json.loads(result.stdout)
    assert isinstance(value, dict)
    return value


def test_ask_prints_one_object_with_the_calculation_in_it(data: Path) -> None:
    result = run(data, "ask", "What is 12*34?", "--json")
    assert result.returncode == 0, result.stderr
    answer = one_object(result)
    assert "408" in answer["answer"]
    assert (
        answer["engine"] == "embedded" and answer["model"] == "smollm2:135m" and answer["route"] == "routed"
    )
    tools = [span for span in answer["spans"] if span["kind"] == "tool"]
    assert [span["attributes"]["gen_ai.tool.name"] for span in tools] == ["calculator"]
    assert isinstance(tools[0]["attributes"]["gen_ai.tool.call.arguments"], dict)
    assert "408" in str(tools[0]["attributes"]["gen_ai.tool.call.result"])
    assert {"name", "kind", "parent", "start", "duration_ms", "status", "attributes"} <= tools[0].keys()
    assert answer["usage"]["input_tokens"] > 0 and answer["usage"]["output_tokens"] > 0
    assert answer["ttft_ms"] > 0 and answer["tokens_per_s"] > 0
    memory = answer["memory"]
    assert (
        0 < memory["before_bytes"] <= memory["peak_bytes"] and memory["after_bytes"] <= memory["peak_bytes"]
    )


def test_a_second_question_continues_the_session(data: Path) -> None:
    first = one_object(run(data, "ask", "What is 2+3?", "--json"))
    second = one_object(run(data, "ask", "12*34는 얼마야?", "--session", "last", "--json"))
    assert second["session_id"] == first["session_id"] and second["run_id"] != first["run_id"]
    assert "408" in second["answer"]
    shown = one_object(run(data, "session", "show", first["session_id"], "--json"))
    assert "12*34는 얼마야?" in json.dumps(shown, ensure_ascii=False)
    assert run(data, "session", "rm", first["session_id"]).returncode == 0
    assert first["session_id"] not in run(data, "session", "list", "--json").stdout


def test_documents_are_added_searched_and_removed(data: Path) -> None:
    added = run(data, "docs", "add", str(HANDBOOK), "--json")
    assert added.returncode == 0, added.stderr
    one_object(added)
    hits = one_object(run(data, "docs", "search", "남은 휴가 이월", "-k", "3", "--json"))["hits"]
    assert 1 <= len(hits) <= 3
    assert {"document", "path", "section", "text", "score"} <= hits[0].keys()
    listed = one_object(run(data, "docs", "list", "--json"))["documents"]
    assert run(data, "docs", "rm", listed[0]["path"]).returncode == 0
    left = one_object(run(data, "docs", "list", "--json"))["documents"]
    assert len(left) == len(listed) - 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--version",), 0),
        (("session", "list", "--json"), 0),
        (("session", "show", "no-such-session"), 2),
        (("docs", "add", "/no/such/file.md"), 2),
        (("no-such-command",), 2),
        (("--engine", "magic"), 2),
        (("ask",), 2),
        ((), 2),
    ],
)
def test_exit_codes_without_an_engine_at_work(data: Path, arguments: tuple[str, ...], code: int) -> None:
    result = run(data, *arguments)
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr


def test_no_engine_is_exit_code_3_with_one_object(data: Path) -> None:
    # Port 9 (discard) of loopback: nothing listens.
    result = run(data, "ask", "hello", "--json", LLM_STUDY_ENGINE="ollama", OLLAMA_HOST="http://127.0.0.1:9")
    assert result.returncode == 3, result.stdout + result.stderr
    error = one_object(result)["error"]
    assert error["message"] and error["fix"]


def test_ctrl_c_stops_an_answer_and_leaves_a_clean_terminal(
    data: Path, terminal: Callable[..., Terminal]
) -> None:
    window = terminal("ask", "Tell me a very long story about a lighthouse and its keeper.")
    window.wait_for(lambda screen: len(screen.split()) > 12)
    window.press("ctrl+c")
    assert window.exit_code() == 130
    assert "Traceback" not in window.screen()
    assert_no_process_left(data)


def test_ctrl_c_while_the_engine_starts_leaves_nothing_behind(
    data: Path, terminal: Callable[..., Terminal]
) -> None:
    window = terminal("ask", "hello")
    wait_until(lambda: engines(data), 20, "no engine process appeared")
    window.press("ctrl+c")
    assert window.exit_code() == 130
    assert "Traceback" not in window.screen()
    assert_no_process_left(data)


def test_a_closed_pipe_is_no_error(data: Path) -> None:
    shell = f"{command()[0]} --help | head -1"
    result = subprocess.run(
        ["sh", "-c", shell], env=environment(data), capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0 and result.stderr == "" and "llm-study" in result.stdout
