"""The routed way of choosing a tool: from the question alone, before any untrusted text is read.

Arithmetic is found by code. What is left goes by the nearest labelled examples in embedding space; the
documents are searched when the question is nearer to questions about company documents than to small talk.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.agent.arithmetic import find_expression
from core.agent.types import DecidedBy, Plan, Step
from core.text import clean_line

Embed = Callable[[list[str]], Awaitable[list[list[float]]]]

NEIGHBOURS = 3
MARGIN = 0.02
"""How much nearer than small talk the documents must be, in mean cosine of the neighbours."""

DOCUMENT_QUESTIONS = (
    "How many days of annual leave do I get?",
    "Until when can I use leftover leave?",
    "What is the travel expense limit for hotels?",
    "How do I submit a receipt for reimbursement?",
    "Who approves overtime work?",
    "What does the security policy say about passwords?",
    "How do I connect to the VPN?",
    "Can I work from home and how many days a week?",
    "What are the steps in the onboarding guide?",
    "According to the handbook, what is the dress code?",
    "Where in the manual is the backup procedure described?",
    "What does our document say about laptops?",
    "What is the warranty period in the product manual?",
    "How often must passwords be changed?",
    "Find the section on maternity leave in the docs.",
    "남은 휴가는 언제까지 써?",
    "연차휴가는 며칠이야?",
    "출장 숙박비 한도가 얼마야?",
    "경비 정산은 어떻게 해?",
    "재택근무는 일주일에 며칠까지 가능해?",
    "비밀번호는 얼마나 자주 바꿔야 해?",
    "VPN은 어떻게 접속해?",
    "신입사원 온보딩 절차 알려줘",
    "사내 규정에서 경조사비는 얼마야?",
    "매뉴얼에서 백업 절차를 찾아줘",
    "문서에 보안 사고 신고는 어떻게 하라고 되어 있어?",
    "야근 수당 승인은 누가 해?",
    "회사 노트북 분실하면 어떻게 해야 해?",
    "취업규칙에 병가는 며칠로 나와 있어?",
    "복지 포인트는 언제 지급돼?",
)
"""Questions that documents answer."""

SMALL_TALK = (
    "Hello",
    "Hi, how are you?",
    "Who are you?",
    "What can you do?",
    "Tell me a joke.",
    "Write a short poem about the sea.",
    "Write a story about a dragon.",
    "Thank you!",
    "What is the capital of France?",
    "Explain what a transformer model is.",
    "Why is the sky blue?",
    "Translate good morning into French.",
    "Write a Python function that reverses a list.",
    "What is machine learning?",
    "Give me three ideas for dinner.",
    "Count from one to ten.",
    "Summarise the history of Rome.",
    "What do you think about love?",
    "안녕",
    "안녕하세요, 반가워요",
    "너는 누구야?",
    "뭘 할 수 있어?",
    "농담 하나 해줘",
    "바다에 대한 시를 써줘",
    "고마워",
    "프랑스의 수도는 어디야?",
    "하늘은 왜 파란색이야?",
    "파이썬으로 리스트를 뒤집는 함수를 짜줘",
    "머신러닝이 뭐야?",
    "저녁 메뉴 추천해줘",
    "옛날이야기 하나 들려줘",
    "기분이 어때?",
    "트랜스포머 모델을 설명해줘",
)
"""What needs no tool."""


@dataclass(frozen=True)
class Decision:
    """The tool chosen for a question, if any."""

    tool: str | None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    score: float | None = None
    """Mean cosine of the nearest examples of the chosen class; ``None`` when code decided."""
    nearest: str = ""
    """The nearest example, to see why."""


class Router:
    """Chooses tools. Holds the examples' embeddings, computed once."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._examples: dict[str, list[list[float]]] = {}
        self._lock = asyncio.Lock()

    async def warm_up(self) -> None:
        """Embed the examples (about 0.1 s), so that the first question need not wait for it."""
        async with self._lock:
            if not self._examples:
                vectors = await self._embed([*DOCUMENT_QUESTIONS, *SMALL_TALK])
                cut = len(DOCUMENT_QUESTIONS)
                self._examples = {"search_documents": vectors[:cut], "none": vectors[cut:]}

    async def plan(self, question: str, tools: Sequence[str]) -> Plan:
        """Choose the tools for a question, in order.

        Args:
            question: The user's own words, nothing else.
            tools: Names of the tools that can be used now.
        """
        decision = await self.decide(question, tools)
        steps = (Step(decision.tool, dict(decision.arguments)),) if decision.tool else ()
        by: DecidedBy = (
            "none"
            if decision.score is None and not steps
            else "code"
            if decision.score is None
            else "examples"
        )
        return Plan(steps, by, decision.score, decision.nearest)

    async def decide(self, question: str, tools: Sequence[str]) -> Decision:
        """Choose a tool for a question.

        Args:
            question: The user's own words, nothing else.
            tools: Names of the tools that can be used now.
        """
        expression = find_expression(question) if "calculator" in tools else None
        if expression:
            return Decision("calculator", {"expression": expression})
        if "search_documents" not in tools:
            return Decision(None)
        await self.warm_up()
        [vector] = await self._embed([question[:1000]])
        best: dict[str, tuple[float, str]] = {}
        for label, texts in (("search_documents", DOCUMENT_QUESTIONS), ("none", SMALL_TALK)):
            scored = sorted(
                (
                    (_cosine(vector, known), text)
                    for known, text in zip(self._examples[label], texts, strict=True)
                ),
                reverse=True,
            )[:NEIGHBOURS]
            best[label] = (sum(score for score, _ in scored) / len(scored), scored[0][1])
        score, nearest = best["search_documents"]
        if score > best["none"][0] + MARGIN:
            return Decision(
                "search_documents", {"query": clean_line(question, max_chars=400)}, score, nearest
            )
        return Decision(None, score=best["none"][0], nearest=best["none"][1])


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    norm = math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
    return dot / norm if norm else 0.0
