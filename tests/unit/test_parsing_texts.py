"""Encodings, tables, JSON, notebooks, pages and mails as they come from real programs."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from core.i18n import LANGS, catalogue, filled
from core.rag.chunking import Chunking, chunk_text
from core.rag.parsing.loaders import Loaded, LoadError, load

KOREAN = "연차휴가는 15일입니다. 남은 휴가는 다음 해 3월까지 넘길 수 있습니다.\n문의는 인사팀 내선 5177로 합니다.\n"
ENGLISH = "Annual leave is 15 days. Ask extension 5177 for more.\n"


def read(name: str, data: bytes | str) -> Loaded:
    return load(Path(name), data.encode() if isinstance(data, str) else data)


def reason(name: str, data: bytes) -> str:
    with pytest.raises(LoadError) as caught:
        read(name, data)
    assert f"rag.reason.{caught.value.reason}" in catalogue("en")
    return caught.value.reason


# -- encodings ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [KOREAN, ENGLISH, KOREAN + ENGLISH], ids=["korean", "english", "both"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp949"])
def test_an_encoding_is_told_without_being_said(encoding: str, text: str) -> None:
    found = read("a.txt", text.encode(encoding))
    assert (found.text, found.note) == (text, "")
    plain_ascii = text == ENGLISH and encoding == "cp949"
    assert found.encoding == ("utf-8" if encoding == "utf-8-sig" or plain_ascii else encoding)


def test_euc_kr_is_read_and_syllables_only_cp949_has_too() -> None:
    assert read("a.txt", KOREAN.encode("euc-kr")).text == KOREAN
    assert read("a.txt", (KOREAN + "펲시 똠방각하").encode("cp949")).text.endswith("펲시 똠방각하")


@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
def test_a_few_bad_bytes_are_shown_and_said(encoding: str) -> None:
    data = bytearray((KOREAN * 20).encode(encoding))
    data[100:101] = b"\xff"
    found = read("a.txt", bytes(data))
    assert found.note == "bad_bytes" and found.encoding == encoding
    assert found.text.count("인사팀 내선 5177") >= 19 and 0 < found.text.count("�") <= 3
    cut_off = read("a.txt", (KOREAN * 20).removesuffix("다.\n").encode(encoding) + "가".encode(encoding)[:1])
    assert "내선 5177" in cut_off.text and cut_off.note == "bad_bytes"


def test_an_english_text_of_an_old_program_keeps_its_accents_and_quotes() -> None:
    text = f"{ENGLISH * 4}The “résumé” of Müller costs £20 – café included.\n"
    found = read("a.txt", text.encode("cp1252"))
    assert (found.text, found.encoding, found.note) == (text, "cp1252", "")


@pytest.mark.parametrize(
    "data",
    [
        random.Random(1).randbytes(5_000),
        b"MZ\x90\0" + bytes(200) + random.Random(2).randbytes(2_000),
        bytes(4_000),
        bytes([200, 201, 254, 130] * 900),
    ],
    ids=["noise", "program", "zeros", "high bytes"],
)
def test_what_is_no_text_in_any_encoding_is_refused(data: bytes) -> None:
    assert reason("a.txt", data) in ("not_text", "empty")


# -- tables -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_of_a_table_is_found(delimiter: str) -> None:
    rows = [["구분", "한도", "비고"], ["서울", "150000", "1박"], ["부산", "120000", "1박"]]
    text = read("a.csv", "\n".join(delimiter.join(row) for row in rows)).text
    assert (
        text
        == "| 구분 | 한도 | 비고 |\n| --- | --- | --- |\n| 서울 | 150000 | 1박 |\n| 부산 | 120000 | 1박 |"
    )


def test_quoted_fields_may_hold_anything() -> None:
    text = read("a.csv", 'code,"what, why"\r\nE1,"line one\r\nline ""two"""\r\nE2,"a|b;c"\r\n').text
    assert text.split("\n")[2:] == ['| E1 | line one line "two" |', "| E2 | a/b;c |"]


