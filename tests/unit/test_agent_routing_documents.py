"""Questions about a company whose documents are indexed: the documents are searched, and nothing else is taken for one."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from core.agent.routing import Router, evidence
from core.agent.routing.patterns import certain
from core.errors import StudyError
from core.events import Hit
from core.rag import Library
from core.rag.sample import corpus_dir
from core.session import Store
from tests.embedder import embedder

TOOLS = ("calculator", "weather", "web_search", "fetch_page", "search_documents", "now", "system_status")
HELD = Path(__file__).parents[1] / "data" / "company_questions.tsv"
SMALL_TALK = (
    "안녕하세요, 반가워요",
    "Thank you so much!",
    "Tell me a joke about cats",
    "바다에 대한 시를 써줘",
)


def _hit(text: str, score: float) -> Hit:
    return Hit("d", "handbook.md", "/handbook.md", "", text, score, "c", vector_score=score)


class Documents:
    """FAKE documents that have the same passage for everything."""

    def __init__(self, text: str, score: float) -> None:
        self.asked: list[str] = []
        self._hits = [_hit(text, score)]

    async def find(self, query: str, k: int) -> list[Hit]:
        self.asked.append(query)
        return self._hits[:k]


@pytest.fixture(scope="module")
def router() -> Router:
    return Router(embedder())


def _held() -> list[tuple[str, str]]:
    rows = [line.split("\t") for line in HELD.read_text("utf-8").splitlines() if not line.startswith("#")]
    return [(label, text) for label, text in rows]


async def _told(router: Router, question: str, documents: Documents) -> list[str]:
    return [step.tool for step in (await router.plan(question, TOOLS, search=documents.find)).steps]


@pytest.mark.slow
async def test_questions_about_the_company_nobody_tuned_on(router: Router, tmp_path: Path) -> None:
    """Before the documents were asked: 38 of 47 (ko) and 39 of 47 (en) found their way, 18 of 60 others went there.

    Measured now: 44 and 47, and 10 of 60. The floors are a little under.
    """
    store = Store.open(tmp_path / "session.db")
    library = Library(store, tmp_path / "index", embedder(), "use-multilingual-v3")
    await library.add([corpus_dir()])
    right: Counter[str] = Counter()
    strays = 0
    try:
        for label, text in _held():
            plan = await router.plan(text, TOOLS, search=library.find)
            wanted = {"documents": ["search_documents"], "none": []}.get(label, [label])
            got = [step.tool for step in plan.steps]
            kind = label if label in ("documents", "none") else "tools"
            korean = "ko" if any("가" <= char <= "힣" for char in text) else "en"
            right[f"{kind} {korean}"] += got == wanted
            strays += label != "documents" and "search_documents" in got
    finally:
        await library.close()
        store.close()
    assert right["documents ko"] >= 42 and right["documents en"] >= 45, right
    assert right["none ko"] >= 24 and right["none en"] >= 24, right
    assert right["tools ko"] + right["tools en"] >= 24, right
    assert strays <= 12


def test_the_questions_are_many_in_both_languages_and_nobody_elses() -> None:
    from core.agent.routing.labelled import labelled

    held = _held()
    korean = [any("가" <= char <= "힣" for char in text) for _label, text in held]
    documents = [label == "documents" for label, _text in held]
    assert sum(documents) >= 80 and len(held) - sum(documents) >= 80
    assert sum(korean) >= 80 and len(held) - sum(korean) >= 80
    seen = {one.text for split in ("train", "dev", "test") for one in labelled(split)}  # type: ignore[arg-type]
    assert not seen & {text for _label, text in held}


async def test_a_name_the_documents_know_leads_there(router: Router) -> None:
    question = "What is TimeLeaf for?"
    assert await _told(router, question, Documents("Record hours in TimeLeaf by noon.", 0.3)) == [
        "search_documents"
    ]
    assert await _told(router, question, Documents("Nothing of the kind.", 0.05)) == []


@pytest.mark.parametrize("question", ["우리 대표님 성함이 뭐야?", "우리 회사 화성 지사 주소는 어디야?"])
async def test_the_own_company_is_looked_for_even_where_nothing_is_found(
    router: Router, question: str
) -> None:
    """A model knows nothing of it and would make something up; the documents can at least say that they do not."""
    assert await _told(router, question, Documents("무관한 문장", 0.02)) == ["search_documents"]


@pytest.mark.parametrize("question", SMALL_TALK)
async def test_small_talk_does_not_wait_for_the_index(router: Router, question: str) -> None:
    documents = Documents("A joke about cats, a poem about the sea, thank you.", 0.9)
    assert await _told(router, question, documents) == [] and documents.asked == []


@pytest.mark.parametrize(
    ("question", "tool", "text"),
    [
        ("통근버스 첫차가 몇 시야?", "now", "통근버스 첫차는 6시 40분에 출발한다."),
        ("How much memory does the GaramLink gateway need?", "system_status", "The GaramLink gateway needs 2 GB."),
        ("품질팀 내선 번호 검색해줘", "web_search", "품질팀 내선 4417"),
    ],
)  # fmt: skip
async def test_words_of_another_tool_give_way_to_documents_that_have_it(
    router: Router, question: str, tool: str, text: str
) -> None:
    assert await _told(router, question, Documents(text, 0.5)) == ["search_documents"]
    assert await _told(router, question, Documents("무관한 문장", 0.0)) == [tool]
    assert [step.tool for step in (await router.plan(question, TOOLS)).steps] == [tool]


@pytest.mark.parametrize(
    ("question", "soft"),
    [
        ("지금 몇 시야?", False),
        ("뉴욕은 몇 시야?", False),
        ("런던은 지금 몇 시인가요?", False),
        ("What time is it in Rotterdam?", False),
        ("점심시간은 몇 시지?", True),
        ("평택역으로 가는 통근버스 막차는 몇 시인가요?", True),
        ("부산 내일 비 와?", False),
        ("천안 지금 몇 도야?", False),
        ("천안 공장 실링 온도는 몇 도야?", True),
        ("파이썬 3.13 새 기능 웹 검색해줘", False),
        ("내선 번호 검색해줘", True),
        ("램을 얼마나 쓰고 있어?", False),
        ("How much memory does the gateway need?", True),
    ],
)
def test_what_may_as_well_be_written_somewhere(question: str, soft: bool) -> None:
    found = certain(question)
    assert found is not None and found.soft is soft


async def test_what_certainly_is_another_tools_stays_there(router: Router) -> None:
    documents = Documents("부산 날씨와 12*34와 지금 시각", 0.9)
    for question, tool in (
        ("부산 날씨 어때?", "weather"),
        ("12*34는?", "calculator"),
        ("지금 몇 시야?", "now"),
    ):
        assert await _told(router, question, documents) == [tool]
    assert documents.asked == []


async def test_documents_that_cannot_be_searched_do_not_end_the_run(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    async def broken(query: str, k: int) -> list[Hit]:
        raise StudyError("error.rag.embedding")

    async def silent(query: str, k: int) -> list[Hit]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(evidence, "PATIENCE_S", 0.01)
    for search in (broken, silent):
        assert (await router.plan("우리 대표님 성함이 뭐야?", TOOLS, search=search)).steps == ()


def test_a_name_everybody_knows_is_none() -> None:
    passages = [_hit("Python scripts, English manuals, the GB-350 in Cheonan", 0.5)]
    assert not evidence.named("How do I say it in English?", passages)
    assert not evidence.named("Can I write this in Python?", passages)
    assert evidence.named("gb350은 얼마나 시끄러워?", passages)
    assert evidence.named("Who works in Cheonan?", passages)


async def test_a_fault_of_the_search_does_not_end_the_run() -> None:
    async def search(_query: str, _k: int) -> list[Hit]:
        raise RuntimeError("out of order")

    assert await evidence.lead("Where is it written?", 0.0, search) is None


async def test_a_search_that_takes_too_long_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    read, go = asyncio.Event(), asyncio.Event()

    async def search(_query: str, _k: int) -> list[Hit]:
        await go.wait()
        read.set()
        return []

    monkeypatch.setattr(evidence, "PATIENCE_S", 0.01)
    assert await evidence.lead("Where is it written?", 0.0, search) is None
    go.set()
    await asyncio.wait_for(read.wait(), 30)  # the next question finds the index read


async def test_a_run_that_is_stopped_takes_its_search_along() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def search(_query: str, _k: int) -> list[Hit]:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return []

    asking = asyncio.ensure_future(evidence.lead("Where is it written?", 0.0, search))
    await asyncio.wait_for(began.wait(), 30)
    asking.cancel()
    await asyncio.wait_for(ended.wait(), 30)
