"""Running one tool call: arguments checked, time and size bounded, retried where that can help, result cleaned.

Nothing a tool does (raise, hang, return 10 MB, bytes or ``None``) gets past :func:`run`: the worst is a result that is
not ``ok`` with a sentence for the user.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import random
import time
from collections.abc import Mapping
from typing import Any

from core.agent import semconv
from core.agent.tools import kept
from core.agent.tools.arguments import validated
from core.agent.tools.cleaning import cleaned
from core.agent.tools.failures import HttpFailed, Unreachable, can_be_retried
from core.agent.tools.language import in_language, language_of
from core.agent.types import Tool, ToolContext, ToolResult
from core.errors import StudyError
from core.i18n import Lang
from core.session import Store, tool_cache
from core.session.tool_cache import Kept
from core.text import clean_line

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.5
"""Wait before the second attempt; doubled each time, with up to a quarter more or less by chance."""

_left: set[asyncio.Task[Any]] = set()
"""Calls nobody waits for any more: they were told to stop and have not yet."""


async def run(tool: Tool, context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
    """Call a tool. Whether it may be called is the caller's matter (:mod:`core.agent.tools.permission`).

    Returns:
        What it found, cleaned and within its size limit. A failure is a result too: ``ok`` is false, ``error`` its key
        and ``text`` its sentence. Only cancellation is raised.
    """
    lang = language_of(context)
    try:
        checked = validated(tool.schema, arguments)
    except StudyError as refused:
        return _failed(refused, lang)
    key = _key(tool, checked, lang, context) if tool.cache_s > 0 else ""
    known = tool_cache.get(context.store, key) if key else None
    if known is not None and time.time() < known.expires_at:
        found = kept.read(known.result)
        if found is not None:
            await _note_links(context, found)
            return found
    result, error = await _attempts(tool, context, checked, lang)
    if result.ok and key:
        await _keep(context.store, key, tool, result)
    elif error is not None and known is not None and _is_outage(error):
        result = _last_known(known, result, lang) or result
    await _note_links(context, result)
    return result


async def _attempts(
    tool: Tool, context: ToolContext, arguments: Mapping[str, Any], lang: Lang
) -> tuple[ToolResult, BaseException | None]:
    """Call until it works, cannot work, or the time is up."""
    deadline = time.monotonic() + tool.timeout_s
    attempt = 1
    while True:
        result, error = await _once(tool, context, arguments, deadline, lang, attempt)
        if error is None or not can_be_retried(error) or attempt > tool.retries:
            return result, error
        wait = _wait(attempt, error, context.settings.retry_pace)
        if time.monotonic() + wait >= deadline:
            return result, error  # It asks for more patience than the tool is given.
        attempt += 1
        attributes = {
            semconv.TOOL_NAME: tool.name,
            semconv.ERROR_MESSAGE: _sentence(error, lang),
            "app.retry.attempt": attempt,
            "app.retry.wait_s": round(wait, 3),
        }
        name = f"retry {attempt}/{tool.retries + 1}  {type(error).__name__}"
        async with context.recorder.span(name, "retry", attributes):
            await asyncio.sleep(wait)


async def _once(
    tool: Tool,
    context: ToolContext,
    arguments: Mapping[str, Any],
    deadline: float,
    lang: Lang,
    attempt: int,
) -> tuple[ToolResult, BaseException | None]:
    task = asyncio.ensure_future(tool.call(context, arguments))
    try:
        # Not wait_for: a call that ignores its cancellation must not be waited for.
        done, _ = await asyncio.wait({task}, timeout=max(0.0, deadline - time.monotonic()))
    except asyncio.CancelledError:
        _leave(task)
        raise
    error: BaseException | None
    if not done:
        _leave(task)
        error = StudyError("error.tool.timeout", tool=tool.name, seconds=f"{tool.timeout_s:g}")
    elif task.cancelled():
        error = StudyError("error.tool.raised", tool=tool.name, reason="cancelled")
    else:
        error = task.exception()
    if error is None:
        try:
            return cleaned(task.result(), tool, lang, attempt), None
        except StudyError as bad:
            error = bad
    if isinstance(error, KeyboardInterrupt | SystemExit):
        raise error
    if not isinstance(error, StudyError):
        log.warning("tool %s failed", tool.name, exc_info=error)
        reason = clean_line(f"{type(error).__name__}: {error}".removesuffix(": "), max_chars=300)
        shown = StudyError("error.tool.raised", tool=tool.name, reason=reason)
        return _failed(shown, lang, attempt), error
    return _failed(error, lang, attempt), error


def _leave(task: asyncio.Future[Any]) -> None:
    """Stop a call without waiting for it; what it still raises is nobody's concern."""
    task.cancel()
    if isinstance(task, asyncio.Task):
        _left.add(task)
    task.add_done_callback(_gone)