def test_korean_spreadsheets_save_cp949_with_a_title_above() -> None:
    data = "2025년 출장비 기준,,\n\n지역,한도,비고\n서울,15만 원,\n부산,12만 원,성수기 제외\n".encode("cp949")
    found = read("a.csv", data)
    assert found.encoding == "cp949"
    assert found.text.startswith(
        "2025년 출장비 기준\n\n| 지역 | 한도 | 비고 |\n| --- | --- | --- |\n| 서울 |"
    )


def test_a_row_too_wide_for_a_table_is_a_record() -> None:
    names = [f"a rather long name of column {number}" for number in range(20)]
    text = read("a.csv", ",".join(names) + "\n" + ",".join(map(str, range(20))) + "\n").text
    assert "a rather long name of column 7: 7\n" in text and "|" not in text


def test_every_chunk_of_a_long_table_has_its_head() -> None:
    rows = "".join(f"{number},품목 {number},{number * 100}\n" for number in range(2_000))
    found = read("a.csv", "번호,이름,금액\n" + rows)
    chunks = chunk_text(found.text, found.media_type, (), Chunking())
    assert len(chunks) > 50 and all(chunk.text.startswith("| 번호 | 이름 | 금액 |") for chunk in chunks)


def test_rows_beyond_reason_are_left_out_and_said() -> None:
    found = read("a.csv", "n,v\n" + "1,2\n" * 200_010)
    assert found.note == "rows_left_out" and found.text.count("\n") == 200_001
    chunks = chunk_text(found.text, found.media_type, (), Chunking())
    assert chunks[-1].char_end == len(found.text)


@pytest.mark.parametrize("data", [b'a,b\n"open field' + b"x," * 700_000, b"a," * 3_000 + b"\nb"])
def test_tables_made_to_hurt_are_refused(data: bytes) -> None:
    assert reason("a.csv", data) in ("damaged", "too_complex")


# -- JSON ---------------------------------------------------------------------------------------------

DOCUMENT = {"담당": "IT팀", "장비": [{"이름": "erp-db1", "랙": 3}, {"이름": "mes", "태그": ["a", "b"]}], "ok": True, "none": None}  # fmt: skip


@pytest.mark.parametrize("how", [{"indent": 2}, {"separators": (",", ":")}, {"ensure_ascii": True}])
def test_json_reads_the_same_however_it_is_written(how: dict) -> None:
    text = read("a.json", json.dumps(DOCUMENT, **{"ensure_ascii": False, **how})).text
    assert text.split("\n") == [
        "담당: IT팀", "", "장비[0].이름: erp-db1", "장비[0].랙: 3", "", "장비[1].이름: mes", "장비[1].태그: a, b", "ok: true", "none: null", "",
    ]  # fmt: skip


def test_json_lines_are_records_and_a_half_written_last_one_is_left_out() -> None:
    text = "".join(json.dumps({"id": n, "msg": f"사건 {n}"}, ensure_ascii=False) + "\n" for n in range(3))
    for name in ("log.jsonl", "log.json"):
        found = read(name, text + '{"id": 9, "ms')
        assert found.media_type == "application/json"
        assert [block.split("\n") for block in found.text.strip().split("\n\n")] == [
            [f"id: {n}", f"msg: 사건 {n}"] for n in range(3)
        ]


def test_what_is_almost_json_is_read_as_plain_text_and_said() -> None:
    found = read("tsconfig.json", '{\n  // strict\n  "strict": true,\n}\n')
    assert (found.note, found.media_type) == ("read_as_text", "text/plain") and '"strict": true' in found.text
    assert read("a.ipynb", '{"a": 1}').note == "read_as_text"


def test_json_made_to_hurt_stays_small() -> None:
    nested = '{"k' + "x" * 5_000 + '":' * 1
    deep = nested * 300 + "[" + ",".join('{"a":1}' for _ in range(2_000)) + "]" + "}" * 300
    assert len(read("a.json", deep).text) < 5_000_000
    assert "1" in read("a.json", "[" * 50_000 + "1" + "]" * 50_000).text


