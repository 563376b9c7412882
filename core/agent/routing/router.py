"""The routed way of choosing tools: certain words first, then likeness to labelled questions, then what documents hold."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from core.agent.routing import evidence
from core.agent.routing.labelled import labelled
from core.agent.routing.patterns import Certain, arguments_for, certain, tight
from core.agent.types import DecidedBy, Plan, Search, Step
from core.i18n import catalogue
from core.text import clean_line

Embed = Callable[[list[str]], Awaitable[list[list[float]]]]
Choose = Callable[[str, Sequence[tuple[str, str]]], Awaitable[str]]
"""Asks a model which class a question belongs to, with labelled ones beside it; ``""``: it cannot say."""

NEIGHBOURS = 3
MARGIN = 0.02
"""How much nearer than small talk the documents must be, in mean cosine of the neighbours."""
UNSURE = 0.03
"""Within this of the margin it is close: a model is asked, when it is large enough to know better.

smollm2:135m is not: of 12 close questions (dev, test, and train without the question itself) the nearest examples got 7
right and the model, choosing by grammar with six shots, none, in 3.5 s each on two cores.
"""
MAX_STEPS = 4
MAX_TAUGHT = 200
TAUGHT_AT = 0.85
"""Cosine from which a question is taken for one of the user's examples."""

DESCRIBED = 0.08
"""How much nearer than the nearest labelled questions a tool's own description must be: weak evidence, written by its server.

With eight common tools it found 8 of 16 questions (ko/en) and took none of the 72 of dev and test that likeness decides.
"""
DESCRIBED_AT = 0.3
"""Cosine below which a description says nothing."""
DESCRIPTION_CHARS = 120

_BREAK = re.compile(
    r"(?<=[?!.])\s+|\s*,?\s+(?:and|also|then)\s+(?:also\s+)?|\s*(?:그리고|또한)\s+|(?<=주고)\s+|(?<=하고)\s+|"
    r"(?<=[가-힣\d])(?:이랑|랑|하고)\s+|\s*,\s+"
)


