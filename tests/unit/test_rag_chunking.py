"""Chunks: nothing lost, nothing invented, headings and places right."""

from __future__ import annotations

import pytest

from core.rag.chunking import Chunk, Chunking, chunk_id, chunk_text, width
from core.rag.keywords import query_terms, script, terms

HANDBOOK = """---
title: 휴가
---
# 연차휴가 규정

인사팀이 관리합니다.

## 이월

최대 5일까지 넘길 수 있습니다.

### 예외

- 육아휴직
- 병가

## 표

| 근속 | 일수 |
|---|---|
| 1년 | 15일 |
| 3년 | 16일 |

```sh
# not a heading
echo 1
```
"""


def chunk_markdown(text: str) -> list[Chunk]:
    return chunk_text(text, "text/markdown", (), Chunking())


def chunk_plain(text: str) -> list[Chunk]:
    return chunk_text(text, "text/plain", (), Chunking())


def letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def test_markdown_sections_are_heading_paths() -> None:
    sections = [chunk.section for chunk in chunk_markdown(HANDBOOK)]
    assert "연차휴가 규정" in sections
    assert "연차휴가 규정 › 이월" in sections
    assert "연차휴가 규정 › 이월 › 예외" in sections
    assert not any("not a heading" in section for section in sections)


@pytest.mark.parametrize("cut", [chunk_markdown, chunk_plain])
@pytest.mark.parametrize(
    "text",
    [
        HANDBOOK,
        "문장입니다. " * 900,
        "x" * 5_000,
        "# 제목만\n\n## 아래\n",
        "> 인용\n> 둘째 줄\n\n1. 하나\n\n   이어지는 문단\n2. 둘\n",
        "[link]: http://example.com\n\n본문 [link]\n",
        "첫 줄\r둘째\t줄\n\n\n\n끝",
        "| a | b |\n|---|---|\n" + "".join(f"| 행 {n} | 값 {n} |\n" for n in range(200)),
        "<div>\nhtml\n</div>\n\n---\n\n끝",
        "-",
        "",
    ],
)
def test_every_letter_is_in_exactly_one_chunk_and_places_are_exact(cut, text: str) -> None:
    chunks = cut(text)
    assert "".join(letters(text[chunk.char_start : chunk.char_end]) for chunk in chunks) == letters(text)
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    for chunk in chunks:
        assert chunk.text.endswith(text[chunk.char_start : chunk.char_end])
        assert width(text[chunk.char_start : chunk.char_end]) <= Chunking().limit
    ids = [chunk_id("d", chunk) for chunk in chunks]
    assert len(set(ids)) == len(ids)
    assert ids == [chunk_id("d", chunk) for chunk in cut(text)]


def test_rows_of_a_long_table_keep_its_header() -> None:
    table = "# 수당\n\n| 등급 | 수당 |\n|---|---|\n" + "".join(f"| {n}급 | {n}만원 |\n" for n in range(120))
    chunks = chunk_markdown(table)
    assert len(chunks) > 2
    assert all("| 등급 | 수당 |" in chunk.text and chunk.section == "수당" for chunk in chunks)


def test_korean_rules_and_underlines_are_headings_in_plain_text() -> None:
    text = "회사 규칙\n=====\n\n제1장 총칙\n\n제3조 (휴가)\n휴가는 15일이다.\n\n제4조 (급여)\n매월 25일에 준다.\n"
    assert [chunk.section for chunk in chunk_plain(text)] == [
        "회사 규칙 › 제1장 총칙 › 제3조 (휴가)",
        "회사 규칙 › 제1장 총칙 › 제4조 (급여)",
    ]


def test_no_chunk_crosses_a_page() -> None:
    chunks = chunk_text("첫 쪽입니다.\n\n둘째 쪽입니다.", "application/pdf", [0, 9], Chunking())
    assert [(chunk.page, chunk.section, chunk.text) for chunk in chunks] == [
        (1, "p. 1", "첫 쪽입니다."),
        (2, "p. 2", "둘째 쪽입니다."),
    ]


def test_keywords_cut_hangul_into_bigrams_and_keep_other_words() -> None:
    assert terms("연차휴가는 VPN 51,820") == ["연차", "차휴", "휴가", "가는", "vpn", "51820"]
    assert query_terms("What is the VPN port?") == ["vpn", "port"]
    assert query_terms("the") == ["the"]
    assert (script("VPN 접속 안내"), script("How to"), script("12 * 34")) == ("hangul", "latin", "other")
