"""Every way of cutting: nothing lost, nothing torn, every place exact, on texts made at random and made to hurt."""

from __future__ import annotations

import itertools
import random
import re
import time
import unicodedata

import pytest
from markdown_it import MarkdownIt

from core.errors import UsageError
from core.rag.chunking import STRATEGIES, Chunk, Chunking, chunk_id, chunk_text, embedded_text, width
from core.rag.chunking.markdown import markdown_blocks
from core.rag.sample import corpus_dir

KINDS = ("text/markdown", "text/plain", "text/csv", "application/json", "text/x-python", "text/x-source")
SETTINGS = [
    Chunking("headings"),
    Chunking("headings", 120),
    Chunking("recursive", 200, 60),
    Chunking("recursive", 440),
    Chunking("fixed", 160, 80),
    Chunking("fixed", 440),
    Chunking("sentences", 440),
    Chunking("code", 240),
]
NAMES = [setting.version for setting in SETTINGS]

WORDS = re.split(
    " ",
    "연차휴가는 통상임금의 정산합니다. 됩니까? 네. 그리고요! the form within 3.5 days. See No. 5 e.g. this one. "
    "값 e\u0301te\u0301 가\u0301 \u1112\u1161\u11ab 👩‍👩‍👧 🇰🇷🇯🇵 👍🏽 ½ ― ** `x` $1,200 :— | a|b [x](y)",
)
LINES = (
    "# 제목 하나", "## Second", "### 셋째 ###", "제3조 (휴가)", "2.1 Scope", "=====", "---", "", "", "", "- item", "  - nested",
    "1. one", "> quote", "| a | b |", "|---|---|", "| 1 | 가 |", "| 2 | 나 |", "```python", "```", "~~~", "    indented", "\tdef f(x):",
    "def g(a, b):", "class A:", "@wrap", "}", "int main(void) {", "[section]", "key: value", "<div>", "[l]: http://x",
    "$.items[0].name: 김", '"""', "* * *", "***",
)  # fmt: skip


def made(rng: random.Random, lines: int) -> str:
    """Write a text at random, of all that texts are made of."""
    found = []
    for _ in range(lines):
        choice = rng.random()
        if choice < 0.5:
            found.append(rng.choice(LINES))
        elif choice < 0.97:
            found.append(" ".join(rng.choices(WORDS, k=rng.randint(1, 40))))
        else:
            found.append("".join(rng.choices("가나다abc\u0301\u11ab \ud800", k=rng.randint(1, 900))))
    return "\n".join(found)


