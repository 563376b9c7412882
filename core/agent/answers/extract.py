"""Answers by quoting: the one to three sentences of the passages found that fit a question best. No model words them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.agent.answers.numbers import numbers, same
from core.agent.answers.passage import Unit, joined, read, units
from core.agent.answers.words import Word, bigrams, keys_of, share
from core.events import Citation
from core.text import has_hangul, shorten

MOST = 3
"""Sentences quoted at most."""
NEAR = 0.86
"""Share of the best sentence's score a further one needs."""
CELL_CHARS = 40
"""A line without a full stop that is shorter than this is taken for a cell of a table."""
QUOTE_CHARS = 420
"""A longer sentence (a paragraph without full stops) is cut."""
BY_WORDS, BY_MEANING, BY_PASSAGE, BY_CHUNK, BY_KIND, NAMED, TITLE = (
    0.60, 0.55, 0.90, 0.40, 0.12, 0.10, 0.25,
)  # fmt: skip
"""Weights of a sentence's score; chosen on the training questions of the sample corpus."""

_JOINED = re.compile(
    r"^(?:다만|단|또한|그리고|그러나|하지만|이때|이 경우|그 경우|이는|이를|그 밖에|however|but|also|it|they|this|these|otherwise|then|so)\b",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"^\W*(?:문서 ?번호|시행일|개정 ?(?:이력|\d)|작성(?:자|일)|data sheet|document (?:no|number)|effective|edition|revision|version)|"
    r"(?:시행일|Effective|Edition \d|대체합니다|폐지된 문서)",
    re.IGNORECASE,
)
"""Lines about the document itself."""
_SENTENCE = re.compile(r"[.!?。]\W*$|[다요]\W*$")
_KINDS: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = (
    (re.compile(r"얼마|금액|비용|가격|단가|요금|how much|cost|price|fee|spend|budget", re.IGNORECASE), frozenset({"krw", "usd", "eur", "gbp", "%", "point"})),
    (re.compile(r"며칠|몇 ?(?:일|주|개월|달|년)|얼마 동안|기간|how long|how many (?:days|weeks|months|years)|how soon|deadline", re.IGNORECASE), frozenset({"day", "months", "second"})),
    (re.compile(r"몇 ?시|언제|시각|when|what time|which day|date", re.IGNORECASE), frozenset({"clock", "month", "day", "year", "months"})),
    (re.compile(r"몇 ?(?:시간|분|초)|how many (?:hours|minutes|seconds)|how fast", re.IGNORECASE), frozenset({"second"})),
    (re.compile(r"몇|얼마나|how (?:many|much|high|far|often|large|heavy)|percent|maximum|minimum|limit", re.IGNORECASE), frozenset({"*"})),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence or row of a passage that may be quoted."""

    number: int
    """Of its passage."""
    place: int
    """In the passage."""
    unit: Unit
    text: str
    """As it is shown: a row with the names of its columns."""
    relevance: float
    """The passage's score over the best one's."""
    title: bool = False
    """It only names what the passage is about."""
    hit: bool = True
    """It is in the chunk that was found, not only in the section around it."""


def candidates(citations: Sequence[Citation]) -> list[Candidate]:
    """Return what may be quoted of the passages found, in order."""
    top = max((one.score for one in citations), default=0.0) or 1.0
    found = []
    for one in citations:
        above = keys_of(read(f"{one.document} {one.section}").words) | bigrams(
            f"{one.document} {one.section}"
        )
        pieces = _whole(one.text)
        hit = (one.hit_start - one.char_start, one.hit_end - one.char_start) if one.hit_end else None
        for place, unit in enumerate(pieces):
            text = shown(unit)
            if len(text) < 4:
                continue
            title = bool(_ABOUT.search(text)) or (not unit.numbers and keys_of(read(text).words) <= above)
            title = title or (not place and not _SENTENCE.search(text) and not unit.alone and len(text) < 60)
            inside = hit is None or (unit.start < hit[1] and hit[0] < unit.end)
            found.append(Candidate(one.number, place, unit, text, max(0.0, one.score / top), title, inside))
    return found


def _whole(passage: str) -> list[Unit]:
    """Return the sentences and rows of a passage; cells that stand on lines of their own (tables out of PDF files) each with
    the two behind it, since alone they say nothing."""
    pieces = units(passage)
    short = [_is_cell(one) for one in pieces]
    found = []
    for place, one in enumerate(pieces):
        if not short[place]:
            found.append(one)
            continue
        last = place
        while last + 1 < len(pieces) and short[last + 1] and last < place + 2:
            last += 1
        found.append(joined(passage, pieces[place : last + 1]) if last > place else one)
    return found


def _is_cell(one: Unit) -> bool:
    return not one.alone and len(one.text) < CELL_CHARS and not _SENTENCE.search(one.text)


def _overlaps(one: Candidate, other: Candidate) -> bool:
    return one.number == other.number and one.unit.start < other.unit.end and other.unit.start < one.unit.end


def shown(unit: Unit) -> str:
    """Write a sentence on one line; a row of a table as ``name: value``."""
    if unit.named:
        first, *rest = [(name.strip(), cell.strip()) for name, cell in unit.named if cell.strip()]
        if rest:
            return f"{first[1]}: " + ", ".join(f"{name} {cell}" if name else cell for name, cell in rest)
        return first[1]
    text = " ".join(unit.text.strip("|").split())
    return shorten(re.sub(r"^(?:[-*+•]|\d{1,3}[.)])\s+", "", text), QUOTE_CHARS)


def ranked(
    question: str, found: Sequence[Candidate], meaning: Sequence[float] | None = None
) -> list[tuple[float, Candidate]]:
    """Return the candidates with their scores, best first.

    Args:
        question: The user's words.
        found: What may be quoted.
        meaning: Cosine of each candidate to the question, when an embedding model was asked.
    """
    asked = read(question)
    korean = has_hangul(question)
    wanted = next((kinds for pattern, kinds in _KINDS if pattern.search(question)), frozenset[str]())
    weights = [(word, _rarity(word, found)) for word in asked.words]
    total = (
        sum(weight * word.weight for word, weight in weights)
        + 3.0 * len(asked.codes)
        + 2.0 * len(asked.numbers)
        or 1.0
    )
    scored = []
    for place, one in enumerate(found):
        held = sum(
            weight * word.weight * share(word, one.unit.keys, one.unit.syllables) for word, weight in weights
        )
        held += 3.0 * len(asked.codes & one.unit.codes)
        held += 2.0 * sum(any(same(number, other) for other in one.unit.numbers) for number in asked.numbers)
        named = any(one.text.casefold().startswith(code) for code in asked.codes)
        kind = bool(wanted) and any(number.unit in wanted or "*" in wanted for number in one.unit.numbers)
        near = max(0.0, meaning[place]) if meaning is not None else 0.0
        # Words cannot be shared across languages: a sentence of another one is not worth less for it.
        words = held / total if has_hangul(one.text) == korean or not near else near
        score = (
            BY_WORDS * words
            + BY_MEANING * near
            + BY_PASSAGE * one.relevance
            + BY_KIND * kind
            + BY_CHUNK * one.hit
            + NAMED * named
            - TITLE * one.title
        )
        scored.append((score, one))
    return sorted(scored, key=lambda pair: -pair[0])


def extract(
    question: str, citations: Sequence[Citation], meaning: Sequence[float] | None = None
) -> list[Candidate]:
    """Return the sentences to quote, in the order to be read; none when there is no passage.

    A sentence that leans on the one before it (다만, however) brings it along, and the other way round.
    """
    found = candidates(citations)
    order = ranked(question, found, meaning)
    if not order:
        return []
    best, first = order[0]
    chosen = [first]
    for score, one in order[1:]:
        if len(chosen) >= MOST or score < NEAR * best:
            break
        if not any(_overlaps(one, other) or _repeats(one, other) for other in chosen):
            chosen.append(one)
    beside = {one.place - first.place: one for one in found if one.number == first.number}
    before, after = beside.get(-1), beside.get(1)
    leaning = [
        one
        for one, leans in ((before, _JOINED.match(first.text)), (after, after and _JOINED.match(after.text)))
        if one is not None and leans and one not in chosen
    ]
    chosen = [*chosen[: MOST - len(leaning)], *leaning]
    ranks = {one.number: place for place, one in reversed(list(enumerate(chosen)))}
    return sorted(chosen, key=lambda one: (ranks[one.number], one.place))


def best_of_each(
    question: str, citations: Sequence[Citation], meaning: Sequence[float] | None = None
) -> dict[int, Candidate]:
    """Return the sentence nearest to the question of every passage, by the passage's number."""
    found: dict[int, Candidate] = {}
    for _, one in ranked(question, candidates(citations), meaning):
        found.setdefault(one.number, one)
    return found


def _rarity(word: Word, found: Sequence[Candidate]) -> float:
    """Return how telling a word is: what every sentence has says little."""
    having = sum(share(word, one.unit.keys, one.unit.syllables) > 0.6 for one in found)
    return math.log(1.0 + (len(found) + 1) / (having + 1))


def _repeats(one: Candidate, other: Candidate) -> bool:
    """Say whether two sentences say the same in the same words and numbers."""
    a = keys_of(read(one.text).words) | bigrams(one.text)
    b = keys_of(read(other.text).words) | bigrams(other.text)
    if not a or not b:
        return one.text == other.text
    values = {number.value for number in numbers(one.text)}, {number.value for number in numbers(other.text)}
    return len(a & b) / len(a | b) > 0.8 and values[0] == values[1]
