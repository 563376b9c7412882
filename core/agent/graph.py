"""The middleware of the agent's graph: chooses the tools, has the model speak, keeps the trace."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.types import interrupt

from core.agent import check, constrained, forms, prompts, semconv
from core.agent.answers.extract import Candidate
from core.agent.answers.pack import pack
from core.agent.context.counter import estimate
from core.agent.context.facts import CLEAR, RECALL, recall
from core.agent.context.facts import lines_as_prompt as facts_as_prompt
from core.agent.context.fit import Passage
from core.agent.messages import brief, native_messages, written_out
from core.agent.quoting import bears_out, best_sentences
from core.agent.shown import shown
from core.agent.speak import Handler, Speaker, check_limits, options_of
from core.agent.state import (
    Place,
    RunState,
    answer_of,
    artifact_of,
    calls_of,
    citations_of,
    is_ok,
    plan_of,
    plan_to_json,
    results_of,
    running,
    this_turn,
)
from core.agent.tools.language import said
from core.agent.tools.permission import leaves, permission_of, remember
from core.agent.types import Answer, PermissionRequest, Plan, Tool, ToolResult
from core.errors import StudyError
from core.events import PermissionAsked
from core.ollama.errors import BadAnswer, NoToolSupport
from core.session import permissions
from core.session.chat import new_id
from core.session.facts import mark_used
from core.text import clean, has_hangul

REPEATS = 2
"""The same call may be made this often; once more is a loop."""
SHOWN_AGAIN = 600
"""Characters of an answer that was no JSON, shown to the model that is asked once more."""
FRAME_TOKENS = 32
"""Tokens of a chat template around system text and question."""
QUOTED = ("calculator", "search_documents")
"""Tools whose result a small model may word, since its words can be held against it."""


class Conduct(AgentMiddleware):
    """Wraps every model and tool call: chooses the tool, fits the prompt, asks for permission, records spans."""

    state_schema = Place

    @property
    def run(self) -> RunState:
        """The run whose step this is: the compiled graph serves all of them."""
        return running.get()

    @property
    def speaker(self) -> Speaker:
        return Speaker(self.run)

    # -- choosing -------------------------------------------------------------------------------------

    async def abefore_agent(self, state: Any, runtime: Any) -> dict[str, Any]:
        """Decide on the tools from the question alone; the plan goes into the checkpoint, so a resumed run keeps it."""
        plan = await self._plan() if self.run.route == "routed" or self.run.forced else Plan()
        facts: list[str] = []
        if not plan.steps and not plan.ask:
            facts = await self._recall(RECALL)
        elif plan.by not in ("code", "user") and (facts := await self._recall(CLEAR)):
            # What the user said is nearer than what the documents may say.
            plan = Plan()
        return {"plan": plan_to_json(plan), "run_id": self.run.recorder.run.run_id, "facts": facts}

    async def _recall(self, at_least: float) -> list[str]:
        """Recall what the user asked to remember and belongs to the question; nothing is recorded when nothing does."""
        run = self.run
        engine = run.context.engine
        began = time.time()
        found = await recall(
            run.recorder.store, engine.embed, run.question, model=engine.embed_model, at_least=at_least
        )
        texts = [fact.text for fact in found]
        if texts:
            attributes = {semconv.OPERATION: "search_memory", semconv.FACTS_USED: texts}
            await run.recorder.note(f"memory  {len(texts)}", "memory", began, attributes)
            await asyncio.wrap_future(mark_used(run.recorder.store, [fact.id for fact in found]))
            run.told.extend(texts)
        return texts

    async def _plan(self) -> Plan:
        run = self.run
        if run.forced:
            plan, run.forced = run.forced, None
            return plan
        attributes = {semconv.ROUTE: run.route, semconv.ROUTE_REASON: run.route_reason}
        async with run.recorder.span("route", "route", attributes) as seen:
            choose = None if run.small else functools.partial(forms.choose, self.speaker)
            about = {one.name: one.description for one in run.tools.values() if one.source != "builtin"}
            plan = await run.router.plan(
                run.question, list(run.tools), choose=choose, described=about, search=run.context.search
            )
            plan = await forms.completed(self.speaker, plan)
            chosen = ", ".join(step.tool for step in plan.steps)
            seen["name"] = f"route → {chosen or ('ask' if plan.ask else 'answer')}"
            seen[semconv.DECIDED_BY] = plan.by
            if plan.unsure:
                seen[semconv.UNSURE] = list(plan.unsure)
            if plan.score is not None:
                seen[semconv.DECISION_SCORE] = round(plan.score, 4)
                seen[semconv.DECISION_NEAREST] = plan.nearest
        return plan

    # -- the model ------------------------------------------------------------------------------------

    async def awrap_model_call(self, request: Any, handler: Handler) -> Any:
        """Make the next call of the plan, or let the model speak."""
        run = self.run
        turn = this_turn(request.messages)
        done = len(calls_of(turn))
        plan = plan_of(request.state)
        if done < len(plan.steps):
            step = plan.steps[done]
            return AIMessage(content="", tool_calls=[_call(step.tool, step.arguments)])
        if plan.ask and not done:
            run.recorder.add_text(plan.ask)
            return AIMessage(plan.ask)
        results = results_of(turn)
        if run.route == "native" and not plan.steps:
            try:
                return await self.speaker.speak(
                    request,
                    handler,
                    native_messages(request.messages),
                    system=prompts.NATIVE,
                    memory=self._memory(request),
                    after=_no_broken_call,
                )
            except NoToolSupport:
                # The turn is not lost: the same question goes on by another route, and so do later ones.
                run.route, run.route_reason = run.reroute(run.model_name)
                if run.route == "routed" and not done:
                    plan = await self._plan()
                    if plan.steps:
                        # One call at a time: what follows is asked for when its turn comes.
                        step = plan.steps[0]
                        return AIMessage(content="", tool_calls=[_call(step.tool, step.arguments)])
        if run.route == "constrained" and not plan.steps:
            return await self._constrained(request, handler)
        if results and run.small:
            return await self._word_results(request, handler, results)
        facts = [] if results else list(request.state.get("facts") or ())
        if facts and run.small:
            return await self._word_fact(request, handler, facts)
        known = request.messages
        if run.small and not results:
            known = await shown(run.recorder.store, run.context.session_id, known)
        messages, system, found = self._plain_messages(known, results)
        memory = facts_as_prompt(facts, run.small)
        return await self.speaker.speak(
            request.override(tools=[]), handler, messages, system=system, memory=memory, passages=found
        )

    async def _constrained(self, request: Any, handler: Handler) -> Any:
        """Let the model choose by schema; what it wrote is repaired once, then it is asked once more."""
        run = self.run
        messages = written_out(request.messages)
        schema = constrained.schema_of(run.tools)
        system, memory = constrained.menu_of(run.tools), self._memory(request)
        for again in (False, True):
            text = constrained.AnswerText(run.recorder.add_text)
            mark = run.recorder.mark()
            run.take_text = text.take
            try:
                response = await self.speaker.speak(
                    request.override(tools=[]), handler, messages, system=system, memory=memory, format=schema
                )
            finally:
                run.take_text = None
            message = response.result[-1]
            found = constrained.parse(str(message.content))
            # An object cut off at its end may be half an answer, but never half a call.
            closed = str(message.content).rstrip("` \n\t").endswith("}")
            call = constrained.chosen(found, list(run.tools)) if found and closed else None
            if call is not None:
                response.result[-1] = message.model_copy(update={"content": "", "tool_calls": [_call(*call)]})
                return response
            if found and str(found.get("answer", "")).strip():
                answer = clean(str(found["answer"]))
                # What streamed may be short of it, or of an attempt that broke off.
                if run.recorder.text[mark:].rstrip() != answer.rstrip():
                    await run.recorder.rewind(mark)
                    run.recorder.add_text(answer)
                response.result[-1] = message.model_copy(update={"content": answer})
                return response
            await run.recorder.rewind(mark)
            if again and "{" not in str(message.content):
                # The server or the model knows no schema: what it says in words is its answer.
                words = clean(str(message.content))
                run.recorder.add_text(words)
                response.result[-1] = message.model_copy(update={"content": words})
                return response
            if again:
                raise BadAnswer(run.context.engine.url, str(message.content)[:200])
            # Enough to see what was wrong; a long answer would leave no room for another.
            wrong = AIMessage(str(message.content)[:SHOWN_AGAIN])
            messages = [*messages, wrong, HumanMessage(prompts.ONE_OBJECT)]
        raise AssertionError("the second answer returned or raised")

    def _plain_messages(
        self, messages: Sequence[BaseMessage], results: Sequence[ToolMessage]
    ) -> tuple[list[BaseMessage], str, list[Passage]]:
        """Rewrite tool calls and results as plain text, for a model that knows no tools; also the system text and the
        passages that go before the question as far as they fit."""
        run = self.run
        if not results:
            plain = [one for one in messages if not isinstance(one, ToolMessage) and one.content]
            return plain, prompts.SYSTEM, []
        citations = citations_of(results)
        others = [f"{one.name}: {one.content}" for one in results if one.name != "search_documents"]
        if not citations:
            return [HumanMessage("\n\n".join([run.question, *others]))], prompts.WITH_RESULT, []
        unclear = all(answer_of(one) for one in results if one.name == "search_documents")
        system = f"{prompts.WITH_PASSAGES} {prompts.NOT_CLEAR}" if unclear else prompts.WITH_PASSAGES
        ratio = getattr(run.counter, "ratio", 1.0)
        # Too much is seen when the call is fitted; here the choice is made, and one passage at least is cut to fit.
        reserve = min(run.settings.num_predict, run.settings.num_ctx // 2)
        asked = "\n\n".join([*others, run.question])
        room = run.settings.num_ctx - reserve - int(estimate(f"{system}{asked}") * ratio) - FRAME_TOKENS
        packed = pack(citations, max(room, 0), lambda text: int(estimate(text) * ratio) + 1)
        found = [Passage(text, item.score, item.chunk_id) for item, text in packed]
        return [HumanMessage(asked)], system, found

    # -- a small model's words --------------------------------------------------------------------------

    async def _word_results(self, request: Any, handler: Handler, results: Sequence[ToolMessage]) -> Any:
        """Let a small model word a result, and keep its words only when the result bears them out.

        Results it cannot be held to (several, or of tools that say it themselves) are given as they are.
        """
        run, tool = self.run, results[-1]
        citations = citations_of(results)
        searched = [one for one in results if one.name == "search_documents"]
        run.abstained = bool(searched) and all(answer_of(one) for one in searched)
        nothing_to_word = tool.name == "search_documents" and (not citations or bool(answer_of(tool)))
        if len(results) > 1 or tool.name not in QUOTED or not is_ok(tool) or nothing_to_word:
            answer = "\n\n".join([await self._as_it_is(one) for one in results])
            run.recorder.add_text(answer)
            return AIMessage(answer)
        chosen = await best_sentences(run.context, citations) if citations else []
        told: list[BaseMessage] = [
            HumanMessage(text) if role == "user" else AIMessage(text)
            for role, text in prompts.for_small_model(
                tool.name or "", run.question, str(tool.content), chosen
            )
        ]
        options = {**options_of(run.settings), "num_predict": prompts.SMALL_MODEL_TOKENS, "stop": ["\n"]}
        if citations:
            # What the passages say needs no model: it is on screen while the model still reads.
            run.recorder.add_text(self._quoted(chosen))
        held: list[str] = []
        run.take_text = held.append
        try:
            return await self.speaker.speak(
                request.override(tools=[]), handler, told, system=prompts.WITH_RESULT, options=options,
                after=lambda seen, message: self._check(tool, str(message.content) or "".join(held), seen, chosen),
            )  # fmt: skip
        finally:
            run.take_text = None

    def _memory(self, request: Any) -> str:
        return facts_as_prompt(list(request.state.get("facts") or ()), self.run.small)

    async def _word_fact(self, request: Any, handler: Handler, facts: Sequence[str]) -> Any:
        """Let a small model answer from what the user said; what it says is kept when the fact bears it out."""
        run, best = self.run, facts[0]
        told: list[BaseMessage] = [HumanMessage(f"{facts_as_prompt(facts, True)}\n\n{run.question}")]
        options = {**options_of(run.settings), "num_predict": prompts.SMALL_MODEL_TOKENS, "stop": ["\n"]}
        held: list[str] = []
        run.take_text = held.append

        def check_words(seen: dict[str, Any], message: AIMessage) -> None:
            text = clean(str(message.content) or "".join(held)).strip()
            kept = check.says_nothing_new(text, best, run.question) and check.adds_to_question(
                text, run.question
            )
            seen[semconv.CHECK] = "kept" if kept else "replaced"
            run.recorder.add_text(text if kept else said(run.context, "agent.memory.you_said", text=best))

        try:
            return await self.speaker.speak(
                request.override(tools=[]), handler, told, system=prompts.SYSTEM, options=options, after=check_words
            )  # fmt: skip
        finally:
            run.take_text = None

    async def _as_it_is(self, tool: ToolMessage) -> str:
        answer, citations = answer_of(tool), citations_of([tool])
        if "\n" in answer:
            return answer
        if citations and not answer:
            return self._quoted(await best_sentences(self.run.context, citations))
        return prompts.plain_result(answer or str(tool.content))

    def _quoted(self, chosen: Sequence[Candidate]) -> str:
        """Write sentences of passages as the answer; says so where they are in another language than the question."""
        text = prompts.quotes(chosen)
        if any(has_hangul(one.text) == has_hangul(self.run.question) for one in chosen):
            return text
        return f"{said(self.run.context, 'agent.original')}\n\n{text}"

    def _check(
        self, tool: ToolMessage, words: str, seen: dict[str, Any], chosen: Sequence[Candidate] = ()
    ) -> None:
        """Show what may be shown of a small model's wording."""
        run, result = self.run, str(tool.content)
        text = clean(words).strip()
        citations = citations_of([tool])
        if citations:
            number = bears_out(citations, chosen, text, run.question)
            kept = number is not None and check.adds_to_question(text, run.question)
            answer = f"\n\n{text} [{number}]" if kept else ""
        else:
            same_language = has_hangul(text) or not has_hangul(run.question)
            kept = same_language and check.states_result(text, result, run.question)
            answer = text if kept else prompts.plain_result(answer_of(tool) or result)
        seen[semconv.CHECK] = "kept" if kept else "replaced"
        run.recorder.add_text(answer)

    # -- tools ------------------------------------------------------------------------------------------

    async def awrap_tool_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """Run a tool inside a span, if it may be used; a failure becomes its result, so that the run goes on."""
        run, call = self.run, request.tool_call
        tool = run.tools.get(call["name"])
        self._guard_against_loops(call, request.state["messages"])
        word = None
        if tool is not None and run.recorded is None:
            word = await self._permission(call, tool, after_documents=self._may_be_led(call, request.state))
        run.calls += 1
        attributes = {
            semconv.OPERATION: "execute_tool",
            semconv.TOOL_NAME: call["name"],
            semconv.TOOL_CALL_ID: call["id"],
            semconv.TOOL_ARGUMENTS: call["args"],
        } | ({semconv.PERMISSION: word} if word else {})
        async with run.recorder.span(f"execute_tool {call['name']}", "tool", attributes) as seen:
            message = await self._result(request, handler, call, tool, word, seen)
            seen[semconv.TOOL_RESULT] = clean(str(message.content), max_chars=20_000)
            if message.status == "error":
                seen["status"] = "error"
        if call["name"] != "search_documents":
            run.told.append(str(message.content))
        return message

    def _may_be_led(self, call: Mapping[str, Any], state: Any) -> bool:
        """Say whether passages of documents were before the model when it decided on a call. What was planned from the
        question alone was decided before."""
        if any(step.tool == call["name"] for step in plan_of(state).steps):
            return False
        return any(one.name == "search_documents" for one in results_of(state["messages"]))

    async def _result(
        self, request: Any, handler: Callable[[Any], Awaitable[Any]], call: Mapping[str, Any], tool: Tool | None,
        word: Answer | None, seen: dict[str, Any],
    ) -> ToolMessage:  # fmt: skip
        run = self.run
        if word == "deny":
            text = said(run.context, "tool.denied", tool=call["name"])
            return _message(call, ToolResult(text, text, ok=False, error="error.tool.denied"), seen)
        if run.recorded is not None:
            known = next(
                (one for one in run.recorded if one.tool == call["name"] and dict(one.arguments) == call["args"]),
                next((one for one in run.recorded if one.tool == call["name"]), None),
            )  # fmt: skip
            seen[semconv.RECORDED] = True
            if known is None:
                text = said(run.context, "tool.not_recorded", tool=call["name"])
                return _message(call, ToolResult(text, text, ok=False, error="error.tool.not_recorded"), seen)
            run.recorded.remove(known)
            run.context.citations.extend(known.result.citations)
            return _message(call, known.result, seen)
        message = await handler(request)
        if isinstance(message, ToolMessage) and isinstance(message.artifact, ToolResult):
            return _message(call, message.artifact, seen)
        return message if isinstance(message, ToolMessage) else ToolMessage(
            str(message), tool_call_id=call["id"], name=call["name"], status="error"
        )  # fmt: skip

    def _guard_against_loops(self, call: Mapping[str, Any], messages: Sequence[BaseMessage]) -> None:
        check_limits(self.run)
        made = calls_of(this_turn(messages))
        same = sum(1 for one in made if (one["name"], one["args"]) == (call["name"], call["args"]))
        if same > REPEATS:
            tried = ", ".join(dict.fromkeys(f"{one['name']}({brief(one['args'])})" for one in made))
            raise StudyError("error.agent.loop", tool=call["name"], count=same, tried=tried)

    async def _permission(
        self, call: Mapping[str, Any], tool: Tool, *, after_documents: bool = False
    ) -> Answer | None:
        """Return the user's word where one is needed; the run stops here until it is given.

        A resumed run comes by again: the answer on disk is what counts.
        """
        run, store = self.run, self.run.recorder.store
        may = await asyncio.to_thread(
            permission_of, store, run.settings, tool, after_documents=after_documents
        )
        if may != "ask":
            return "deny" if may == "deny" else None
        ids = run.recorder.run
        request_id = f"{ids.run_id}-{call['id']}"
        known = await asyncio.to_thread(permissions.get, store, request_id)
        if known is None:
            request = PermissionRequest(
                request_id, ids.run_id, ids.session_id, tool.name, dict(call["args"]),
                leaves(tool, run.settings, call["args"]), time.time(),
            )  # fmt: skip
            await asyncio.wrap_future(permissions.put(store, request))
            run.emit(PermissionAsked(request))
            interrupt({"permission": request_id})
            known = await asyncio.to_thread(permissions.get, store, request_id)
        elif known.answer is None:
            interrupt({"permission": request_id})
            known = await asyncio.to_thread(permissions.get, store, request_id)
        word: Answer = known.answer if known is not None and known.answer else "deny"
        if word == "always":
            await asyncio.wrap_future(remember(store, tool.name, "allow"))
        asked_at = known.asked_at if known is not None else time.time()
        await run.recorder.note(
            f"permission {tool.name}: {word}", "permission", asked_at,
            {semconv.TOOL_NAME: tool.name, semconv.PERMISSION: word, semconv.TOOL_ARGUMENTS: call["args"]},
        )  # fmt: skip
        return word