def test_a_notebook_is_its_cells_and_what_they_printed() -> None:
    notebook = {
        "metadata": {"language_info": {"name": "python"}},
        "cells": [
            {"cell_type": "markdown", "source": ["# 분석\n", "매출을 본다."]},
            {"cell_type": "code", "source": "total = 3\ntotal", "outputs": [{"data": {"text/plain": ["3"], "image/png": "iVBOR"}}]},
            {"cell_type": "code", "source": "", "outputs": [{"text": "x" * 9_000}]},
        ],
    }  # fmt: skip
    text = read("a.ipynb", json.dumps(notebook)).text
    assert text.startswith("# 분석\n매출을 본다.\n\n```python\ntotal = 3\ntotal\n```\n\n```\n3\n```")
    assert "iVBOR" not in text and len(text) < 5_000


# -- pages --------------------------------------------------------------------------------------------


def test_a_page_says_its_encoding_in_many_ways() -> None:
    body = "<p>연차휴가는 15일입니다.</p>"
    for head, encoding in (
        ('<meta charset="euc-kr">', "cp949"),
        ('<meta http-equiv=Content-Type content="text/html; charset=ks_c_5601-1987">', "cp949"),
        ("<meta charset=utf-16>", "utf-8"),
        ('<?xml version="1.0" encoding="euc-kr"?>', "cp949"),
        ("<meta charset=unicode_escape>", "cp949"),
        ("<meta charset=nonsense-8>", "utf-8"),
        ("<meta charset='shift_jis'>", "cp932"),
    ):
        text = "<p>有給休暇は十五日です。</p>" if encoding == "cp932" else body
        found = read("a.html", f"{head}{text}".encode(encoding))
        assert found.text == text.removeprefix("<p>").removesuffix("</p>"), head


def test_pages_keep_lists_tables_and_preformatted_text() -> None:
    page = (
        "<h1>안내</h1><ul><li>하나<ul><li>하나의 하나</ul><li><p>둘</p></ul><ol><li>first<li>second</ol>"
        "<pre>  if a &lt; b:\n      run()\n</pre>"
        "<table><caption>표 1</caption><tr><th>가<th>나<tr><td>1<td>바깥 <table><tr><td>안</td><td>쪽</td></tr></table> 끝</table>"
        "<p>&copy; 2025 A&amp;B &#44032;&nbsp;끝 &nosuch;"
    )
    assert read("a.html", page).text.split("\n\n") == [
        "# 안내", "- 하나", "  - 하나의 하나", "- 둘", "1. first", "2. second",
        "```\n  if a < b:\n      run()\n```",
        "표 1", "| 가 | 나 |\n| --- | --- |\n| 1 | 바깥 끝 |", "| 안 | 쪽 |\n| --- | --- |",
        "© 2025 A&B 가 끝 &nosuch;",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "page",
    ["<table>" * 50_000 + "<td>x", "<ul><li>" * 50_000 + "x", "<pre>" * 50_000 + "x", "<a " * 100_000 + ">x", "<!--" * 100_000, "&" * 300_000 + "x", "<p" + " a='" * 50_000],
    ids=["tables", "lists", "pre", "attributes", "comments", "entities", "quotes"],
)  # fmt: skip
def test_pages_made_to_hurt_are_read_or_refused_in_no_time(page: str) -> None:
    try:
        assert len(read("a.html", page).text) < 10_000_000
    except LoadError as error:
        assert error.reason == "empty"


# -- mails --------------------------------------------------------------------------------------------


def mail(head: str, body: bytes) -> bytes:
    return head.replace("\n", "\r\n").encode("cp949") + b"\r\n\r\n" + body


def test_mails_in_cp949_are_read_whatever_they_say_of_it() -> None:
    body = "내일 회의는 10시입니다. 펲시 한 잔 합시다.".encode("cp949")
    for kind in (
        "text/plain; charset=euc-kr",
        "text/plain; charset=ks_c_5601-1987",
        "text/plain",
        "text/plain; charset=x-nothing",
    ):
        found = read(
            "a.eml", mail(f"From: 김하늘 <a@example.com>\nSubject: 회의 안내\nContent-Type: {kind}", body)
        )
        assert (found.title, "펲시 한 잔" in found.text) == ("회의 안내", True), kind
        assert "From: 김하늘 <a@example.com>" in found.text


