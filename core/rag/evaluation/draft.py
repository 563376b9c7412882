"""Questions drafted from a user's own documents, for a person to check.

A sentence that says something definite is taken from a passage; it is the gold, verbatim. The question to it comes from
the model where what it writes can be one, else from a template. Both repeat words of the sentence, which flatters search
by words: how much is told with every question.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from core.errors import StudyError
from core.rag.keywords import query_terms, terms
from core.text import clean, clean_line, has_hangul

if TYPE_CHECKING:
    from core.engines import Engine

SEED = 11
SHORTEST, LONGEST = 20, 240
"""Terminal-independent bounds of a gold sentence, in characters; Hangul counts double."""
HIGH_OVERLAP = 0.6
"""From here on a question is found by its words alone."""
COPIED = 0.8
"""A "question" that has so much of its sentence only repeats it."""
TERMS = 3
"""Words of a sentence a template is tried with."""
SHARED = 2
"""A question about a sentence has so many of its words (Hangul: bigrams) at least."""
GIVE_UP = 6
"""A model whose first questions in a language are all useless is not asked again in it: each costs seconds."""

Write = Callable[[str], Awaitable[str]]
"""Ask the model; returns what it wrote."""

_MARKS = re.compile(r"^\s*(?:[-*+•·]\s+|\d{1,2}[.)]\s+|>\s*|[①-⑳]\s*)+")
_END = re.compile(r"(?<=[.!?。])\s+")
_WORD = re.compile(r"[^\W_][\w.\-/%]*")
_PARTICLE = re.compile(
    r"(?<=[가-힣0-9A-Za-z][가-힣A-Za-z])(?:에서는|으로는|에게는|까지는|부터는|에서|에게|으로|까지|부터|이나|마다|보다|처럼|한다|된다|하며|은|는|이|가|을|를|에|로|와|과|의|도|만|나)$"
)
_PROMPTS = {
    "ko": "다음 문장이 답이 되는 짧은 질문을 하나만 쓰세요. 질문만 쓰고 설명하지 마세요.\n제목: {heading}\n문장: {quote}\n질문:",
    "en": "Write one short question that the following sentence answers. Write only the question.\nHeading: {heading}\nSentence: {quote}\nQuestion:",
}
_TEMPLATES = {
    "ko": "{place}에서는 '{term}'에 관해 어떻게 정하고 있나요?",
    "en": "What does {place} say about “{term}”?",
}
_PLACES = {"ko": "{document}의 '{heading}'", "en": "{document} under “{heading}”"}
_NUMBER = re.compile(r"^(?:\d{1,2}(?:\.\d{1,2})*[.)]?|제\s?\d+\s?[조장절항](?:의\s?\d+)?)\s+")
_NOUN = re.compile(r"[가-힣A-Za-z](?:을|를|의|에서|으로|에게|와|과|까지|부터)$")
_VERB = re.compile(r"(?:[다요야면며고게지서려니던]|어|여|한|된|할|될)$|(?:ly|wards)$")
_ASKING = re.compile(r"(?:나요|까요|가요|니까|인지|는가|은가|인가|까|죠|지요|어요|예요|에요)$")
_ABOUT_ITSELF = re.compile(
    r"(?:this|the|following) (?:question|sentence|passage)|(?:이|다음|위) (?:문장|질문)", re.IGNORECASE
)
_ASKED = re.compile(
    r"(?:what|which|who|whom|whose|when|where|why|how|is|are|was|were|do|does|did|can|could|may|must|should|will|in|at|on|for|"
    r"after|before|by|to|from|under|within|until|up|during)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk of a document."""

    document: str
    """Path below the folder the set is about, with ``/``."""
    section: str
    text: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A drafted question."""

    id: str
    question: str
    document: str
    quote: str
    language: str
    """``ko`` or ``en``."""
    by: Literal["model", "template"]
    overlap: float
    """Share of the question's words that are in its passage."""