def _no_broken_call(seen: dict[str, Any], message: AIMessage) -> None:
    """Refuse a tool call that came as text because it could not be read as one: it is no answer.

    Raises:
        BadAnswer: It is one; it is asked for again.
    """
    text = str(message.content).strip()
    if message.tool_calls or not text.startswith(("{", "[", "<tool_call>")) or '"arguments"' not in text:
        return
    try:
        json.loads(text)
    except ValueError as error:
        raise BadAnswer("", text[:200]) from error


def _call(tool: str, arguments: Mapping[str, Any]) -> Any:
    return {"name": tool, "args": dict(arguments), "id": f"call_{new_id()}", "type": "tool_call"}


def _message(call: Mapping[str, Any], result: ToolResult, seen: dict[str, Any]) -> ToolMessage:
    """Make the tool's message of a result, and say in the span what is special about it."""
    if not result.ok:
        seen[semconv.ERROR_TYPE], seen[semconv.ERROR_MESSAGE] = result.error, result.text
    if result.cached:
        seen[semconv.TOOL_CACHED] = True
    if result.attempts > 1:
        seen[semconv.TOOL_ATTEMPTS] = result.attempts
    if result.answer:
        seen[semconv.TOOL_ANSWER] = clean(result.answer, max_chars=20_000)
    if result.citations:
        seen[semconv.TOOL_CITATIONS] = [dataclasses.asdict(item) for item in result.citations]
    return ToolMessage(
        result.text, tool_call_id=call["id"], name=call["name"], artifact=artifact_of(result),
        status="success" if result.ok else "error",
    )  # fmt: skip
