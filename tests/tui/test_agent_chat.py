"""The agent's side of the chat: permission questions, the queue, waits, the context bar, cost, tool rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual.events import Key

from core.agent import semconv
from core.agent.types import Budget, Cost, HostedPrice
from core.events import ContextMeasured, RunWaits, TextReplaced
from tests.tui.fakes import FakeRuntime, Script
from tui.widgets.context_bar import cells, sizes
from tui.widgets.permission import PermissionRow

BUDGET = Budget(
    num_ctx=2048, system=120, tools=80, memory=20, retrieved=400, history=300, question=30, reserve=512
)


def manual(runtime: FakeRuntime) -> None:
    runtime.auto = False


async def asked(bench: Any, **arguments: Any) -> Any:
    """A run that asks for permission; nobody is taken to be typing any more."""
    await bench.ask("What is new about cats?")
    await bench.sees("deciding")
    request = bench.runtime.ask_permission(**(arguments or {"query": "cats"}))
    await bench.sees("May web_search be used?")
    row = bench.app.bench.query_one(PermissionRow)
    row._shown_at = float("-inf")
    return request


# -- permission ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "word"), [("y", "once"), ("a", "always"), ("n", "deny"), ("ㅛ", "once")])
async def test_a_key_answers_the_question(runs: Any, key: str, word: str) -> None:
    async with runs(prepare=manual) as bench:
        request = await asked(bench)
        shown = bench.screen_text()
        assert "query  cats" in shown and 'The search words "cats" are sent' in shown
        assert "waits for your permission" in shown and "waits for you" in shown.splitlines()[0]
        await bench.until(lambda: isinstance(bench.app.focused, PermissionRow))
        await bench.pilot.press(key)
        await bench.until(lambda: bench.runtime.answered == [(request.id, word)])
        await bench.until(lambda: not bench.app.bench.query(PermissionRow))
        assert bench.app.focused is bench.app.bench.chat.composer
        assert "waits for you" not in bench.screen_text()


async def test_a_click_answers_the_question(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        request = await asked(bench)
        await bench.pilot.click("#permission-keys", offset=(2, 0))
        await bench.until(lambda: bench.runtime.answered == [(request.id, "once")])


async def test_what_is_being_typed_is_not_taken_for_an_answer(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await bench.ask("What is new?")
        await bench.sees("deciding")
        await bench.type("ya")
        bench.runtime.ask_permission(query="cats")
        await bench.sees("May web_search")
        await bench.sees("Shift+Tab, then the letter")
        await bench.type("n")
        await bench.until(lambda: bench.app.bench.chat.composer.text == "yan")
        assert not bench.runtime.answered


async def test_a_letter_right_after_it_appeared_is_typing(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await asked(bench)
        row = bench.app.bench.query_one(PermissionRow)
        row._shown_at = row._clock() + 3600
        await bench.pilot.press("y")
        await bench.until(lambda: bench.app.bench.chat.composer.text == "y")
        assert not bench.runtime.answered and bench.app.focused is bench.app.bench.chat.composer


async def test_another_letter_goes_to_the_input(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await asked(bench)
        await bench.pilot.press("h", "i")
        await bench.until(lambda: bench.app.bench.chat.composer.text == "hi")
        # And the question can be reached with the keyboard again.
        bench.app.bench.chat.composer.text = ""
        await bench.pilot.press("shift+tab")
        await bench.until(lambda: isinstance(bench.app.focused, PermissionRow))
        await bench.pilot.press("n")
        await bench.until(lambda: bench.runtime.answered[0][1] == "deny")


async def test_a_word_that_arrives_at_once_is_typing_from_its_first_letter_on(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await asked(bench)
        # As from a slow line: all are waiting before the first is looked at.
        for letter in "And any":
            bench.app.post_message(Key("space" if letter == " " else letter, letter))
        await bench.until(lambda: bench.app.bench.chat.composer.text == "And any")
        assert not bench.runtime.answered


async def test_several_questions_come_one_after_the_other(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await asked(bench)
        bench.runtime.ask_permission("fetch_page", url="http://example.org/")
        await bench.sees("1 of 2")
        await bench.pilot.press("y")
        await bench.sees("May fetch_page be used?")
        await bench.until(lambda: "May web_search" not in bench.screen_text())
        assert "Nothing leaves this machine." in bench.screen_text()
        bench.app.bench.query_one(PermissionRow)._shown_at = float("-inf")
        await bench.until(lambda: isinstance(bench.app.focused, PermissionRow))
        await bench.pilot.press("n")
        await bench.until(lambda: [word for _, word in bench.runtime.answered] == ["once", "deny"])


async def test_the_question_is_there_again_after_a_restart(runs: Any) -> None:
    def before(runtime: FakeRuntime) -> None:
        manual(runtime)

    async with runs(prepare=before) as bench:
        request = await asked(bench)
        session = bench.app.state.session_id
        await bench.ask("/new")
        await bench.until(lambda: bench.app.state.session_id != session)
        assert not bench.app.bench.query(PermissionRow)
        # Opened again, as another start would: everything comes from what the runtime has on disk.
        bench.app._continue(session)
        await bench.sees("May web_search be used?")
        bench.app.bench.query_one(PermissionRow).focus()
        bench.app.bench.query_one(PermissionRow)._shown_at = float("-inf")
        await bench.pilot.press("a")
        await bench.until(lambda: bench.runtime.answered == [(request.id, "always")])


async def test_a_question_of_another_session_is_told(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await bench.ask("What is new?")
        await bench.sees("deciding")
        session = bench.app.state.session_id
        await bench.ask("/new")
        await bench.until(lambda: bench.app.state.session_id != session)
        bench.runtime.ask_permission(query="cats")
        await bench.sees("Another session asks")
        assert not bench.app.bench.query(PermissionRow)


async def test_a_word_that_does_not_arrive_can_be_given_again(runs: Any, monkeypatch: Any) -> None:
    async with runs(prepare=manual) as bench:
        await asked(bench)
        from concurrent.futures import Future

        from core.errors import StudyError

        broken: Future[None] = Future()
        broken.set_exception(StudyError("error.store.write", reason="disk full"))
        monkeypatch.setattr(bench.runtime, "answer", lambda *_: broken)
        await bench.pilot.press("y")
        await bench.sees("disk full")
        monkeypatch.undo()
        await bench.pilot.press("y")
        await bench.until(lambda: bench.runtime.answered)


async def test_arguments_of_a_hostile_model_stay_text(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await asked(bench, query="[red]cats[/] \x1b[31m\u202edogs", other="x" * 5000)
        shown = bench.screen_text()
        assert "[red]cats[/]" in shown and "\x1b" not in shown and "\u202e" not in shown
        assert "[y]" not in shown and "always" in shown.lower()


async def test_a_refused_call_says_so_and_is_no_error(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await bench.ask("What is new?")
        await bench.sees("deciding")
        attributes = {
            semconv.TOOL_NAME: "web_search",
            semconv.TOOL_ARGUMENTS: {"query": "cats"},
            semconv.PERMISSION: "deny",
        }
        bench.runtime.span("p", "root", "permission web_search", "permission", "ok", 900.0, attributes)
        refused = {**attributes, "error.type": "error.tool.denied", "app.error.message": "denied"}
        bench.runtime.span("t", "root", "execute_tool web_search", "tool", "error", 0.1, refused)
        await bench.sees("not allowed")
        assert len(bench.app.bench.query("ToolRow")) == 1 and "denied" not in bench.screen_text()
        row = bench.app.bench.query_one("ToolRow")
        assert not row.has_class("-error")
        row.toggle()
        await bench.sees("It was not called")


async def test_a_call_says_that_it_was_kept_tried_again_and_allowed(runs: Any) -> None:
    async with runs(size=(200, 50), prepare=manual) as bench:
        await bench.ask("What is new?")
        await bench.sees("deciding")
        attributes = {
            semconv.TOOL_NAME: "weather",
            semconv.TOOL_ARGUMENTS: {"place": "Seoul"},
            semconv.TOOL_RESULT: "sunny",
            semconv.TOOL_CACHED: True,
            semconv.TOOL_ATTEMPTS: 3,
            semconv.PERMISSION: "once",
        }
        bench.runtime.span("t", "root", "execute_tool weather", "tool", "ok", 2.0, attributes)
        await bench.sees("kept from earlier · 3 tries · allowed once · 2.0 ms")


async def test_a_broken_off_beginning_is_taken_back(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await bench.ask("Tell me")
        await bench.sees("deciding")
        run = bench.runtime.current
        bench.runtime.token("Once upon a broken ")
        await bench.sees("Once upon a broken")
        replaced = TextReplaced(run.run_id, run.session_id, run.assistant_message_id, "Once ")
        bench.runtime.emit(replaced)
        await bench.until(lambda: "broken" not in bench.screen_text())
        bench.runtime.token("more it works")
        await bench.sees("Once more it works")


async def test_escape_ends_a_run_that_waits_for_a_word_since_another_start(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await asked(bench)
        session = bench.app.state.session_id
        bench.app.state.live.clear()
        await bench.pilot.press("escape")
        await bench.until(lambda: bench.runtime.cancelled == [session])


# -- the queue ----------------------------------------------------------------------------------------


async def test_a_waiting_question_can_be_taken_back_into_the_input(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await bench.ask("first")
        await bench.sees("deciding")
        await bench.ask("second")
        await bench.ask("third")
        await bench.sees("queued, 2 of 2")
        bench.app.bench.chat.query("Waiting").first().focus()
        await bench.pilot.press("u")
        await bench.until(lambda: bench.app.bench.chat.composer.text == "second")
        await bench.until(lambda: bench.runtime.waiting(bench.app.state.session_id)[0][1] == "third")
        assert "queued, 2 of 2" not in bench.screen_text()
        bench.app.bench.chat.composer.text = "/unqueue"
        await bench.pilot.press("enter")
        await bench.until(lambda: bench.app.bench.chat.composer.text == "third")
        assert not bench.app.bench.chat.query("Waiting")


async def test_waiting_questions_are_there_again_after_a_restart(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await bench.ask("first")
        await bench.sees("deciding")
        await bench.ask("second")
        await bench.sees("queued")
        session = bench.app.state.session_id
        await bench.ask("/new")
        await bench.until(lambda: bench.app.state.session_id != session)
        assert not bench.app.bench.chat.query("Waiting")
        bench.app._continue(session)
        await bench.sees("queued: asked after this answer")


async def test_a_failed_answer_goes_on_from_where_it_was(runs: Any) -> None:
    async with runs(size=(160, 36), prepare=manual) as bench:
        await bench.ask("/continue")
        await bench.sees("There is no interrupted answer")
        await bench.ask("Tell me")
        await bench.sees("deciding")
        bench.runtime.script = Script(error="The engine died.")
        bench.runtime.end("error")
        await bench.sees("(r asks again, o goes on from there)")
        run = bench.runtime.current
        await bench.ask("/continue")
        await bench.until(lambda: bench.runtime.resumed == [run.run_id])
        bench.runtime.token("and on it goes")
        bench.runtime.end()
        await bench.sees("and on it goes")
        assert len(bench.app.bench.chat.answers()) == 1


# -- waits ---------------------------------------------------------------------------------------------


async def test_what_a_run_waits_for_is_said_and_goes(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        await bench.ask("Tell me")
        await bench.sees("deciding")
        run = bench.runtime.current
        bench.runtime.emit(RunWaits(run.run_id, run.session_id, "trying again in 2 s (2 of 4)"))
        await bench.sees("trying again in 2 s (2 of 4)")
        bench.runtime.emit(RunWaits(run.run_id, run.session_id, ""))
        await bench.sees("deciding")
        bench.runtime.end()
        await bench.until(lambda: not bench.app.state.waits)


# -- context ---------------------------------------------------------------------------------------------


def test_every_part_that_is_there_gets_a_cell_and_all_of_them_fill_the_bar() -> None:
    for width in (8, 9, 31, 60):
        for budget in (
            BUDGET,
            replace(BUDGET, memory=1),
            Budget(num_ctx=4096),
            replace(BUDGET, history=9000),
        ):
            given = cells(budget, width)
            assert sum(given.values()) == width
            assert all(bool(given[name]) == bool(count) for name, count in sizes(budget).items())


async def test_the_context_bar_follows_the_call(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        assert "context" not in bench.screen_text()
        await bench.ask("Tell me")
        await bench.sees("deciding")
        run = bench.runtime.current
        bench.runtime.emit(ContextMeasured(run.run_id, run.session_id, BUDGET))
        await bench.sees("≈950/2 048")
        bench.runtime.emit(
            ContextMeasured(run.run_id, run.session_id, replace(BUDGET, reported=961, dropped=3))
        )
        await bench.sees("961/2 048 · ! 3 messages left out")
        bench.runtime.emit(ContextMeasured(run.run_id, run.session_id, replace(BUDGET, cut_by_server=True)))
        await bench.sees("the engine cut the beginning")
        bench.runtime.emit(ContextMeasured(run.run_id, "another", replace(BUDGET, num_ctx=9999)))
        await bench.pilot.pause()
        assert "9 999" not in bench.screen_text()


# -- cost ------------------------------------------------------------------------------------------------


async def test_tokens_and_money_in_the_header_and_under_the_answer(runs: Any) -> None:
    async with runs(size=(160, 36)) as bench:
        bench.runtime.costs.each = Cost(1000, 204, 2.0, 0.1, False, 0.000123, (), "")
        await bench.ask("What is 12*34?")
        await bench.sees("peak 268 MiB (+6) · $0.00012")
        assert "1 204 tok · $0.00012" in bench.screen_text().splitlines()[0]


async def test_without_local_prices_the_first_hosted_one_is_named(runs: Any) -> None:
    async with runs(size=(200, 50)) as bench:
        bench.runtime.costs.each = Cost(10, 5, hosted=(HostedPrice("GPT-5 mini", "OpenAI", 0.00042),))
        await bench.ask("What is 12*34?")
        await bench.sees("15 tok · $0.00042 at GPT-5 mini")
        await bench.pilot.resize_terminal(110, 30)
        await bench.until(lambda: "15 tok · ≈$0.00042" in bench.screen_text().splitlines()[0])


async def test_a_narrow_header_keeps_the_title_and_leaves_the_sum_out(runs: Any) -> None:
    async with runs(size=(62, 24)) as bench:
        bench.runtime.costs.each = Cost(1000, 204, 2.0, 0.1, False, 0.000123, (), "")
        await bench.ask("What is 12*34?")
        await bench.sees("$0.00012")
        assert "$" not in bench.screen_text().splitlines()[0]


# -- what an answer took -----------------------------------------------------------------------------------


async def test_the_page_about_an_answer_says_route_cost_context_and_facts(runs: Any) -> None:
    async with runs(prepare=manual) as bench:
        bench.runtime.costs.each = Cost(1000, 204, 2.0, 0.1, False, 0.000123, (), "")
        await bench.ask("Tell me")
        await bench.sees("deciding")
        facts = {semconv.FACTS_USED: ["My team meets on Tuesdays."]}
        bench.runtime.span("m", "root", "search_memory", "memory", "ok", 2.0, facts)
        bench.runtime.span(
            "root", None, "invoke_agent", "agent", "ok", 9.0, {semconv.ROUTE_REASON: "too small for tools"}
        )
        await bench.sees("used: “My team meets on Tuesdays.”")
        bench.runtime.token("ok")
        bench.runtime.end()
        await bench.sees("38 tok")
        await bench.pilot.press("ctrl+g")
        await bench.sees("What this answer took")
        shown = bench.screen_text()
        assert "1,000 tokens read, 204 written" in shown and "TTFT 112 ms" in shown
        assert "Remembered facts used" in shown
        await bench.pilot.press("escape")
        await bench.until(lambda: bench.app.screen is bench.app.bench)


async def test_nothing_to_explain_is_said(runs: Any) -> None:
    async with runs() as bench:
        await bench.ask("/context")
        await bench.sees("There is no answer to explain yet.")


# -- memory ------------------------------------------------------------------------------------------------


async def test_facts_are_added_edited_forgotten_and_brought_back(runs: Any) -> None:
    async with runs() as bench:
        await bench.ask("/remember The server room is on floor 3")
        await bench.sees("Remembered: The server room is on floor 3")
        await bench.ask("/memory")
        await bench.sees("Facts remembered: 1")
        await bench.pilot.press("a")
        await bench.sees("What should be remembered?")
        await bench.type("Lunch is at noon")
        await bench.pilot.press("enter")
        await bench.sees("Facts remembered: 2")
        await bench.until(lambda: bench.app.screen.id == "memory")
        await bench.pilot.press("home", "e")
        await bench.sees("Edit the fact")
        await bench.type(" sharp")
        await bench.pilot.press("enter")
        await bench.until(lambda: any("sharp" in fact.text for fact in bench.runtime.facts.kept))
        await bench.until(lambda: bench.app.screen.id == "memory")
        await bench.sees("noon sharp")
        await bench.pilot.press("d")
        await bench.sees("Facts remembered: 1")
        await bench.sees("bring back")
        await bench.pilot.press("u")
        await bench.sees("Facts remembered: 2")
        await bench.pilot.press("slash")
        await bench.type("server")
        await bench.pilot.press("enter")
        await bench.until(lambda: "noon" not in bench.screen_text())
        await bench.pilot.press("escape")
        await bench.sees("noon sharp")
        await bench.pilot.press("escape")
        await bench.until(lambda: bench.app.screen is bench.app.bench)


async def test_an_empty_memory_says_how_to_fill_it(runs: Any) -> None:
    async with runs(lang="ko") as bench:
        await bench.ask("/memory")
        await bench.sees("아직 기억한 것이 없습니다")
        await bench.pilot.press("d", "e", "u")
        await bench.pilot.pause()
        bench.runtime.script = Script()