def check(text: str, chunks: list[Chunk], chunking: Chunking) -> None:
    """Hold chunks to what every strategy promises."""
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    covered = 0
    for chunk in chunks:
        body = text[chunk.char_start : chunk.char_end]
        assert body.strip() and chunk.text.endswith(body)
        header = chunk.text.removesuffix(body)
        assert not header or header.rstrip("\n") in text[: chunk.char_start]
        assert width(header) <= chunking.size // 2 + 1
        assert width(body) <= chunking.limit
        assert chunk.line == text.count("\n", 0, chunk.char_start) + 1
        if not chunking.overlap:
            assert chunk.char_start >= covered
        gap = text[covered : chunk.char_start]
        assert not any(char.isalnum() for char in gap), gap
        covered = max(covered, chunk.char_end)
    assert not any(char.isalnum() for char in text[covered:])
    for one, two in itertools.pairwise(chunks):
        assert one.char_start < two.char_start and one.char_end < two.char_end
        if chunking.overlap:
            assert width(text[two.char_start : one.char_end]) <= chunking.overlap
    ids = [chunk_id("d", chunk) for chunk in chunks]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("chunking", SETTINGS, ids=NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_random_texts_are_covered_without_gaps_and_map_back(kind: str, chunking: Chunking) -> None:
    rng = random.Random(f"{kind}{chunking.version}")
    for size in (1, 2, 3, 5, 10, 20, 40, 80, 160):
        for _ in range(4):
            text = made(rng, size)
            chunks = chunk_text(text, kind, (), chunking)
            check(text, chunks, chunking)
            assert chunks == chunk_text(text, kind, (), chunking)


@pytest.mark.parametrize("chunking", SETTINGS, ids=NAMES)
def test_no_chunk_crosses_a_page_whatever_the_strategy(chunking: Chunking) -> None:
    rng = random.Random(8)
    pages, text = [], ""
    for _ in range(12):
        pages.append(len(text))
        text += made(rng, rng.choice((0, 1, 30))) + "\n\n"
    chunks = chunk_text(text, "application/pdf", pages, chunking)
    check(text, chunks, chunking)
    bounds = [*pages, len(text)]
    for chunk in chunks:
        assert chunk.page is not None and chunk.section == f"p. {chunk.page}"
        assert bounds[chunk.page - 1] <= chunk.char_start < chunk.char_end <= bounds[chunk.page]


@pytest.mark.parametrize("chunking", SETTINGS, ids=NAMES)
def test_a_character_is_never_torn(chunking: Chunking) -> None:
    clusters = ["e\u0301", "가\u0301\u0302", "\u1112\u1161\u11ab", "👩‍👩‍👧", "🇰🇷", "👍🏽", "a"]
    text = "".join(random.Random(2).choices(clusters, k=4_000))
    for chunk in chunk_text(text, "text/plain", (), chunking):
        before = text[: chunk.char_start][-40:]
        assert unicodedata.category(chunk.text[0])[0] != "M" and chunk.text[0] not in "\u200d🏽\u1161\u11ab"
        assert not before.endswith("\u200d")
        assert sum("\U0001f1e6" <= char <= "\U0001f1ff" for char in chunk.text) % 2 == 0


def reference(text: str) -> list[tuple[int, int, str, int, str]]:
    """Return the blocks of a Markdown text as a whole parser of it sees them, by lines."""
    containers = ("bullet_list_open", "ordered_list_open", "list_item_open", "blockquote_open", "inline")
    tokens = MarkdownIt("commonmark", {"html": False}).enable("table").parse(text)
    found, taken = [], 0
    for index, token in enumerate(tokens):
        if token.map is None or token.type in containers or token.map[0] < taken:
            continue
        level = int(token.tag[1]) if token.type == "heading_open" else 0
        title = " ".join(tokens[index + 1].content.split()) if level else ""
        kind = {"table_open": "table", "fence": "code", "code_block": "code", "heading_open": "heading"}
        found.append((*token.map, kind.get(token.type, "text"), level, title))
        taken = token.map[1]
    return found


def seen(text: str) -> list[tuple[int, int, str, int, str]]:
    lines = text.split("\n")
    blocks = []
    for block in markdown_blocks(text):
        first = text.count("\n", 0, block.start)
        last = text.count("\n", 0, block.end) + (not text[: block.end].endswith("\n"))
        blocks.append((first, last, block.kind, block.level, block.title))
    assert len(lines) >= (blocks[-1][1] if blocks else 0)
    return blocks


def trimmed(text: str, blocks: list[tuple[int, int, str, int, str]]) -> list[tuple[int, int, str, int, str]]:
    """Leave out the blank lines that one or the other counts in at the end of a block."""
    lines = [*text.split("\n"), ""]
    found = []
    for first, last, *rest in blocks:
        while last > first + 1 and not lines[last - 1].strip():
            last -= 1
        found.append((first, last, *rest))
    return found


def test_markdown_blocks_are_those_a_markdown_parser_finds() -> None:
    rng = random.Random(4)
    # Link definitions are text to us, tables need their own lines.
    known = [line for line in LINES if not line.startswith(("[l]", "|"))] + [
        "one line",
        "another one",
        "",
        "",
    ]
    texts = ["\n".join(rng.choices(known, k=rng.randint(2, 9))) for _ in range(1_500)]
    texts += [path.read_text("utf-8") for path in corpus_dir().rglob("*.md")]
    for text in texts:
        if not text.startswith("---\n"):
            assert trimmed(text, seen(text)) == trimmed(text, reference(text)), text


def test_tables_are_found_where_a_markdown_parser_finds_them() -> None:
    for text in (
        "| a | b |\n|---|---|\n| 1 | 2 |\n\nafter", "before\n| a |\n|---|\n| 1 |", "a | b\n--- | ---\n1 | 2\n> quote", "| a | b |\n|---|\nno table",
        "- item\n\n  | a |\n  |---|\n  | 1 |\n\nafter", "> | a |\n> |---|\n> | 1 |\nafter", "| a \\| b |\n|---|\n| 1 |\n# next", "a\n---\n| x |",
    ):  # fmt: skip
        assert trimmed(text, seen(text)) == trimmed(text, reference(text)), text


def test_tables_and_fences_stay_whole_where_they_fit() -> None:
    table = "| 등급 | 금액 |\n|---|---|\n" + "".join(f"| {n}급 | {n}만 원 |\n" for n in range(20))
    fence = "```sh\n" + "".join(f"step {n}  # 확인.\n\n" for n in range(25)) + "```\n"
    text = (
        f"# 안내\n\n{'앞의 설명입니다. ' * 15}\n\n{table}\n{'사이 설명입니다. ' * 12}\n\n{fence}\n끝입니다.\n"
    )
    for strategy in ("headings", "recursive", "sentences"):
        chunking = Chunking(strategy)
        assert width(table) <= chunking.limit and width(fence) <= chunking.limit
        texts = [chunk.text for chunk in chunk_text(text, "text/markdown", (), chunking)]
        assert any(table.strip() in one for one in texts), strategy
        assert any(fence.strip() in one for one in texts), strategy


def test_a_cut_table_repeats_its_head_in_every_table_format() -> None:
    rows = "".join(f"| {n}급 | {n}만 원 |\n" for n in range(200))
    text = f"| 등급 | 금액 |\n| --- | --- |\n{rows}"
    for kind in ("text/markdown", "text/csv"):
        for strategy in ("headings", "sentences"):
            chunks = chunk_text(text, kind, (), Chunking(strategy))
            assert len(chunks) > 5
            assert all(chunk.text.startswith("| 등급 | 금액 |\n| --- | --- |\n| ") for chunk in chunks)


def test_fixed_and_recursive_repeat_what_they_are_asked_to() -> None:
    text = "".join(f"문장 {n}은 이렇게 끝납니다. " for n in range(300))
    for strategy in ("fixed", "recursive"):
        chunks = chunk_text(text, "text/plain", (), Chunking(strategy, 200, 60))
        for one, two in itertools.pairwise(chunks):
            shared = text[two.char_start : one.char_end]
            assert width(shared) >= (50 if strategy == "fixed" else 30), (strategy, shared)
            if strategy == "recursive":
                assert text[two.char_start - 1] == " "


def test_recursive_cuts_at_the_largest_gap_that_fits() -> None:
    one, two = "가나다라 마바사. " * 10, "첫 줄입니다\n" * 25
    chunks = chunk_text(f"{one}\n\n{two}\n\n짧은 끝.", "text/plain", (), Chunking("recursive", 200))
    assert chunks[0].text == one.strip()
    assert all(chunk.text.endswith(("첫 줄입니다", "짧은 끝.", "마바사.")) for chunk in chunks)


def test_sentences_are_cut_where_korean_and_english_ones_end() -> None:
    text = (
        "연차는 15일입니다. 언제 신청하나요? 3일 전까지요! 반차도 됩니다.오후만 됩니다. See Sec. 3 for 2.5 days, e.g. May. "
        'He said "no." Then he left.\n줄바꿈도 끝이다\n다음 줄'
    )
    found = [chunk.text for chunk in chunk_text(text, "text/plain", (), Chunking("sentences", 40))]
    assert found == [
        "연차는 15일입니다.", "언제 신청하나요?", "3일 전까지요!", "반차도 됩니다.", "오후만 됩니다.",
        "See Sec. 3 for 2.5 days, e.g. May.", 'He said "no."', "Then he left.", "줄바꿈도 끝이다", "다음 줄",
    ]  # fmt: skip


PYTHON = '''"""Module."""

import os


class Library:
    """Holds books."""

    size = 3

    @property
    def first(self):
        """Return it."""
        return self.books[0]

    def search(self, words):
        text = """
def not_a_function():
"""
        return [book for book in self.books if words in book]


# Lends.
@decorated(
    1,
)
async def lend(book, *, days=14):
    return days
'''


def test_python_is_cut_at_definitions_and_says_where_it_is() -> None:
    chunks = chunk_text(PYTHON, "text/x-python", (), Chunking(size=60))
    found = {chunk.section: chunk.text for chunk in reversed(chunks)}
    assert found["Library › first"].startswith("    @property\n    def first")
    assert found["Library › search"].startswith("    def search")
    assert "not_a_function" not in " ".join(found)
    assert any(text.startswith("# Lends.") for section, text in found.items() if section == "lend")
    whole = chunk_text(PYTHON, "text/x-python", (), Chunking())
    assert [chunk.section for chunk in whole] == ["Library", "lend"] or len(whole) == 1


GO = """package main

import "fmt"

// Pump moves water.
type Pump struct {
	rate int
}

func (p *Pump) Start(level int) error {
	if level > 3 {
		return fmt.Errorf("too high: %d", level)
	}

	return nil
}

func main() {
	fmt.Println("ready")
}
"""
SQL = """-- Orders of a year.
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    amount REAL NOT NULL
);

CREATE OR REPLACE VIEW big_orders AS
SELECT id, amount FROM orders
WHERE amount > 1000000;
"""
C = """#include <stdio.h>

static int add(int a, int b) {
    return a + b;
}

int main(void) {
    printf("%d", add(1, 2));
    return 0;
}
"""


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (GO, {"Pump", "Start", "main"}),
        (SQL, {"orders", "big_orders"}),
        (C, {"add", "main"}),
        (
            "[server]\nport = 1\nhost = 'a'\n\n[client]\nretries = 3\nback_off = 'twice as long'\n",
            {"server", "client"},
        ),
    ],
    ids=["go", "sql", "c", "toml"],
)
def test_other_languages_are_cut_at_their_definitions(source: str, names: set[str]) -> None:
    found = {chunk.section for chunk in chunk_text(source, "text/x-source", (), Chunking(size=40))}
    assert names <= found


