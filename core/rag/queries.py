"""A question taken apart: the words that say something, each with what else documents may call it."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass

from core.rag import glossary
from core.rag.glossary import Phrase
from core.rag.keywords import COMMON, MAX_QUERY_TERMS, bigrams, run_terms, runs, stem, terms
from core.rag.romanise import hangul

MAX_SPELLINGS = 6
"""Hangul spellings of one Latin name that are looked for."""

#: What is joined to a Korean noun; the longest first.
_PARTICLES = sorted(
    [
        "은",
        "는",
        "이",
        "가",
        "을",
        "를",
        "에",
        "의",
        "로",
        "와",
        "과",
        "도",
        "만",
        "나",
        "랑",
        "에서",
        "에게",
        "한테",
        "으로",
        "까지",
        "부터",
        "보다",
        "이나",
        "마다",
        "처럼",
        "이랑",
        "에는",
        "에서는",
        "으로는",
        "에도",
        "이라도",
        "라도",
        "에서도",
        "하고",
        "이고",
        "인데",
        "인가요",
        "인가",
        "이란",
        "란",
        "이라는",
        "라는",
        "께",
        "께서",
        "부터는",
        "까지는",
        "까지의",
        "에서의",
        "이에요",
        "예요",
        "입니까",
        "입니다",
        "이며",
    ],
    key=lambda particle: -len(particle),
)
#: Words of asking, which documents do not answer with.
_ASKING = frozenset(
    [
        "얼마",
        "얼마나",
        "얼마인가요",
        "무엇",
        "무엇을",
        "무슨",
        "뭐",
        "뭘",
        "어떻게",
        "어떤",
        "언제",
        "어디",
        "어디서",
        "어디에",
        "어느",
        "누가",
        "누구",
        "누구의",
        "왜",
        "몇",
        "며칠",
        "하나요",
        "되나요",
        "있나요",
        "없나요",
        "인가요",
        "인지",
        "때",
        "때는",
        "수",
        "것",
        "게",
        "한",
        "할",
        "해",
        "해야",
        "하면",
        "하려면",
        "되면",
        "있으면",
        "없으면",
        "하는",
        "되는",
        "있는",
        "없는",
        "그",
        "이",
        "저",
        "및",
        "또는",
        "그리고",
        "나요",
        "해도",
        "돼요",
        "되어",
        "되어요",
        "합니까",
        "됩니까",
        "있습니까",
        "대해",
        "대한",
        "위해",
        "위한",
        "따라",
        "관련",
        "경우",
        "알려",
        "알려줘",
        "주세요",
        "줘",
        "싶은데",
        "싶어요",
        "가능한가요",
        "가능",
        "나오나요",
        "받나요",
        "드나요",
        "쓰나요",
        "드는",
        "각각",
        "모두",
        "다",
        "더",
        "좀",
        "둘",
        "정도",
        "동안",
        "동안은",
        "안",
        "못",
        "잘",
        "내",
        "나",
        "나는",
        "제",
        "저는",
        "우리",
    ]
)
#: Endings of verbs as questions have them.
_VERB_END = re.compile(
    r"(?:습니까|나요|까요|가요|는가|는지|은지|인지|던가요|어요|아요|해요|세요|려면|하면|했을|하려|하는|하고|하여|해서"
    r"|하기|되는|된|할|한|했|하)$"
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A word of the question."""

    own: Phrase
    """Its keywords."""
    same: tuple[Phrase, ...] = ()
    """Words of the same language that mean about the same."""
    other: tuple[Phrase, ...] = ()
    """Words of the other language."""


def units(query: str, known: Container[str]) -> list[Unit]:
    """Take a question apart.

    Args:
        query: As the user wrote it.
        known: Keywords the documents have; only for the spelling of names.

    Returns:
        Different units in order, at most :data:`MAX_QUERY_TERMS`. When nothing in the query says anything (one
        syllable, common words), its keywords as they are.
    """
    found: dict[Phrase, Unit] = {}
    for _, _, new in placed(query, known):
        for unit in new:
            found.setdefault(unit.own, unit)
    kept = list(found.values()) or [Unit((term,)) for term in dict.fromkeys(terms(query))]
    return kept[:MAX_QUERY_TERMS]


def placed(query: str, known: Container[str]) -> Iterator[tuple[int, int, list[Unit]]]:
    """Yield the units of a question with their place among its :func:`~core.rag.keywords.runs` and how many they take."""
    words = runs(query)
    place = 0
    while place < len(words):
        word = words[place]
        taken = 1
        if "가" <= word[0] <= "힣":
            new = _korean(word)
        elif word.isascii() and word.isalpha():
            new, taken = _english(words[place : place + 3], known)
        else:
            keys = tuple(run_terms(word))
            new = [Unit(keys)] if len(keys[0]) > 1 or keys[0].isdigit() else []
        yield place, taken, new
        place += taken


def _korean(word: str) -> list[Unit]:
    """Cut the ending off a Korean word, and the word where it joins several that are known."""
    base = without_particle(word)
    # A particle alone: it follows a number or a code.
    if word in _ASKING or base in _ASKING or word in _PARTICLES:
        return []
    cut = _VERB_END.sub("", base)
    base = cut if len(cut) > 1 else base
    parts = _known_parts(base)
    if len(parts) > 1:
        return [_unit(part, part) for part in parts]
    if not parts and len(base) == 1:
        return []
    return [_unit(base, parts[0] if parts else "")]


def _unit(word: str, entry: str) -> Unit:
    same, other = (glossary.korean(entry) if entry else None) or ((), ())
    return Unit(tuple(bigrams(word)), same, other)


def without_particle(word: str) -> str:
    """Return a Korean word without the particle joined to it."""
    for particle in _PARTICLES:
        if len(word) - len(particle) >= 2 and word.endswith(particle):
            return word[: -len(particle)]
    return word


def _known_parts(word: str) -> list[str]:
    """Return the words of the glossary a Korean word is made of, from the left, the longest that fits each time."""
    found = []
    place = 0
    while place < len(word):
        for size in range(min(glossary.longest_korean(), len(word) - place), 1, -1):
            if glossary.korean(word[place : place + size]):
                found.append(word[place : place + size])
                place += size
                break
        else:
            place += 1
    return found or ([word] if glossary.korean(word) else [])


def _english(words: list[str], known: Container[str]) -> tuple[list[Unit], int]:
    """Return what the first word is, or the first words together where the glossary has them, and how many."""
    for count in range(len(words), 0, -1):
        phrase = words[:count]
        if not all(word.isascii() and word.isalpha() for word in phrase) or (
            count == 1 and words[0] in COMMON
        ):
            continue
        stems = [stem(word) for word in phrase]
        entry = glossary.english(" ".join(stems))
        if entry:
            own = tuple(word for word in stems if word not in COMMON)
            return [Unit(own, *entry)] if own else [], count
    word = words[0]
    if word in COMMON or len(word) < 2:
        return [], 1
    return [Unit((stem(word),), other=_spellings(word, known))], 1


def _spellings(word: str, known: Container[str]) -> tuple[Phrase, ...]:
    """Return how a name may be written in Hangul, as far as the documents have it."""
    if len(word) < 4:
        return ()
    spelt = (tuple(bigrams(name)) for name in hangul(word) if len(name) > 1)
    return tuple(keys for keys in spelt if all(key in known for key in keys))[:MAX_SPELLINGS]