def _gone(task: asyncio.Future[Any]) -> None:
    _left.discard(task)
    if not task.cancelled():
        task.exception()


def _wait(attempt: int, error: BaseException, pace: float) -> float:
    """Return the seconds to wait before the next attempt: what the service asks for, else doubling with jitter at the pace
    of the settings."""
    asked = getattr(error, "retry_after", None)
    if asked is not None:
        return float(asked)
    return FIRST_WAIT_S * pace * 2.0 ** (attempt - 1) * random.uniform(0.75, 1.25)


def _is_outage(error: BaseException) -> bool:
    """Say whether it was the service or the network that failed, not the question."""
    return (
        can_be_retried(error)
        or isinstance(error, HttpFailed | Unreachable)
        or (isinstance(error, StudyError) and error.key == "error.tool.timeout")
    )


def _failed(error: StudyError, lang: Lang, attempt: int = 1) -> ToolResult:
    text = _sentence(error, lang)
    return ToolResult(text, text, ok=False, error=error.key, attempts=attempt)


def _sentence(error: BaseException, lang: Lang) -> str:
    """Write an error in a language, with its remedy."""
    if not isinstance(error, StudyError):
        return clean_line(f"{type(error).__name__}: {error}", max_chars=300)
    params = {
        name: clean_line(value, max_chars=300) if isinstance(value, str) else value
        for name, value in error.params.items()
    }
    text = in_language(lang, error.key, **params)
    fix = in_language(lang, f"{error.key}.fix", **params)
    return text if fix == f"{error.key}.fix" else f"{text} {fix}"


# -- answers kept -------------------------------------------------------------------------------------


def _key(tool: Tool, arguments: Mapping[str, Any], lang: Lang, context: ToolContext) -> str:
    settings = context.settings
    asked = [tool.name, tool.source, dict(arguments), lang, settings.units, settings.searxng_url]
    asked += [settings.weather_url, settings.geocoding_url]
    text = json.dumps(asked, ensure_ascii=False, sort_keys=True)
    return f"{tool.name}:{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"


async def _keep(store: Store, key: str, tool: Tool, result: ToolResult) -> None:
    # A full disk must not take the answer away.
    with contextlib.suppress(StudyError):
        put = tool_cache.put(store, key, tool.name, kept.write(result), time.time(), tool.cache_s)
        await asyncio.wrap_future(put)


def _last_known(known: Kept, failure: ToolResult, lang: Lang) -> ToolResult | None:
    """Return the last good answer with its age said, instead of nothing."""
    found = kept.read(known.result)
    if found is None:
        return None
    head = in_language(
        lang, "tool.stale", reason=failure.text, age=kept.age(max(0.0, time.time() - known.ts), lang)
    )
    return kept.with_head(found, head, failure, known.ts)


async def _note_links(context: ToolContext, result: ToolResult) -> None:
    """Remember the addresses found: only those may be opened later."""
    if result.links:
        from core.session import found_links

        with contextlib.suppress(StudyError):
            await asyncio.wrap_future(found_links.add(context.store, context.session_id, result.links))