def test_encoded_words_and_transfer_encodings() -> None:
    import base64

    word = base64.b64encode("출장비 정산".encode("cp949")).decode()
    head = (
        f"Subject: =?ks_c_5601-1987?B?{word}?=\n =?utf-8?q?_=EC=95=88=EB=82=B4?=\nFrom: =?euc-kr?B?{word}?= <a@b.c>\nTo: =?bad?x?zz?=\n"
        "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64"
    )
    found = read("a.eml", mail(head, base64.encodebytes("본문입니다.".encode())))
    assert found.title == "출장비 정산 안내"
    assert "From: 출장비 정산 <a@b.c>" in found.text and found.text.endswith("본문입니다.")
    quoted = read(
        "a.eml",
        mail("Subject: x\nContent-Transfer-Encoding: quoted-printable", b"=EB=B3=B8=EB=AC=B8 =\r\ngoes on"),
    )
    assert quoted.text == "# x\n\n본문 goes on"


def test_a_forwarded_mail_is_read_and_attachments_are_named() -> None:
    inner = "From: b@example.com\r\nSubject: the older one\r\nContent-Type: text/html\r\n\r\n<h2>Limits</h2><p>Seoul: 150,000 won<br>a night</p>"
    outer = (
        "Subject: Fwd: limits\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
        "--x\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n--y\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n"
        "--y\r\nContent-Type: text/html\r\n\r\n<p>See below, twice.</p>\r\n--y--\r\n"
        f"--x\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n"
        "--x\r\nContent-Type: text/plain; name=\"notes.txt\"\r\nContent-Disposition: attachment; filename*=utf-8''%ED%9A%8C%EC%9D%98.txt\r\n\r\nnot read\r\n"
        "--x\r\nContent-Type: image/png; name=logo.png\r\n\r\nPNG\r\n--x--\r\n"
    )
    found = read("a.eml", outer)
    assert found.text.split("\n\n") == [
        "# Fwd: limits", "See below.", "- 회의.txt\n- logo.png", "## the older one", "From: b@example.com", "## Limits", "Seoul: 150,000 won a night",
    ]  # fmt: skip


def test_mails_made_to_hurt_are_refused() -> None:
    nested = "".join("Content-Type: message/rfc822\r\n\r\n" for _ in range(500))
    assert reason("a.eml", nested.encode() + b"Subject: x\r\n\r\nhello") in ("too_complex", "damaged")
    parts = "Content-Type: multipart/mixed; boundary=x\r\n\r\n" + "--x\r\n\r\nhi\r\n" * 30_000
    assert reason("a.eml", parts.encode()) == "too_complex"


# -- what a file is -----------------------------------------------------------------------------------


def test_a_wrong_extension_is_read_right_and_said() -> None:
    page = "<!DOCTYPE html><html><body><h1>제목</h1><p>본문</p></body></html>"
    for name in ("export.docx", "table.xlsx", "page.txt"):
        found = read(name, page)
        assert (found.text, found.note, found.media_type) == (
            "# 제목\n\n본문",
            "wrong_extension",
            "text/html",
        )
    assert read("page.htm", page).note == "" and read("page.unknown", page).note == ""


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("규정.hwp", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "old_format"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"), "old_format"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old_format"),
        ("a.ppt", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old_format"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "protected"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "picture"),
        ("a.jpg", b"\xff\xd8\xff\xe0", "picture"),
        ("a.webp", b"RIFF\0\0\0\0WEBPVP8 ", "picture"),
        ("a.rtf", b"{\\rtf1 hello}", "unsupported"),
        ("a.gz", b"\x1f\x8b\x08", "unsupported"),
    ],
)
def test_formats_that_are_not_read_are_named(name: str, data: bytes, why: str) -> None:
    with pytest.raises(LoadError) as caught:
        read(name, data)
    assert caught.value.reason == why
    for language in LANGS:
        assert filled(catalogue(language)[f"rag.reason.{why}"], **caught.value.params)


def test_every_note_is_a_sentence_in_both_languages() -> None:
    for note in (
        "wrong_extension",
        "read_as_text",
        "bad_bytes",
        "rows_left_out",
        "pages_without_text",
        "pages_unreadable",
    ):
        assert all(catalogue(language)[f"rag.note.{note}"] for language in LANGS)