class Router:
    """Chooses tools. Holds the examples' vectors, computed once.

    Args:
        embed: Gives one vector for each text.
        taught: The user's own examples: questions and the tools they mean, newest last.
    """

    def __init__(self, embed: Embed, taught: Callable[[], Sequence[tuple[str, str]]] = tuple) -> None:
        self._embed = embed
        self._taught = taught
        self._taught_vectors: dict[str, list[float]] = {}
        self._described: dict[str, list[float]] = {}
        self._known: dict[str, tuple[tuple[str, ...], Any]] = {}
        """By class (``none``: no tool): questions, and their unit vectors as the rows of a matrix."""
        self._lock = asyncio.Lock()

    async def warm_up(self) -> None:
        """Embed the examples (about 0.1 s), so that the first question need not wait for it."""
        async with self._lock:
            if self._known:
                return
            # What the other tools are asked for is told by its words: nearness decides about documents only.
            examples = [one for one in labelled("train") if one.label in ("search_documents", "none")]
            vectors = await self._embed([one.text for one in examples])
            for label in ("search_documents", "none"):
                rows = [at for at, one in enumerate(examples) if one.label == label]
                texts = tuple(examples[at].text for at in rows)
                self._known[label] = (texts, _unit([vectors[at] for at in rows]))

    async def plan(
        self,
        question: str,
        tools: Sequence[str],
        *,
        choose: Choose | None = None,
        described: Mapping[str, str] | None = None,
        search: Search | None = None,
    ) -> Plan:
        """Choose the tools for a question, in order.

        Args:
            question: The user's own words, nothing else.
            tools: Names of the tools that can be used now.
            choose: Asks a model where it is close; without it the nearest examples decide.
            described: Descriptions of tools nobody has labelled questions for.
            search: Of the user's documents: asked where likeness alone would leave them out, but not clearly.
        """
        text = question[:2000]
        taught = await self._by_teaching(text, tools)
        if taught is not None:
            return taught
        text = tight(text)
        whole = _one(text, tools)
        # What is to be remembered is kept as it was said, whatever it asks for.
        kept = whole if whole and whole[0].step.tool == "remember" else []
        found = kept or _several(text, tools) or whole
        asked = search if "search_documents" in tools else None
        if asked is not None and len(found) == 1 and found[0].soft:
            plan = await self._by_likeness(text, None, asked, instead=True)
            if plan.steps:
                return plan
        if found:
            missing = next((one for one in found if one.missing), None)
            if missing is not None:
                return Plan((), "code", ask=_ask(missing, text))
            return Plan(tuple(one.step for one in found[:MAX_STEPS]), "code")
        if "search_documents" not in tools and not described:
            return Plan()
        plan = await self._by_likeness(text, choose if "search_documents" in tools else None, asked)
        own = await self._by_description(text, described, plan.score or 0.0) if described else None
        return own or (plan if "search_documents" in tools else Plan())

    async def _by_teaching(self, text: str, tools: Sequence[str]) -> Plan | None:
        """Follow the user's own examples: the very same question always, a very similar one too."""
        taught = await asyncio.to_thread(self._taught)
        if not taught:
            return None
        said = {known.casefold().strip(): (known, tool) for known, tool in taught}
        exact = said.get(text.casefold().strip())
        score: float | None = 1.0
        if exact is None:
            fresh = [known for known, _ in taught if known not in self._taught_vectors][:MAX_TAUGHT]
            vectors = await self._embed([text[:1000], *fresh])
            self._taught_vectors |= dict(zip(fresh, vectors[1:], strict=True))
            mine = _unit([vectors[0]])[0]
            scored = [
                (float(_unit([self._taught_vectors[known]])[0] @ mine), known, tool)
                for known, tool in taught
                if known in self._taught_vectors
            ]
            score, known, tool = max(scored)
            if score < TAUGHT_AT:
                return None
            exact = (known, tool)
        known, tool = exact
        if tool == "none":
            return Plan((), "user", score, known)
        if tool not in tools:
            return None
        return Plan((Step(tool, arguments_for(tool, text)),), "user", score, known)

    async def _by_description(self, text: str, described: Mapping[str, str], score: float) -> Plan | None:
        """Choose a tool whose name and first sentence are clearly nearer than any labelled question."""
        lines = {
            f"{name.replace('_', ' ')}: {clean_line(about.split('. ')[0], max_chars=DESCRIPTION_CHARS)}": name
            for name, about in described.items()
        }
        fresh = [line for line in lines if line not in self._described]
        vectors = await self._embed([text[:1000], *fresh])
        self._described |= dict(zip(fresh, vectors[1:], strict=True))
        found = (_unit([self._described[line] for line in lines]) @ _unit([vectors[0]])[0]).tolist()
        best, line = max(zip(found, lines, strict=True))
        if best < DESCRIBED_AT or best - score < DESCRIBED:
            return None
        return Plan((Step(lines[line], {}),), "examples", best, line)

    async def _by_likeness(
        self,
        text: str,
        choose: Choose | None = None,
        search: Search | None = None,
        *,
        instead: bool = False,
    ) -> Plan:
        """Choose between the documents and no tool.

        Args:
            instead: Another tool is asked for by its words: only what the documents hold speaks against it.
        """
        await self.warm_up()
        [vector] = await self._embed([text[:1000]])
        best = {label: self._nearest(vector, label) for label in ("search_documents", "none")}
        (documents, [nearest, *_]), (none, [other, *_]) = best["search_documents"], best["none"]
        ahead = documents - none - MARGIN
        by: DecidedBy = "examples"
        if search is not None and ahead > evidence.NEVER and (instead or ahead <= 0):
            weighed = await evidence.lead(text, ahead, search)
            if weighed is not None and weighed > 0:
                return Plan((_search(text),), "documents", documents, nearest)
        if instead:
            return Plan()
        unsure = ("search_documents", "none") if abs(ahead) < UNSURE else ()
        wanted = ahead > 0
        if unsure and choose is not None:
            # Both kinds in turn, the nearest of each last.
            pairs = zip(best["search_documents"][1][::-1], best["none"][1][::-1], strict=False)
            shots = [shot for a, b in pairs for shot in ((a, "search_documents"), (b, "none"))]
            picked = await choose(text, shots)
            if picked in unsure:
                wanted, by = picked == "search_documents", "model"
        if wanted:
            return Plan((_search(text),), by, documents, nearest, unsure)
        return Plan((), by, none, other, unsure)

    def _nearest(self, vector: Sequence[float], label: str) -> tuple[float, list[str]]:
        """Return the mean cosine of the nearest questions of a class, and these, nearest first."""
        texts, matrix = self._known[label]
        scores = (matrix @ _unit([vector])[0]).tolist()
        best = sorted(range(len(texts)), key=scores.__getitem__, reverse=True)[:NEIGHBOURS]
        return sum(scores[at] for at in best) / len(best), [texts[at] for at in best]


def _search(text: str) -> Step:
    return Step("search_documents", {"query": clean_line(text, max_chars=400)})


def _one(text: str, tools: Sequence[str]) -> list[Certain]:
    found = certain(text)
    return [found] if found is not None and found.step.tool in tools else []


def _several(text: str, tools: Sequence[str]) -> list[Certain]:
    """Return the steps of a question that asks for several things; nothing unless every one is certain."""
    parts = [part.strip() for part in _BREAK.split(text) if part and part.strip()]
    if len(parts) < 2:
        return []
    found = [one for part in parts for one in _one(part, tools)]
    distinct = {(one.step.tool, str(dict(one.step.arguments))) for one in found}
    # Half of what was asked, with the rest lost, would be worse than one plain answer.
    if len(distinct) < 2 or len(found) < len(parts):
        return []
    return found


_KEYS = {"place": "agent.ask.place", "query": "agent.ask.query"}


def _ask(missing: Certain, text: str) -> str:
    korean = any("가" <= char <= "힣" for char in text)
    return catalogue("ko" if korean else "en")[_KEYS[missing.missing]]


def _unit(vectors: Sequence[Sequence[float]]) -> Any:
    """Return vectors as the rows of a matrix, each of length 1."""
    import numpy as np

    matrix = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix / np.where(lengths == 0, 1, lengths)
