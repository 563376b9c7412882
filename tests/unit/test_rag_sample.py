"""The sample corpus and its questions: what an evaluation is worth depends on them being right."""

from __future__ import annotations

import email
import email.policy
import importlib.util
import sys
import zipfile
from collections import Counter
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from core.errors import UsageError
from core.i18n import LANGS, catalogue, filled
from core.rag.sample import Question, corpus_dir, load_questions, questions

ROOT = Path(__file__).resolve().parents[2]
ALL = questions()


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def fold(text: str) -> str:
    return " ".join(text.split())


@cache
def text_of(document: str) -> str:
    """Read a document as plainly as its format allows, without the product's own parsers."""
    path = corpus_dir() / document
    data = path.read_bytes()
    if path.suffix == ".pdf":
        from pypdf import PdfReader

        return fold("\n".join(page.extract_text() for page in PdfReader(path).pages))
    if path.suffix in (".docx", ".hwpx"):
        name = "word/document.xml" if path.suffix == ".docx" else "Contents/section0.xml"
        parts = []
        for element in ElementTree.fromstring(zipfile.ZipFile(path).read(name)).iter():
            local = element.tag.rpartition("}")[2]
            parts.append("\n" if local == "p" else (element.text or "") if local == "t" else "")
        return fold("".join(parts))
    if path.suffix == ".eml":
        message = email.message_from_bytes(data, policy=email.policy.default)
        return fold(f"{message['subject']}\n{message.get_content()}")
    if path.suffix == ".html":
        words = _Words()
        words.feed(data.decode("utf-8"))
        return fold(" ".join(words.found))
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return fold(data.decode("utf-16"))
    try:
        return fold(data.decode("utf-8"))
    except UnicodeDecodeError:
        return fold(data.decode("cp949"))


def test_there_are_enough_documents_of_every_format() -> None:
    files = [path for path in corpus_dir().rglob("*") if path.is_file()]
    assert len(files) >= 60
    assert sum(path.stat().st_size for path in files) < 4 << 20
    formats = {path.suffix for path in files}
    assert formats >= {".md", ".txt", ".pdf", ".docx", ".hwpx", ".html", ".csv", ".json", ".eml"}
    assert formats >= {".py", ".sh", ".sql", ".yaml"}


def test_there_are_enough_questions_of_every_kind() -> None:
    kinds = Counter(question.kind for question in ALL)
    assert len(ALL) >= 260
    assert sum(question.unanswerable for question in ALL) >= 45
    assert sum(not q.unanswerable and q.language != q.document_language for q in ALL) >= 35
    assert sum(len(question.gold) > 1 for question in ALL) >= 15
    assert min(kinds[kind] for kind in ("paraphrase", "number", "table", "code", "near_duplicate")) >= 15
    languages = Counter(question.language for question in ALL)
    assert min(languages.values()) >= 0.4 * len(ALL)
    assert len({question.id for question in ALL}) == len(ALL)
    assert len({question.question for question in ALL}) == len(ALL)


@pytest.mark.parametrize("question", ALL, ids=lambda question: question.id)
def test_every_quote_is_in_its_document(question: Question) -> None:
    assert bool(question.gold) != question.unanswerable
    for gold in question.gold:
        # Once only: a quote found twice would credit the wrong passage.
        assert text_of(gold.document).count(fold(gold.quote)) == 1, gold


def test_the_splits_hold_different_questions() -> None:
    train, test = questions("train"), questions("test")
    assert len(train) + len(test) == len(ALL)
    # Training questions may be added; what is reported is measured on the same questions as before.
    assert len(test) == 186 and sum(question.unanswerable for question in test) == 35
    for kind in Counter(question.kind for question in test):
        assert sum(question.kind == kind for question in train) >= 3, kind
    learnt = [(question.id, *place) for question in train for place in _places(question)]
    asked = [(question.id, *place) for question in test for place in _places(question)]
    twins = {
        (one, other)
        for one, document, start, end in learnt
        for other, there, first, last in asked
        if document == there and start < last and first < end
    }
    assert not twins, "the same words answer both"
    for one in train:
        for other in test:
            assert _alike(one.question, other.question) <= 0.4, (one.question, other.question)


