"""Holds one sentence of an answer against the passage it cites: words, numbers and negations.

This is no proof. Words in common are not meaning in common, so numbers, names and negations are looked at apart, and what is
in another language than its passage is ``unchecked``, never ``supported``. The thresholds were chosen on the training half of
``tests/data/support.jsonl``; see ``tests/unit/test_answers_verify.py`` for what they reach on the other half.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.agent.answers.negation import clauses, negations
from core.agent.answers.numbers import Number, is_one, opposite, rivals, same
from core.agent.answers.passage import Parsed, Unit, bag, read, units
from core.agent.answers.rivals import swapped
from core.agent.answers.sentences import CITATION
from core.agent.answers.words import Word, bigrams, keys_of, share
from core.events import SupportStatus

WORDS = 0.55
"""Share of a sentence's words its passage must have."""
MISSING = 0.20
"""Share of a sentence's words that may be names of things the passage does not have."""
ABSENT = 0.34
"""Share of a word below which it counts as missing."""
ASKED = 0.4
"""How much a missing word counts that the question has."""
CLAUSE = 0.5
"""Share of a clause's words from which another clause speaks of the same thing."""
LONGER = 0.12
"""What each further sentence of the passage has to add to the share of words to be taken in."""
RELATED = 0.4
"""Share of words below which a sentence and a passage are not about the same thing."""
MAX_CHARS = 6_000
"""Of a sentence and of a passage that are looked at: both are far shorter where nobody means harm."""
MAX_WINDOW = 3
"""Sentences of the passage that bear out one of the answer together."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a passage says to a sentence."""

    status: SupportStatus
    score: float = 0.0
    """Share of the sentence's words the passage has, 0-1."""
    start: int = 0
    end: int = 0
    """The matching part of the passage; both 0: none."""
    said: str = ""
    found: str = ""
    """On ``number_mismatch``."""


@dataclass(frozen=True, slots=True)
class _Window:
    units: tuple[Unit, ...]
    score: float
    rank: float

    @property
    def span(self) -> tuple[int, int]:
        return self.units[0].start, self.units[-1].end


