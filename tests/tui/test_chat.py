"""Asking: streaming, tool rows, stopping, waiting, history, finding, copying."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.events import Key, Paste

from core.events import EngineStatus
from core.session import chat
from tests.tui.fakes import READY, FakeRuntime, Script
from tui.widgets.message import Answer, code_blocks
from tui.widgets.tool_row import ToolRow


def manual(runtime: FakeRuntime) -> None:
    runtime.auto = False


async def test_a_question_is_answered_with_its_tool_row_and_receipt(runs: Any) -> None:
    async with runs() as bench:
        await bench.ask("What is 12*34?")
        await bench.sees("12 × 34 = 408")
        await bench.sees("calculator  12*34 → 408")
        await bench.sees("38 tok · 49.1 tok/s · TTFT 112 ms · peak 268 MiB (+6)")
        assert bench.app.state.session.title == "What is 12*34?"


async def test_text_appears_while_it_is_written(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await bench.ask("Tell me")
        await bench.sees("deciding what to do")
        bench.runtime.span("chat", "root", "chat smollm2:135m", "model", "running", None)
        await bench.sees("reading the question")
        bench.runtime.token("Once upon ")
        await bench.sees("Once upon")
        await bench.sees("writing")
        bench.runtime.token("a time.\n\n```python\nprint('x')\n")
        await bench.sees("print('x')")
        bench.runtime.token("```\n")
        bench.runtime.end()
        await bench.sees("38 tok")
        assert "writing" not in bench.screen_text()
        answer = bench.app.bench.chat.answers()[-1]
        assert answer.text == "Once upon a time.\n\n```python\nprint('x')\n```\n"
        assert answer._timer is None


async def test_a_tool_row_opens_in_place(runs: Any) -> None:
    async with runs() as bench:
        await bench.ask("What is 12*34?")
        await bench.sees("38 tok")
        await bench.pilot.press("shift+tab")
        await bench.pilot.press("up")
        await bench.until(lambda: isinstance(bench.app.focused, ToolRow))
        await bench.pilot.press("enter")
        await bench.sees('"expression": "12*34"')
        await bench.sees("took 0.4 ms")
        await bench.pilot.press("space")
        await bench.until(lambda: '"expression"' not in bench.screen_text())


async def test_a_tool_row_opens_by_mouse(runs: Any) -> None:
    async with runs() as bench:
        await bench.ask("What is 12*34?")
        await bench.sees("38 tok")
        await bench.pilot.click(".tool-line")
        await bench.sees('"expression": "12*34"')


async def test_a_failed_step_says_what_to_press(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await bench.ask("1/0?")
        await bench.sees("deciding")
        bench.runtime.tool("error")
        await bench.sees("! division by zero")
        row = bench.app.bench.query_one(ToolRow)
        assert row.has_class("-error")
        row.focus()
        await bench.pilot.press("enter")
        await bench.sees("press r on the answer to ask again")
        bench.runtime.script.error = "The engine stopped."
        bench.runtime.end("error")
        await bench.sees("The engine stopped. Press r.")


async def test_escape_stops_the_answer_and_keeps_what_is_there(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await bench.ask("Tell me")
        await bench.sees("deciding")
        bench.runtime.token("Half an ")
        await bench.sees("Half an")
        await bench.pilot.press("escape")
        await bench.sees("stopped by you, r asks again")
        assert bench.runtime.cancelled == [bench.app.state.session_id]
        assert "Half an" in bench.screen_text()
        bench.runtime.auto = True
        bench.app.bench.chat.query("AnswerText").last().focus()
        await bench.pilot.press("r")
        await bench.sees("12 × 34 = 408")
        await bench.until(lambda: "Half an" not in bench.screen_text())
        assert bench.screen_text().count("Tell me") == 2  # the header's title and the one question


async def test_an_answer_cut_off_by_a_crash_is_marked(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await bench.ask("Tell me")
        await bench.sees("deciding")
        bench.runtime.token("Half an ")
        store = bench.runtime.store
        store.submit(
            lambda db: db.execute("UPDATE messages SET status='interrupted' WHERE role='assistant'")
        ).result()
        bench.app.state.live.clear()
        session = bench.app.state.session_id
        await bench.ask("/new")
        await bench.until(lambda: bench.app.state.session_id != session)
        bench.app._continue(session)
        await bench.sees("cut off when the program ended")


async def test_a_question_before_the_engine_is_ready_waits_and_says_for_what(runs: Any) -> None:
    def slow(runtime: FakeRuntime) -> None:
        runtime.delay_store = True

    async with runs(ready=False, prepare=slow) as bench:
        await bench.ask("What is 12*34?")
        await bench.sees("waits until the session is open")
        bench.runtime.open_store()
        await bench.sees("12 × 34 = 408")
        assert "waits" not in bench.screen_text()


async def test_a_second_question_waits_its_turn_and_can_be_taken_back(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await bench.ask("first")
        await bench.sees("deciding")
        await bench.ask("second")
        await bench.sees("queued: asked after this answer")
        await bench.ask("third")
        await bench.sees("queued, 1 of 2")
        await bench.sees("queued, 2 of 2")
        bench.runtime.token("one")
        bench.runtime.end()
        await bench.until(
            lambda: [q.text for q in bench.app.bench.chat.query("Question")] == ["first", "second"]
        )
        await bench.sees("queued: asked after this answer")
        bench.runtime.end()
        await bench.until(lambda: not bench.app.bench.chat.query("Waiting"))
        assert [text for _, text, _ in bench.runtime.asked] == ["first", "second", "third"]


async def test_a_refused_question_comes_back_to_the_input(runs: Any) -> None:
    async with runs() as bench:
        bench.runtime.set_status(
            EngineStatus(kind="embedded", state="down", detail="No engine could be started.")
        )
        await bench.type("What is it?")
        await bench.pilot.press("enter")
        await bench.until(lambda: bench.runtime.asked)
        await bench.until(lambda: bench.app.bench.chat.composer.text == "What is it?")
        await bench.until(lambda: not bench.app.state.pending)
        bench.runtime.set_status(READY)


async def test_history_at_the_edges_of_the_input(runs: Any) -> None:
    async with runs() as bench:
        composer = bench.app.bench.chat.composer
        await bench.ask("first question")
        await bench.sees("38 tok")
        await bench.ask("둘째 질문")
        await bench.until(lambda: len(bench.app.state.questions) == 2)
        composer.text = "draft"
        await bench.pilot.press("up")
        assert composer.text == "둘째 질문"
        await bench.pilot.press("up")
        assert composer.text == "first question"
        await bench.pilot.press("up", "down")
        assert composer.text == "둘째 질문"
        await bench.pilot.press("down")
        assert composer.text == "draft"


async def test_a_message_may_have_several_lines(runs: Any) -> None:
    async with runs() as bench:
        composer = bench.app.bench.chat.composer
        await bench.type("one")
        await bench.pilot.press("shift+enter")
        await bench.type("two")
        await bench.pilot.press("ctrl+j")
        await bench.type("three")
        await bench.pilot.press("alt+enter")
        assert composer.text == "one\ntwo\nthree\n"
        assert composer.size.height == 4
        await bench.pilot.press("enter")
        await bench.until(lambda: bench.runtime.asked)
        assert bench.runtime.asked[0][1] == "one\ntwo\nthree"
        await bench.until(lambda: composer.size.height == 1)


async def test_the_last_syllable_of_an_input_method_is_sent_too(runs: Any) -> None:
    """The syllable is committed after Enter: what is sent is the text as it is then."""
    async with runs() as bench:
        await bench.type("남은 휴가는 며칠이")
        bench.app.bench.chat.composer.action_send()
        bench.app.bench.chat.composer.insert("야")
        await bench.until(lambda: bench.runtime.asked)
        assert bench.runtime.asked[0][1] == "남은 휴가는 며칠이야"


async def test_hangul_typed_and_pasted(runs: Any) -> None:
    async with runs(size=(80, 24), lang="ko") as bench:
        await bench.type("안녕하세요")
        bench.app.post_message(Paste(" \x1b[31m가나다\u202e라"))
        await bench.until(lambda: bench.app.bench.chat.composer.text == "안녕하세요 가나다라")
        await bench.pilot.press("enter")
        await bench.sees("안녕하세요 가나다라")


async def test_finding_in_the_session(runs: Any) -> None:
    async with runs() as bench:
        bench.runtime.script = Script(text="about cats", tool=False)
        await bench.ask("tell me about cats")
        await bench.sees("38 tok")
        bench.runtime.script = Script(text="about dogs", tool=False)
        await bench.ask("and dogs")
        await bench.until(lambda: len(bench.app.bench.chat.answers()) == 2)
        await bench.pilot.press("ctrl+f")
        await bench.type("cats")
        await bench.sees("2 of 2")
        await bench.pilot.press("enter")
        await bench.sees("1 of 2")
        await bench.type("zz")
        await bench.sees("no match")
        await bench.pilot.press("escape")
        await bench.until(lambda: not bench.app.bench.query_one("#find").display)


async def test_a_match_beyond_the_window_is_brought_in(runs: Any) -> None:
    async with runs() as bench:
        fill(bench.runtime, bench.app.state.session_id, 130)
        bench.app._continue(None)
        session = bench.app.state.session_id
        bench.app.state.session = None
        bench.app._continue(session)
        await bench.until(lambda: bench.app.state.session_messages == 100)
        await bench.sees("answer number 129")
        assert "number 3 " not in bench.screen_text()
        await bench.ask("/find question number 3 ")
        await bench.sees("question number 3 ")


async def test_earlier_messages_load_from_the_top(runs: Any) -> None:
    async with runs() as bench:
        fill(bench.runtime, bench.app.state.session_id, 80)
        session = bench.app.state.session_id
        bench.app.state.session = None
        bench.app._continue(session)
        await bench.until(lambda: len(bench.app.bench.chat.query("Question")) == 50)
        bench.app.bench.chat.transcript.load_earlier()
        await bench.until(lambda: len(bench.app.bench.chat.query("Question")) == 80)
        assert not bench.app.bench.chat.query("EarlierLine")


def fill(runtime: FakeRuntime, session_id: str, count: int) -> None:
    """Put questions and answers in the store."""
    store = runtime.store
    assert store

    def work(db: Any) -> None:
        rows = []
        for number in range(count):
            for role in ("user", "assistant"):
                text = f"{'question' if role == 'user' else 'answer'} number {number} "
                rows.append(
                    {
                        "id": f"{role}{number}",
                        "session_id": session_id,
                        "run_id": None,
                        "role": role,
                        "content": text,
                        "status": "complete",
                        "created_at": float(number),
                    }
                )
        db.table("messages").insert_all(rows)

    store.submit(work).result()
    assert len(chat.messages(store, session_id)) == 2 * count


async def test_copying_says_which_way_it_went(runs: Any, monkeypatch: Any) -> None:
    for name in ("TMUX", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSH_TTY", "/dev/pts/1")
    async with runs() as bench:
        written: list[str] = []
        monkeypatch.setattr(bench.app, "write_to_terminal", written.append)
        bench.runtime.script = Script(text="See:\n\n```python\nprint(1)\n```\n", tool=False)
        await bench.ask("code?")
        await bench.sees("38 tok")
        await bench.ask("/code")
        await bench.sees("Sent 8 characters to your terminal's clipboard")
        assert written == ["\x1b]52;c;cHJpbnQoMSk=\x07"]
        monkeypatch.setenv("TMUX", "/tmp/x")
        await bench.pilot.press("ctrl+y")
        await bench.sees("through tmux")
        assert written[1].startswith("\x1b]52;c;") and "\x1bPtmux;\x1b\x1b]52;c;" in written[1]


def test_code_blocks_are_found() -> None:
    assert code_blocks("a\n```py\nx = 1\n```\nb\n~~~\ny\n~~~\n") == ["x = 1", "y"]


async def test_the_trace_opens_at_a_step(runs: Any) -> None:
    async with runs() as bench:
        await bench.ask("What is 12*34?")
        await bench.sees("38 tok")
        bench.app.bench.query_one(ToolRow).focus()
        await bench.pilot.press("t")
        await bench.sees("gen_ai.tool.call.result")
        assert "execute_tool calculator" in bench.screen_text()
        await bench.pilot.press("escape")
        await bench.until(lambda: bench.app.bench.chat.display)


async def test_the_trace_follows_a_run_live(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await bench.pilot.press("f2")
        await bench.sees("No steps yet.")
        await bench.app.ask("Tell me")
        await bench.sees("invoke_agent")
        bench.runtime.tool()
        await bench.sees("execute_tool calculator")
        bench.runtime.end()
        await bench.sees("1.9 s")


async def test_only_the_chat_that_is_open_shows_an_answer(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await bench.ask("first session")
        await bench.sees("deciding")
        first = bench.app.state.session_id
        await bench.pilot.press("ctrl+n")
        await bench.until(lambda: bench.app.state.session_id != first)
        bench.runtime.token("for the other one ")
        await bench.pilot.pause()
        assert "for the other one" not in bench.screen_text()
        bench.app._continue(first)
        await bench.sees("for the other one")
        bench.runtime.token("and more")
        await bench.sees("for the other one and more")
        bench.runtime.end()
        await bench.sees("38 tok")
        assert isinstance(bench.app.bench.chat.answers()[0], Answer)


async def test_keys_that_arrive_together_go_one_after_the_other(runs: Any) -> None:
    async with runs() as bench:
        await bench.ask("What is 12*34?")
        await bench.sees("peak 268 MiB")
        # As from a slow line: all are waiting before the first is looked at.
        for key in ("shift+tab", "shift+tab", "enter"):
            bench.app.post_message(Key(key, None))
        await bench.until(lambda: bench.app.query(ToolRow).first().has_class("-open"), "the step opened")


async def test_enter_right_after_a_paste_sends_what_was_pasted(runs: Any, tmp_path: Path) -> None:
    async with runs() as bench:
        await bench.type("/")
        await bench.sees("/sessions")
        # The list of commands is still that of the slash when Enter is looked at.
        bench.app.post_message(Paste(f"add {tmp_path}"))
        bench.app.post_message(Key("enter", None))
        await bench.until(lambda: bench.runtime.added, "the folder was added")
        assert bench.runtime.added == [str(tmp_path)]