def _places(question: Question) -> list[tuple[str, int, int]]:
    """Where the quotes of a question stand: document, first and last character."""
    found = []
    for gold in question.gold:
        start = text_of(gold.document).index(fold(gold.quote))
        found.append((gold.document, start, start + len(fold(gold.quote))))
    return found


def _alike(one: str, other: str) -> float:
    left, right = _trigrams(one), _trigrams(other)
    return len(left & right) / len(left | right)


@cache
def _trigrams(text: str) -> frozenset[str]:
    text = fold(text.lower())
    return frozenset(text[start : start + 3] for start in range(len(text) - 2))


def test_the_generated_files_come_out_of_their_sources_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.spec_from_file_location("maker", ROOT / "scripts" / "make_sample_corpus.py")
    assert spec and spec.loader
    maker = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, maker)  # dataclasses look their module up there
    spec.loader.exec_module(maker)
    made = maker.make(tmp_path)
    assert len(made) >= 20
    for path in made:
        kept = (corpus_dir() / path.relative_to(tmp_path)).read_bytes()
        if path.suffix == ".pdf":
            # Another reportlab may write other bytes; this one must repeat itself.
            source = maker.SOURCES / "pdf" / f"{path.relative_to(tmp_path)}.md"
            assert maker.pdf(source.read_text(encoding="utf-8")) == path.read_bytes()
        elif path.suffix in (".docx", ".hwpx"):
            # Another zlib may pack otherwise; what is inside must be the same.
            with (
                zipfile.ZipFile(path) as new,
                zipfile.ZipFile(corpus_dir() / path.relative_to(tmp_path)) as old,
            ):
                assert [(i.filename, i.date_time, new.read(i)) for i in new.infolist()] == [
                    (i.filename, i.date_time, old.read(i)) for i in old.infolist()
                ]
        else:
            assert path.read_bytes() == kept


def test_a_set_of_ones_own_needs_little(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(
        "- id: 1\n  question: 연차는 며칠인가요?\n  answer: 15\n"
        "  gold:\n    - {document: rules.md, quote: 15일}\n"
        "- id: q2\n  question: Is there a sauna?\n  unanswerable: true\n",
        encoding="utf-8",
    )
    first, second = load_questions(path)
    assert (first.id, first.language, first.answer, first.gold[0].quote) == ("1", "ko", "15", "15일")
    assert second.unanswerable and second.kind == "unanswerable" and second.language == "en"


@pytest.mark.parametrize(
    ("name", "text", "line", "key"),
    [
        ("a.yaml", "- id: a\n  question: b\n", 1, "gold_missing"),
        ("a.yaml", "# mine\n- id: a\n  question: b\n  unanswerable: 1\n", 2, "bool"),
        ("a.yaml", "- id: a\n  question: [b\n", 3, "syntax"),
        ("a.yaml", "questions: 1\n", 1, "list"),
        ("a.yaml", "- just text\n", 1, "mapping"),
        ("a.yaml", "- id: a\n  qestion: b\n", 1, "unknown"),
        ("a.jsonl", '{"id": "a", "question": "b", "unanswerable": true}\n{"id": ', 2, "syntax"),
        ("a.jsonl", '{"id": "a", "question": "b", "unanswerable": true}\n' * 2, 2, "duplicate"),
        ("a.jsonl", '\n{"id": "a", "question": " ", "unanswerable": true}', 2, "text"),
        ("a.jsonl", '{"id": "a", "question": "b", "gold": [{"document": "c"}]}', 1, "gold"),
        ("a.jsonl", '{"id": "a", "question": "b", "split": "dev", "unanswerable": true}', 1, "choice"),
        ("a.jsonl", "", 1, "none"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, name: str, text: str, line: int, key: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_questions(path)
    assert caught.value.key == f"error.questions.{key}"
    assert caught.value.params["line"] == line
    for lang in LANGS:
        sentence = filled(catalogue(lang)[caught.value.key], **caught.value.params)
        assert name in sentence


def test_a_file_that_is_not_there_or_not_a_set_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no\.yaml"):
        load_questions(tmp_path / "no.yaml")
    (tmp_path / "a.csv").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match=r"a\.csv"):
        load_questions(tmp_path / "a.csv")