_ABSTAINS = re.compile(
    r"(?:문서|자료|본문|내용|규정|정보|답변?)\S*(?:에서|에는|에|를|은|는|이|가)?\s?.{0,30}"
    r"(?:없습니다|없다|없음|찾지 못|찾을 수 없|나와 있지 않|나오지 않|확인되지 않|확인할 수 없|언급되지 않|알 수 없|답하지 않|답할 수 없|다루지 않)|"
    r"\b(?:documents?|passages?|text|sources?|context|information)\b.{0,40}\b(?:do(?:es)?(?: not|n['’]t)|no(?:t)? (?:mention|say|contain|"
    r"provide|answer|state|specif\w+|cover|information)|cannot|not (?:in|found|mentioned|given|provided|stated|available))|"
    r"\b(?:not|n['’]t|cannot|no) (?:be )?(?:found?|find|mentioned|stated|specified|answer\w*|information|in)\b.{0,30}\b(?:documents?|passages?|sources?)|"
    r"\bI (?:do not|don['’]t|cannot|can['’]t|could not|couldn['’]t) (?:know|find|answer|tell)",
    re.IGNORECASE,
)
_GREETS = re.compile(
    r"^\W*(?:안녕|반갑|감사|고맙|도움이 (?:되|필요)|더 궁금|추가로 궁금|궁금한 (?:점|것)|hello|hi\b|thank|you['’]re welcome|sure\b|of course|"
    r"i hope|let me know|feel free|please let|here (?:is|are)|based on the (?:passages?|documents?)[,:]?\W*$|"
    r"according to the (?:passages?|documents?)[,:]?\W*$|(?:yes|no|네|예|아니요|아니오)\W*$)",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[“\"「『](.{4,})[”\"」』]", re.DOTALL)


def abstains(text: str) -> bool:
    """Say whether a sentence says that the documents do not tell."""
    return bool(_ABSTAINS.search(text))


def is_claim(text: str) -> bool:
    """Say whether a sentence says something that a passage could bear out."""
    plain = CITATION.sub("", text[:MAX_CHARS]).strip()
    if not plain or plain.endswith(("?", "？")) or _GREETS.search(plain):
        return False
    parsed = read(plain)
    if plain.startswith("#") or (plain.endswith((":", "：")) and not parsed.numbers):
        return False
    if abstains(plain) and not parsed.numbers:
        return False
    return bool(parsed.words or parsed.numbers or parsed.codes)


def verify(sentence: str, passage: str, *, context: str = "", question: str = "") -> Verdict:
    """Hold a sentence against a passage.

    Args:
        sentence: Of the answer; citations in it are not looked at.
        passage: The text it cites.
        context: What stands above the passage: document and section names.
        question: What was asked: a short answer ("15 days.") says its words along.
    """
    plain = CITATION.sub("", sentence[:MAX_CHARS]).strip()
    passage = passage[:MAX_CHARS]
    if not is_claim(sentence):
        return Verdict("not_a_claim")
    if exact := _verbatim(plain, passage):
        return Verdict("supported", 1.0, *exact)
    parsed = read(plain)
    if _other_language(plain, passage):
        return _across(parsed, passage, context)
    found = _judged(parsed, passage, context, question)
    if found.status in ("supported", "negation"):
        return found
    parts = [read(plain[start:end]) for start, end in clauses(plain)]
    if len(parts) > 1 and all(len(part.words) + len(part.numbers) + len(part.codes) > 1 for part in parts):
        # Two statements in one sentence may be borne out by two places.
        each = [_judged(part, passage, context, "") for part in parts]
        if all(one.status == "supported" for one in each):
            best = max(each, key=lambda one: one.score)
            return Verdict("supported", min(one.score for one in each), best.start, best.end)
    return found


def _verbatim(plain: str, passage: str) -> tuple[int, int] | None:
    """Return where a passage has a text word for word, white space and quotation marks aside."""
    quoted = _QUOTED.fullmatch(plain.strip(" .,")) or _QUOTED.fullmatch(plain)
    wanted = (quoted[1] if quoted else plain).strip().rstrip("….").strip()
    if len(wanted) < 8:
        return None
    match = re.search(r"\s+".join(map(re.escape, wanted.split())), passage)
    return match.span() if match else None


def _judged(parsed: Parsed, passage: str, context: str, question: str) -> Verdict:
    pieces = units(passage)
    if not pieces:
        return Verdict("weak")
    around = read(context)
    above = keys_of(around.words) | bigrams(context)
    asked = read(question) if question and len(parsed.words) < 2 else read("")
    if parsed.words and (most := _most(parsed, passage, above, context)) < RELATED:
        # No part of it can have more of the sentence than all of it.
        return Verdict("weak", most)
    window = _best(parsed, asked, pieces, above, context)
    score, span = window.score, window.span
    names = frozenset(code for one in pieces for code in one.codes) | around.codes
    for code in sorted(parsed.codes):
        if code not in frozenset(name for one in window.units for name in one.codes) | around.codes:
            other = next((name for name in sorted(names) if _family(name) == _family(code)), "")
            status: SupportStatus = "number_mismatch" if other and code not in names else "weak"
            return (
                Verdict(status, score, *span, code.upper(), other.upper())
                if status != "weak"
                else Verdict("weak", score, *span)
            )
    window, trouble = _numbers_hold(parsed, window, pieces, around.numbers, read(question).numbers)
    span = window.span
    if trouble is not None:
        if parsed.words and score < RELATED:
            # It speaks of something else: that its numbers are others says nothing.
            return Verdict("weak", score, *span)
        said, rival = trouble
        return Verdict("number_mismatch", score, *span, said, rival)
    if _denies(parsed.text, window):
        return Verdict("negation", score, *span)
    missing = _missing(parsed.words, window, above, context, pieces, keys_of(read(question).words))
    if score >= WORDS and missing <= MISSING:
        return Verdict("supported", score, *span)
    return Verdict("weak", score, *span)


def _most(parsed: Parsed, passage: str, above: frozenset[str], context: str) -> float:
    """Return the share of a sentence's words and names that a whole passage has."""
    keys, syllables, names = bag(passage)
    total = sum(word.weight for word in parsed.words) + 3.0 * len(parsed.codes)
    held = sum(word.weight * share(word, keys | above, f"{syllables} {context}") for word in parsed.words)
    held += 3.0 * sum(code in names or code in context.casefold() for code in parsed.codes)
    return held / total


def _best(
    parsed: Parsed, asked: Parsed, pieces: Sequence[Unit], above: frozenset[str], context: str
) -> _Window:
    """Return the part of a passage that has most of the sentence; the shorter of two alike."""
    found: list[_Window] = []
    for size in range(1, MAX_WINDOW + 1):
        for at in range(len(pieces) - size + 1):
            part = tuple(pieces[at : at + size])
            if size > 1 and any(one.alone for one in part):
                continue
            score = _share(parsed, part, above, context)
            rank = score + 0.1 * _numbers_share(parsed.numbers, part) - LONGER * (size - 1)
            if asked.words:
                rank += 0.5 * _share(asked, part, above, context)
            found.append(_Window(part, score, rank))
    return max(found, key=lambda one: (round(one.rank, 6), -len(one.units)))


def _share(parsed: Parsed, part: Sequence[Unit], above: frozenset[str], context: str) -> float:
    keys = _keys(parsed.words, part) | above
    syllables = " ".join((*(one.syllables for one in part), context))
    names = frozenset(code for one in part for code in one.codes)
    total = sum(word.weight for word in parsed.words) + 3.0 * len(parsed.codes)
    if not total:
        return float(bool(parsed.numbers) and _numbers_share(parsed.numbers, part) == 1.0)
    held = sum(word.weight * share(word, keys, syllables) for word in parsed.words)
    held += 3.0 * sum(code in names or code in context.casefold() for code in parsed.codes)
    return held / total


def _keys(wanted: Sequence[Word], part: Sequence[Unit]) -> frozenset[str]:
    """Return what a part of a passage says in one breath: its sentence nearest to the words wanted, and what the others are
    about. All words of two sentences in one bag would bear out statements that neither makes."""
    if len(part) == 1:
        return part[0].keys
    nearest = max(part, key=lambda one: sum(word.weight * share(word, one.keys) for word in wanted))
    return nearest.keys.union(*(one.topic for one in part))


def _numbers_share(wanted: Sequence[Number], part: Sequence[Unit]) -> float:
    held = [one for unit in part for one in unit.numbers]
    return sum(any(same(one, other) for other in held) for one in wanted) / len(wanted) if wanted else 0.0


def _missing(
    wanted: Sequence[Word],
    window: _Window,
    above: frozenset[str],
    context: str,
    pieces: Sequence[Unit],
    asked: frozenset[str],
) -> float:
    """Return which share of a sentence are names of things that the window does not have; names of people and products,
    and what the passage says elsewhere (of something else), count more."""
    keys = _keys(wanted, window.units) | above
    syllables = " ".join((*(one.syllables for one in window.units), context))
    elsewhere = frozenset(key for one in pieces for key in one.keys)
    total = sum(word.weight for word in wanted) or 1.0
    lost = 0.0
    text = " ".join(one.text for one in window.units)
    sentence = " ".join(found for word in wanted for found in word.keys)
    for word in wanted:
        if share(word, keys, syllables) < 1.0 and swapped(word.text, text, sentence):
            lost += total
            continue
        if share(word, keys, syllables) >= ABSENT:
            continue
        if word.proper:
            lost += total
        elif word.noun and share(word, asked) > 0.6:
            # It is the question's own word: said again more than claimed.
            lost += ASKED * word.weight
        elif word.noun:
            lost += word.weight * (2.0 if share(word, elsewhere) > 0.99 and len(word.keys[0]) > 1 else 1.0)
    return lost / total


def _numbers_hold(
    parsed: Parsed,
    window: _Window,
    pieces: Sequence[Unit],
    around: Sequence[Number],
    asked: Sequence[Number],
) -> tuple[_Window, tuple[str, str] | None]:
    """Check every number; returns the window (wider, where a number needed it), and what is said and found where they differ."""
    for number in parsed.numbers:
        held = [one for unit in window.units for one in unit.numbers]
        equal = [one for one in held if same(number, one)]
        if equal:
            if all(opposite(number, one) for one in equal):
                return window, (_bounded(number), _bounded(equal[0]))
            if other := _of_another(parsed, number, window):
                return window, (number.text, other.text)
            continue
        named = [*around, *(one for unit in window.units for one in unit.above)]
        if any(same(number, one) for one in named):
            continue
        against = rivals(number, held) or [one for one in held if number.unit and not one.unit]
        if against:
            return window, (number.text, against[0].text)
        wider = _wider(number, window, pieces)
        if wider is not None:
            window = wider
        elif not is_one(number) and not any(same(number, one) for one in asked):
            return window, (number.text, "")
    return window, None


def _bounded(number: Number) -> str:
    return f"{'≥' if number.direction > 0 else '≤'} {number.text}"


def _of_another(parsed: Parsed, number: Number, window: _Window) -> Number | None:
    """Return the number that stands where the sentence's should be, when its own belongs to something else there.

    "Seoul 15, Busan 12": a sentence that gives Busan 15 has a number of its source, but not Busan's.
    """
    own = next(
        (
            [word for word in parsed.words if start <= word.start < end]
            for start, end in clauses(parsed.text)
            if start <= number.start < end
        ),
        list(parsed.words),
    ) or list(parsed.words)
    said = keys_of(own)
    unit = next(one for one in window.units if any(same(number, other) for other in one.numbers))
    segments = [one for one in unit.segments if one.numbers]
    if len(segments) < 2:
        return None
    pairs = [pair for one in segments for pair in zip(one.numbers, one.labels, strict=True)]
    labels = [label for other, label in pairs if same(number, other)]
    if labels and not any(label is None or share(label, said) > ABSENT for label in labels):
        for other, label in pairs:
            if (
                other.unit == number.unit
                and not same(number, other)
                and label
                and share(label, said) > ABSENT
            ):
                return other
    elif labels:
        return None
    scored = [
        (sum(word.weight * (share(word, one.keys, one.syllables) > 0.6) for word in own), one)
        for one in segments
    ]
    mine = max(
        (score for score, one in scored if any(same(number, other) for other in one.numbers)), default=0.0
    )
    for score, one in sorted(scored, key=lambda pair: -pair[0]):
        if score <= mine:
            break
        if any(same(number, other) for other in one.numbers):
            break
        if against := [other for other in one.numbers if other.unit == number.unit or not other.unit]:
            return against[0]
    return None


def _wider(number: Number, window: _Window, pieces: Sequence[Unit]) -> _Window | None:
    """Return the window with its neighbours up to the sentence that has the number, when that is near."""
    first = pieces.index(window.units[0])
    last = pieces.index(window.units[-1])
    for size in range(len(window.units) + 1, MAX_WINDOW + 1):
        for at in range(max(0, last - size + 1), min(first, len(pieces) - size) + 1):
            part = tuple(pieces[at : at + size])
            if any(one.alone for one in part):
                continue
            if any(same(number, one) for unit in part for one in unit.numbers):
                return _Window(part, window.score, window.rank)
    return None


def _denies(sentence: str, window: _Window) -> bool:
    """Say whether a clause of a sentence says no where its source says yes, or the other way round."""
    theirs: list[tuple[frozenset[str], str, Sequence[Number], int]] = []
    for unit in window.units:
        if unit.alone:
            cells = [f"{name} {cell}" for name, cell in unit.named]
            parts = [unit.text, *cells, *(cell[a:b] for cell in cells for a, b in clauses(cell))]
        else:
            parts = list(dict.fromkeys([*(unit.text[a:b] for a, b in clauses(unit.text)), unit.text]))
        for piece in parts:
            keys = keys_of(read(piece).words) | bigrams(piece)
            theirs.append(
                (
                    keys | unit.keys if piece == unit.text else keys,
                    piece,
                    read(piece).numbers,
                    negations(piece),
                )
            )
    for start, end in clauses(sentence):
        part = read(sentence[start:end])
        total = sum(word.weight for word in part.words) + 2.0 * len(part.numbers)
        if not part.words:
            continue
        scored = []
        for keys, text, held, count in theirs:
            shares = [share(word, keys, text) for word in part.words]
            equal = sum(
                any(one.unit == other.unit and same(one, other) for other in held) for one in part.numbers
            )
            score = sum(one * word.weight for one, word in zip(shares, part.words, strict=True)) + 2.0 * equal
            alike = sum(one > 0.6 for one in shares) + equal
            scored.append((score / total, -len(text), alike, count))
        best = max(scored)
        # One word in common is not the same statement.
        telling = best[2] > 1 or (len(part.words) == 1 and len(part.words[0].keys) > 1)
        if best[0] >= CLAUSE and telling and (best[3] - negations(part.text)) % 2:
            return True
    return False


def _family(code: str) -> str:
    return re.sub(r"[^a-z]", "", code)


def _script(text: str) -> tuple[int, int]:
    hangul = 2 * sum("가" <= char <= "힣" for char in text)
    return hangul, sum(char.isascii() and char.isalpha() for char in text)


def _other_language(sentence: str, passage: str) -> bool:
    """Say whether sentence and passage are written in different scripts, so that words cannot be compared."""
    hangul, latin = _script(sentence)
    theirs_hangul, theirs_latin = _script(passage)
    if hangul >= latin:
        return hangul > 0 and theirs_hangul < 0.15 * theirs_latin
    return theirs_latin < 0.15 * theirs_hangul


def _across(parsed: Parsed, passage: str, context: str) -> Verdict:
    """Check what is the same in every language: numbers and names."""
    source, around = read(passage), read(context)
    held = [*source.numbers, *around.numbers]
    names = source.codes | around.codes
    for number in parsed.numbers:
        if not any(same(number, one) for one in held):
            against = rivals(number, held)
            return Verdict("number_mismatch", 0.0, said=number.text, found=against[0].text if against else "")
    for code in sorted(parsed.codes - names):
        other = next((name for name in sorted(names) if _family(name) == _family(code)), "")
        return Verdict("number_mismatch", 0.0, said=code.upper(), found=other.upper())
    start, end = _across_span(parsed, passage)
    return Verdict("unchecked", 0.0, start, end)


def _across_span(parsed: Parsed, passage: str) -> tuple[int, int]:
    """Return the sentence of the passage with most of the numbers and names, to point at."""
    if not parsed.numbers and not parsed.codes:
        return 0, 0
    best = max(
        units(passage),
        key=lambda one: _numbers_share(parsed.numbers, [one]) + len(parsed.codes & one.codes),
        default=None,
    )
    return (best.start, best.end) if best else (0, 0)