async def draft(passages: Sequence[Passage], n: int, write: Write | None = None) -> list[Draft]:
    """Draft up to ``n`` questions, spread over the documents.

    Args:
        passages: To draw from; of each at most one question.
        n: How many.
        write: The model; ``None``: templates only.
    """
    frequency = Counter(word for one in passages for word in set(_words(one.text)))
    drafts: list[Draft] = []
    asked: Counter[str] = Counter()
    useful: Counter[str] = Counter()
    for passage, quote in _chosen(passages):
        if len(drafts) == n:
            break
        if any(one.quote == quote for one in drafts):
            continue
        question, by = "", "template"
        language = _language(quote)
        if write is not None and (useful[language] or asked[language] < GIVE_UP):
            asked[language] += 1
            question = await _written(write, passage, quote, {one.question for one in drafts})
            useful[language] += bool(question)
            by = "model" if question else by
        known = {one.question for one in drafts}
        question = question or next(
            (one for one in _templates(passage, quote, frequency) if one not in known), ""
        )
        if not question:
            continue
        drafts.append(
            Draft(
                f"d{len(drafts) + 1:03}", question, passage.document, quote, _language(quote),
                "model" if by == "model" else "template", overlap(question, passage),
            )
        )  # fmt: skip
    return drafts


def overlap(question: str, passage: Passage) -> float:
    """Return the share of a question's words (Hangul: bigrams) that its passage has: search by words sees text and
    headings."""
    asked, there = query_terms(question), set(terms(f"{passage.section} {passage.text}"))
    return sum(word in there for word in asked) / len(asked) if asked else 0.0


def to_yaml(drafts: Sequence[Draft], comment: str, note: Callable[[Draft], str]) -> str:
    """Write a set that :func:`core.rag.sample.load_questions` reads.

    Args:
        drafts: The questions.
        comment: Lines for the beginning of the file.
        note: A line of comment for each question.
    """
    import yaml

    parts = ["".join(f"# {line}\n" for line in clean(comment).splitlines())]
    for one in drafts:
        row: dict[str, Any] = {
            "id": one.id,
            "language": one.language,
            "document_language": one.language,
            "kind": "draft",
            "question": one.question,
            "gold": [{"document": one.document, "quote": one.quote}],
        }
        text = yaml.safe_dump([row], allow_unicode=True, sort_keys=False, width=1000)
        parts.append(f"# {clean_line(note(one))}\n{text}")
    return "\n".join(parts)


def writer(engine: Engine, num_ctx: int) -> Write:
    """Return what asks the engine's model for one question: briefly, and the same each time."""
    options = {"temperature": 0, "seed": SEED, "num_predict": 60, "num_ctx": num_ctx}

    async def write(prompt: str) -> str:
        stream = engine.client.chat(engine.model, [{"role": "user", "content": prompt}], options=options)
        return "".join([chunk.text async for chunk in stream])

    return write


# -- what to ask about ---------------------------------------------------------------------------------------


def _chosen(passages: Sequence[Passage]) -> Iterator[tuple[Passage, str]]:
    """Yield passages with their most telling sentence, one of each document in turn."""
    rng = random.Random(SEED)
    documents: dict[str, list[Passage]] = {}
    for one in passages:
        documents.setdefault(one.document, []).append(one)
    for waiting in documents.values():
        rng.shuffle(waiting)
    names = list(documents)
    rng.shuffle(names)
    while names:
        for name in list(names):
            found = None
            while documents[name] and found is None:
                passage = documents[name].pop()
                best = max(sentences(passage.text), key=_telling, default="")
                found = (passage, best) if best else None
            if found is None:
                names.remove(name)
            else:
                yield found


def sentences(text: str) -> list[str]:
    """Return the sentences of a passage that can be asked about, verbatim."""
    found = []
    for line in text.splitlines():
        # Headings say nothing, and a row of a table means little without its header.
        if line.lstrip().startswith(("#", "|", "```", "---")) or line.count("|") > 1:
            continue
        for sentence in _END.split(_MARKS.sub("", line)):
            sentence = sentence.strip()
            size = len(sentence) + sum("가" <= char <= "힣" for char in sentence)
            if (
                SHORTEST <= size <= LONGEST
                and len(_words(sentence)) >= 3
                and not sentence.endswith(("?", ":"))
            ):
                found.append(sentence)
    return found