def test_sections_are_heading_paths_whatever_the_strategy() -> None:
    text = "# 인사\n\n" + "앞 문장입니다. " * 30 + "\n\n## 휴가\n\n" + "뒤 문장입니다. " * 30
    for strategy in STRATEGIES:
        chunks = chunk_text(text, "text/markdown", (), Chunking(strategy, 200))
        assert [chunks[0].section, chunks[-1].section] == ["인사", "인사 › 휴가"], strategy


def test_the_contextual_header_is_embedded_and_not_in_the_chunk() -> None:
    chunk = Chunk(0, "인사 › 휴가", "15일입니다.", 0, 7)
    assert embedded_text(chunk, "규정", Chunking(header=False)) == "15일입니다."
    assert embedded_text(chunk, "규정", Chunking(header=True)) == "규정 › 인사 › 휴가\n\n15일입니다."
    assert embedded_text(Chunk(0, "", "x", 0, 1), "", Chunking(header=True)) == "x"


@pytest.mark.parametrize(
    "wrong",
    [
        Chunking("semantic"), Chunking(size=39), Chunking(size=4_001), Chunking(size=True), Chunking(size=99.5), Chunking(overlap=10),
        Chunking("fixed", 100, 51), Chunking("fixed", 100, -1), Chunking("sentences", 440, 20), Chunking(header="yes"),
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_cannot_be_are_said_in_a_sentence(wrong: Chunking) -> None:
    with pytest.raises(UsageError) as caught:
        wrong.check()
    assert caught.value.message != caught.value.key and caught.value.fix
    with pytest.raises(UsageError):
        chunk_text("x", "text/plain", (), wrong)


def test_settings_survive_being_stored() -> None:
    for setting in [*SETTINGS, Chunking(header=False)]:
        assert Chunking.from_json(setting.to_json()) == setting
    assert Chunking.from_json("") == Chunking.from_json("{}") == Chunking()
    assert Chunking.from_json('{"size": 200, "colour": "red"}') == Chunking(size=200)
    for damaged in ("[]", "{", '{"size": "large"}', '{"strategy": 3}', "null"):
        with pytest.raises(UsageError):
            Chunking.from_json(damaged)


def test_every_setting_that_changes_chunks_is_in_the_version() -> None:
    settings = [*SETTINGS, Chunking(header=False), Chunking("fixed", 440, 1), Chunking("recursive", 440, 80)]
    assert len({setting.version for setting in settings}) == len(settings)
    assert Chunking().version == "headings-2:440:header"


HOSTILE = {
    "one line": "가나다 " * 200_000,
    "one word": "x" * 800_000,
    "one line of marks": "a" + "\u0301" * 400_000,
    "joiners": "\u200d" * 400_000,
    "flags": "🇰🇷" * 200_000,
    "dots": ". " * 200_000,
    "quotes": '."' * 300_000,
    "newlines": "a" + "\n" * 600_000 + "b",
    "spaces": "a" + " " * 600_000 + "b",
    "headings": "# h\n" * 60_000,
    "deep quotes": "> " * 10_000 + "a\n" + "> a\n" * 30_000,
    "deep list": "".join(f"{' ' * (2 * min(n, 400))}- item {n}\n" for n in range(2_000)),
    "fences": "```\n" * 100_000,
    "open fence": "```\n" + "line of code\n" * 60_000,
    "table": "| a | b |\n|---|---|\n" + "| 1 | 값 |\n" * 60_000,
    "wide table": "| a " * 2_000 + "|\n" + "|---" * 2_000 + "|\n" + ("| 1 " * 2_000 + "|\n") * 40,
    "brackets": "[" * 500_000,
    "definitions": "[a]: http://x\n" * 30_000,
    "stars": "*a" * 300_000,
    "indents": "".join(f"{' ' * (n % 60)}x = {n}\n" for n in range(20_000)),
    "comments": "# c\n" * 100_000,
    "defs": "".join(f"def f{n}(a):\n    return a\n" for n in range(20_000)),
    "open quotes": '"""' * 200_000,
    "words before def": ("a " * 290 + "\n") * 1_000,
    "heading marks": ("# " + " ##x" * 900 + "\n") * 200,
    "heading spaces": ("# a" + " " * 3_900 + "b\n") * 200,
    "rules": ("* " * 1_900 + "x\n") * 200,
    "dashes": ("-" * 3_900 + "x\n") * 200,
    "pointers": ("*&" * 290 + "{\n") * 1_000,
}


def test_five_megabytes_are_cut_in_seconds() -> None:
    sentence = "이 문단은 휴가와 출장비를 어떻게 정산하는지 자세히 설명합니다. It goes on in English, too. "
    text = "".join(
        f"## 제{n}절 Section\n\n{n}번째 문단입니다. {sentence * 5}\n\n- 항목 {n}\n- item\n\n"
        for n in range(8_000)
    )
    assert len(text.encode()) > 5 << 20
    for kind, chunking in (("text/markdown", Chunking()), ("text/plain", Chunking("recursive", 440, 80))):
        started = time.process_time()
        check_places(text, chunk_text(text, kind, (), chunking))
        assert time.process_time() - started < 10


def check_places(text: str, chunks: list[Chunk]) -> None:
    assert chunks[-1].char_end >= len(text.rstrip()) - 1
    for one, two in itertools.pairwise(chunks):
        assert not text[one.char_end : two.char_start].strip()


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_megabytes_made_to_hurt_are_cut_in_seconds(name: str) -> None:
    # A third of it shows what is not linear as well, and the suite has its own time to keep.
    text = HOSTILE[name][: len(HOSTILE[name]) // 3]
    for kind, setting in (
        ("text/markdown", Chunking()),
        ("text/plain", Chunking("sentences")),
        ("text/csv", Chunking()),
        ("text/x-python", Chunking()),
        ("text/markdown", Chunking("recursive", 440, 80)),
        ("text/plain", Chunking("fixed", 440, 80)),
    ):
        started = time.process_time()
        chunks = chunk_text(text, kind, (), setting)
        seconds = time.process_time() - started
        assert seconds < 6, (kind, setting.strategy, seconds)
        assert all(width(text[one.char_start : one.char_end]) <= setting.limit for one in chunks)
