"""What the documents themselves say to a question that is about as near to small talk as to them."""

from __future__ import annotations

import asyncio
import logging
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from core.agent.types import Search
from core.errors import StudyError
from core.events import Hit
from core.text import clean_line

log = logging.getLogger(__name__)

NEVER = -0.12
"""Lead of the documents (their mean cosine less small talk's and the margin) below which they are not asked: no question
about documents was below -0.10, and most small talk is. A greeting must not wait for the index to be opened."""

SCORE = 0.60
NAMED = 0.27
OURS = 0.27
BAR = 0.18
"""A question is for the documents when ``lead + SCORE * score + NAMED * named + OURS * ours > BAR``: ``score`` (0–1) is the best
passage's, ``named`` and ``ours`` are 0 or 1. A logistic model of the sample corpus's training questions (350) and the routing
set's training and dev questions (223), only those whose lead is between :data:`NEVER` and 0.08."""

PASSAGES = 4
PATIENCE_S = 5.0
"""Longer the choice of a tool does not wait: storage far away may not answer at all."""

_OURS = re.compile(
    r"(?:우리|저희)\s*(?:회사|공장|본사|지사|지점|사무소|사무실|영업소|제품|대표|사장|팀|부서|창고|고객|거래처|대리점|서버|직원|사내)"
    r"|당사|\bour (?:company|firm|office|headquarters|plant|factory|branch|site|warehouse|team|department|staff|ceo"
    r"|products?|customers?|dealers?|distributors?|suppliers?|servers?|prices?|discounts?|contracts?|polic(?:y|ies))\b",
    re.IGNORECASE,
)
"""Words of somebody who asks about the own company: what it has no document about a model knows even less."""

_NAMES = re.compile(
    r"[A-Za-z]+[-_]?\d[A-Za-z\d.-]*"  # GB-350, v2.4
    r"|[A-Z][a-z]+[A-Z][A-Za-z]+"  # GaramLink
    r"|(?<=[a-z,’'] )[A-Z][a-z]{2,}"  # Cheonan, but not at the beginning
)
_NO_NAMES = frozenset(
    re.findall(
        r"\w+",
        "english korean french german spanish italian japanese chinese russian latin greek arabic dutch portuguese hindi"
        " monday tuesday wednesday thursday friday saturday sunday january february march april may june july august"
        " september october november december christmas easter internet google python java javascript youtube",
    )
)
"""Words written like names that everybody knows: finding them in documents says nothing."""


_LATE: set[asyncio.Future[Any]] = set()
"""Searches nobody waits for any more."""


def _late(asking: asyncio.Future[Any]) -> None:
    _LATE.discard(asking)
    if not asking.cancelled() and asking.exception() is not None:
        log.info("a search nobody waited for failed: %s", asking.exception())


async def lead(question: str, ahead: float, search: Search) -> float | None:
    """Return how clearly a question is for the documents: above 0 it is. ``None``: they could not be asked.

    Args:
        question: The user's own words.
        ahead: How much nearer it is to labelled questions for documents than to small talk, see :data:`NEVER`.
        search: Of the documents.
    """
    question = clean_line(unicodedata.normalize("NFC", question), max_chars=400)
    asking = asyncio.ensure_future(search(question, PASSAGES))
    try:
        # Waited for no longer, but not cut off: a large index that is read for the first time would never be read through.
        await asyncio.wait({asking}, timeout=PATIENCE_S)
    except asyncio.CancelledError:
        asking.cancel()
        raise
    if not asking.done():
        _LATE.add(asking)
        asking.add_done_callback(_late)
        log.info("the documents took too long to be asked whether a question is theirs")
        return None
    try:
        found = await asking
    except StudyError as error:
        log.info("the documents were not asked whether a question is theirs: %s", error)
        return None
    except Exception:
        # What is asked may be small talk: a fault of the search is not its.
        log.exception("asking the documents whether a question is theirs failed")
        return None
    hits = found if isinstance(found, list) else found.hits
    # Of a search of another making scores may not end at 1.
    score = min(1.0, max((hit.score for hit in hits), default=0.0))
    told = NAMED * named(question, hits) + OURS * bool(_OURS.search(question))
    return ahead + SCORE * score + told - BAR


def named(question: str, hits: Sequence[Hit]) -> bool:
    """Say whether a code or a name in a question is in the passages found for it."""
    names = [_bare(name) for name in _NAMES.findall(question) if name.lower() not in _NO_NAMES]
    if not names:
        return False
    held = _bare(" ".join(f"{hit.document} {hit.section} {hit.text}" for hit in hits))
    return any(name in held for name in names)


def _bare(text: str) -> str:
    """Return a text as names are compared: ``GB-350`` is ``gb350``."""
    return text.casefold().replace("-", "").replace("_", "")