def _telling(sentence: str) -> tuple[int, int]:
    """Rank a sentence: one that ends as one and has a number in it says something that can be checked."""
    whole = sentence[-1:] in ".!。다요"
    return whole + any(char.isdigit() for char in sentence), len(set(_words(sentence)))


def _words(text: str) -> list[str]:
    return [_PARTICLE.sub("", word).strip(".-/%") for word in _WORD.findall(text)]


def _language(text: str) -> str:
    return "ko" if has_hangul(text) else "en"


# -- how to ask ----------------------------------------------------------------------------------------------


async def _written(write: Write, passage: Passage, quote: str, known: set[str]) -> str:
    language = _language(quote)
    prompt = _PROMPTS[language].format(heading=_heading(passage), quote=clean_line(quote, max_chars=300))
    try:
        answer = await write(prompt)
    except StudyError:
        return ""
    question = asked_of(answer)
    return question if usable(question, quote) and question not in known else ""


def asked_of(answer: str) -> str:
    """Return the question of what a model wrote: its first line that is not empty, without label and quotes."""
    line = next((one for one in clean(answer, max_chars=1000).splitlines() if one.strip()), "")
    line = re.sub(r"^\s*(?:question|질문|q)\s*\d*\s*[:.]\s*", "", line, flags=re.IGNORECASE)
    line = clean_line(line, max_chars=300).strip("\"'“”‘’* ")
    if line and line[-1] in ".。":
        line = line[:-1]
    return f"{line}?" if _ASKING.search(line) else line


def usable(question: str, quote: str) -> bool:
    """Say whether what a model wrote can be a question about a sentence: a question, in its language, with some of its
    words but not all of it."""
    if not 8 <= len(question) <= 160 or not question.endswith("?") or question.count("?") > 1:
        return False
    if has_hangul(question) != has_hangul(quote):
        return False
    asking = _ASKING.search(question[:-1].strip()) if has_hangul(question) else _ASKED.match(question)
    there = set(query_terms(quote))
    shared = len(there.intersection(query_terms(question)))
    return bool(asking) and not _ABOUT_ITSELF.search(question) and SHARED <= shared < COPIED * len(there)


def _heading(passage: Passage) -> str:
    """Return the last heading above a passage, without its number; ``""`` where there is none."""
    last = passage.section.rpartition("›")[2].strip()
    # "p. 3" names a page of a PDF, nothing a person would ask about.
    named = "" if last.startswith("p. ") else _NUMBER.sub("", last).strip("()[]<>【】 ") or last
    return clean_line(named, max_chars=80)


def _place(passage: Passage, language: str) -> str:
    """Say where a passage is: two documents may have the same heading."""
    stem = clean_line(
        passage.document.rpartition("/")[2].rpartition(".")[0] or passage.document, max_chars=80
    )
    heading = _heading(passage)
    if not heading or heading in stem:
        return stem
    return _PLACES[language].format(document=stem, heading=heading)


def _templates(passage: Passage, quote: str, frequency: Counter[str]) -> Iterator[str]:
    """Yield questions about the sentence's most telling words."""
    language = _language(quote)
    place, template = _place(passage, language), _TEMPLATES[language]
    for term in _key_terms(quote, place, frequency)[:TERMS]:
        yield template.format(place=place, term=term)


def _key_terms(quote: str, place: str, frequency: Counter[str]) -> list[str]:
    """Return the words of a sentence, nouns first, of those the ones that fewest passages have; without numbers, which
    would give the answer away, and without what the place's name says."""
    raw = {_PARTICLE.sub("", word).strip(".-/%"): word.strip(".-/%") for word in _WORD.findall(quote)}
    fitting = [
        word
        for word in raw
        if 2 <= len(word) <= 40
        and word not in place
        and not word.startswith(("것", "원"))
        and query_terms(word) == list(dict.fromkeys(terms(word)))
        and not any(char.isdigit() for char in word)
    ]
    return sorted(fitting, key=lambda word: (_grammar(raw[word]), frequency[word], -len(word)))


def _grammar(word: str) -> int:
    """Rank a word: one with a particle that only nouns have, any other, one that looks like a verb or an adverb."""
    return 0 if _NOUN.search(word) else 2 if _VERB.search(word) else 1
