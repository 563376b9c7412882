"""How far an answer from documents is borne out, as the chat shows it: marks in the text, a count, quiet lines below."""

from __future__ import annotations

import re

from core.events import AnswerSupport, SentenceSupport, SourceNote
from core.i18n import tr
from core.text import clean_line
from tui.glyphs import glyphs

BEGIN, END = "\ue000", "\ue001"
"""Around a doubtful sentence in the Markdown text (private characters: no document means anything by them)."""
DOUBTFUL = ("number_mismatch", "negation", "weak", "uncited", "unknown_source")
"""What is marked; ``unchecked`` has its sign only: nothing speaks against it."""
MOST_LINES = 3
"""Sentences explained below an answer."""

_HEAD = re.compile(r"(?:\s*(?:[-*+>•]|\d{1,3}[.)]|#{1,6})\s+)*")
_ROW = re.compile(r"^\s*\||^\s*(?:```|~~~)|^ {4}|^\t")


def sign_of(status: str) -> str:
    """Return the sign behind a sentence; empty for one that is borne out or claims nothing."""
    marks = glyphs()
    if status in ("number_mismatch", "negation"):
        return marks.differ
    if status in DOUBTFUL:
        return marks.ask
    return marks.about if status == "unchecked" else ""


def marked(text: str, support: AnswerSupport | None) -> str:
    """Return an answer's Markdown with its doubtful sentences marked, each with a sign that needs no colour."""
    text = text.replace(BEGIN, "\ufffd").replace(END, "\ufffd")
    parts: list[str] = []
    at = 0
    for one in support.sentences if support else ():
        sign = sign_of(one.status)
        if not sign or not at <= one.start < one.end <= len(text):
            continue
        sentence = text[one.start : one.end]
        # A mark before a row's or item's own sign would make it something else; inside code it would be text.
        if _ROW.match(sentence) or "\n\n" in sentence or sentence.count("`") % 2:
            continue
        head = _HEAD.match(sentence)
        begin = one.start + (head.end() if head else 0)
        parts += [text[at:begin], BEGIN, text[begin : one.end], f" {sign}", END]
        at = one.end
    return "".join([*parts, text[at:]])


def counted(support: AnswerSupport | None) -> str:
    """Return "3 of 4 sentences supported"; empty when there is nothing that could be."""
    claims = claims_of(support)
    if not claims:
        return ""
    held = sum(one.status == "supported" for one in claims)
    return tr("answer.supported", held=held, count=len(claims))


def claims_of(support: AnswerSupport | None) -> list[SentenceSupport]:
    """Return the sentences that say something which a passage could bear out."""
    return [one for one in support.sentences if one.status != "not_a_claim"] if support else []


def lines(support: AnswerSupport | None) -> list[str]:
    """Return what is said below an answer: what is wrong with its sentences, then what to know of its sources."""
    if support is None:
        return []
    found: list[str] = []
    for one in support.sentences:
        if one.status == "number_mismatch":
            number = one.citations[0] if one.citations else 0
            key = "answer.support.number" if one.found else "answer.support.no_number"
            found.append(
                _line(one.status, tr(key, said=_short(one.said), found=_short(one.found), number=number))
            )
        elif one.status == "negation":
            number = one.citations[0] if one.citations else 0
            found.append(_line(one.status, tr("answer.support.negation", number=number)))
        elif one.status == "unknown_source":
            numbers = " ".join(f"[{number}]" for number in one.citations)
            found.append(_line(one.status, tr("answer.support.unknown", numbers=numbers)))
    plain = [one.status for one in support.sentences if one.status in ("weak", "uncited", "unchecked")]
    for status in ("weak", "uncited", "unchecked"):
        if count := plain.count(status):
            key = f"answer.support.{status}"
            found.append(_line(status, tr(key if count == 1 else f"{key}.many", count=count)))
    return [*dict.fromkeys(found[:MOST_LINES]), *(note_line(note) for note in support.notes)]


def note_line(note: SourceNote) -> str:
    """Say what is to be known of a source."""
    names = [_short(name) for name in note.documents]
    numbers = " ".join(f"[{number}]" for number in note.numbers)
    if note.kind == "conflict" and len(names) > 1 and len(note.values) > 1:
        a, b = (_short(value) for value in note.values[:2])
        text = tr("answer.note.conflict", a=names[0], b=names[1], says_a=a, says_b=b, numbers=numbers)
    elif note.kind == "superseded" and len(names) > 1:
        text = tr("answer.note.newer", name=names[0], newer=names[1], numbers=numbers)
    else:
        text = tr(f"answer.note.{note.kind}", name=names[0] if names else numbers, numbers=numbers)
    return f"{glyphs().bad} {text}"


def _line(status: str, text: str) -> str:
    return f"{sign_of(status)} {text}"


def _short(text: str) -> str:
    return clean_line(text, max_chars=60)
