"""What a question asks for: which of its words name things, which one is asked about, and what an answer looks like.

Rules and word lists, no model: Korean by particles and endings, English by a list of words that say little. They are
wrong now and then; what is made of them (:mod:`core.rag.abstain`) weighs them, it does not obey them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Literal

from core.rag import glossary
from core.rag.keywords import COMMON, bigrams, runs, stem
from core.rag.queries import Unit, placed, without_particle
from core.rag.wanted import wanted

Role = Literal["thing", "code", "number", "counter", "other"]

LONGEST = 1_000
"""Characters of a question that are looked at."""

MOST = 24
"""Words looked at; no question needs more."""

_ASKS = re.compile(r"얼마|언제|누가|누구|어디|무엇|무슨|뭐|뭘|몇|며칠|왜|어떻게|어떤|어느")
_WHICH = ("어느", "어떤", "무슨")
#: Korean words that qualify or count and name nothing a document would have to mention.
_QUALIFYING = frozenset(
    re.findall(
        r"\w+",
        "가장 많이 많은 다른 모두 갑자기 아직 이미 미리 매달 다달이 지금 오래 뒤 뒤에 전에 안에 앞 앞으로 때 동안 까닭 이유 새 두 세"
        " 네 한 둘 셋 첫 각 서로 혼자 직접 따로 함께 같이 자주 그냥 꼭 바로 아무 아무것도 별도 별도로 경우 사람 방법 처음 사이 중"
        " 이후 이상 이하 정도 만약 여기 올해 작년 매년 해마다 매월 하나 개 명 일 년 월 시 분 주 건 곳 회 번 대 다음 날 다시 뜻 쪽",
    )
)
_COPULA = re.compile(r"(?:인가요|인가|입니까|예요|이에요|이며|인지|인데)$")
_VERB = re.compile(
    r"(?:려면|으면|하면|되면|리면|나면|가면|끼면|려고|지만|도록|거나|든지|는데|은데|인데|느라|다가|하다|자마자|습니다|니까|나요|까요"
    r"|가요|어요|아요|해요|돼요|세요|네요|는지|은지|하는|되는|있는|없는|받는|걸리는|나오는|받은|남은|높은|낮은|같은|늦은|적은|작은"
    r"|좋은|않은|넘은|지난|다친|맡긴|보낸|만든|된|한|할|될|하고|하게|하여|아야|어야|해야|춰야|라도|[았었했갔왔났됐]던)$"
)
_BEFORE_BOUND = ("수", "때", "줄", "것", "적", "예정")
_NOUNS_LIKE_VERBS = (
    "사고",
    "창고",
    "광고",
    "재고",
    "보고",
    "신고",
    "경고",
    "화면",
    "서면",
    "표면",
    "도면",
    "무게",
    "가게",
)
_OBJECT = re.compile(r"(?:을|를|이|가|은|는|도|에도|로|으로)$")
_LIGHT = frozenset(
    stem(word)
    for word in re.findall(
        r"\w+",
        "take receive get give offer provide use make allow happen work keep hold need want go come let put see find show"
        " say tell know mean add run start begin end stop pass still already also one two three four five six first last"
        " new old most least per each any every other another same both again ever only own far ahead fast quickly quick"
        " soon early late often large small big great high low heavy loud long short good bad much more less well back up"
        " down out off over away here there now today way kind sort people person someone anyone somebody everybody"
        " nobody company us following given different possible able necessary about between during while before after"
        " until since without within through against because due turn set call called belong exist available include"
        " contain cover apply require exactly currently usually really yet just even too maximum minimum under than how"
        " at be per what which",
    )
)
_BREAK = frozenset(
    re.findall(
        r"\w+",
        "do does did is are was were be been has have had can could may might must shall should will would i we you they he she"
        " it the a an of for in on at by with from to into about under over per who which that what when if and or my our your"
        " their its this these those not no need",
    )
)
_AUXILIARY = frozenset(
    re.findall(
        r"\w+",
        "do does did is are was were has have had can could may might must shall should will would",
    )
)
#: What ``how ADJECTIVE`` asks for: words of it in both languages.
_QUALITIES = {
    "heavy": "weight weigh kilogram 무게 중량 킬로그램",
    "loud": "noise decibel loud 소음 데시벨",
    "large": "size large 크기 용량 면적",
    "big": "size big 크기 면적",
    "high": "height high 높이",
    "tall": "height 높이",
    "deep": "depth deep 깊이",
    "wide": "width wide 폭 너비",
    "thick": "thickness thick 두께",
    "hot": "temperature degree 온도",
    "cold": "temperature degree 온도",
    "old": "age old 나이 연령",
}


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the question."""

    unit: Unit
    role: Role
    said: str
    """Without its particle."""
    asked: bool = False
    """It is what is asked for: the speed in "What is the speed of the pump?"."""
    beside: str = ""
    """For a number the word it belongs to, which follows it in Korean."""

    @property
    def terms(self) -> frozenset[str]:
        """Keywords of the word and of everything that means the same."""
        return frozenset(
            term for phrase in (self.unit.own, *self.unit.same, *self.unit.other) for term in phrase
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """A question understood as far as rules go."""

    words: tuple[Word, ...]
    wants: str
    """Kind of the answer, see :mod:`core.rag.wanted`; ``""``: any sentence may be it."""
    counter: str
    """Word that must stand by the number wanted."""
    korean: bool
    yes_or_no: bool
    """It is a question, but no word asks for anything in particular."""
    bare: bool
    """No question but words to look for: every one of them is asked for."""


def understand(query: str, known: Container[str]) -> Asked:
    """Take a question apart.

    Args:
        query: As the user wrote it.
        known: Keywords the documents have.
    """
    # Together: Hangul in parts, as some systems write it, is none to the rules.
    query = unicodedata.normalize("NFC", query[: 3 * LONGEST])[:LONGEST]
    said = runs(query)
    korean = any("가" <= char <= "힣" for char in query)
    found: list[tuple[Unit, Role, int]] = []
    for place, taken, new in placed(query, known):
        role = _role(said, place, taken)
        found += [(unit, role, place) for unit in new]
    found += _quality(said)
    wants, counter = wanted(query, said)
    open_ended = bool(wants) or any(word in ("what", "which", "who") or _ASKS.match(word) for word in said)
    bare = not open_ended and not _is_question(query, said)
    if bare:
        focus = {place for _, _, place in found}
    else:
        focus = _korean_focus(said, found) if korean else _english_focus(said, found)
    words: dict[tuple[str, ...], Word] = {}
    for unit, role, place in found:
        word = said[place]
        words.setdefault(
            unit.own,
            Word(
                unit,
                role,
                without_particle(word) if "가" <= word[0] <= "힣" else word,
                asked=place in focus and role in ("thing", "code"),
                beside=_beside(said, place) if role == "number" else "",
            ),
        )
    return Asked(tuple(words.values())[:MOST], wants, counter, korean, not open_ended and not bare, bare)


def _is_question(query: str, said: Sequence[str]) -> bool:
    asks = "?" in query or any(word in ("when", "where", "why", "how") for word in said)
    return asks or (bool(said) and (said[0] in _AUXILIARY or said[-1].endswith(("요", "까", "지", "냐"))))


def _beside(said: Sequence[str], place: int) -> str:
    after = said[place + 1] if place + 1 < len(said) else ""
    if after and "가" <= after[0] <= "힣":
        return after[0]
    before = said[place - 1] if place else ""
    return before if before.isalpha() and before not in _BREAK and before != "than" else ""


def _role(said: Sequence[str], place: int, taken: int) -> Role:
    word = said[place]
    if "가" <= word[0] <= "힣":
        return _korean_role(said, place)
    if word.isascii() and word.isalpha():
        light = taken == 1 and (stem(word) in _LIGHT or word in _LIGHT or word in COMMON)
        return "other" if light else "thing"
    return "code" if any(char.isalpha() for char in word) else "number"


def _korean_role(said: Sequence[str], place: int) -> Role:
    word, base = said[place], without_particle(said[place])
    after = said[place + 1] if place + 1 < len(said) else ""
    if place and said[place - 1] == "몇":
        return "counter"
    if _ASKS.match(word) or not _QUALIFYING.isdisjoint((word, base, _COPULA.sub("", word))):
        return "other"
    if _COPULA.search(word):
        return "thing"
    if word.endswith("요") or _is_verb(word, base, after):
        return "other"
    return "thing"


def _is_verb(word: str, base: str, after: str) -> bool:
    final = (ord(word[-1]) - 0xAC00) % 28
    if after in _BEFORE_BOUND and final in (4, 8):
        return True
    if after.startswith(("되", "돼", "괜찮", "좋")) and word.endswith("도"):
        return True
    if after.startswith(("않", "못", "말", "마")) and word.endswith("지"):
        return True
    if (len(word) == 2 and word[-1] in "는던") or (len(word) > 1 and word.endswith("야")):
        return True
    # The glossary has the forms of verbs, too.
    if glossary.korean(base) and not _VERB.search(base):
        return False
    if any(word.endswith(noun) for noun in _NOUNS_LIKE_VERBS):
        return False
    if len(word) <= 2 and word[-1] in "은고면게" and not glossary.korean(word):
        return True
    if word.endswith("면") and len(word) > 2:
        return True
    if word.endswith("서") and len(word) > 1:
        vowel, last = (ord(word[-2]) - 0xAC00) // 28 % 21, (ord(word[-2]) - 0xAC00) % 28
        if last == 0 and vowel in (0, 1, 4, 6, 9, 14):
            return True
    return bool(_VERB.search(word)) or word.endswith(("고서", "놓고", "쓰고", "켜고", "들고", "가고", "오고"))


def _korean_focus(said: Sequence[str], found: Sequence[tuple[Unit, Role, int]]) -> set[int]:
    things = sorted({place for _, role, place in found if role in ("thing", "code")})
    at = next((place for place, word in enumerate(said) if _ASKS.match(word) and word != "왜"), None)
    if (
        "왜" in said
        or "까닭은" in said
        or "이유는" in said
        or (at is not None and said[at].startswith("어떻게"))
    ):
        return set()
    if at is not None and said[at] in _WHICH:
        return set([place for place in things if place > at][:1])
    before = [place for place in things if at is None or place < at]
    if not before:
        return set(things[:1])
    if at is None:
        marked = [place for place in before if _OBJECT.search(said[place])]
        before = [place for place in before if place <= marked[-1]] if marked else before
    last = before[-1]
    focus = {last}
    while last - 1 in before and without_particle(said[last - 1]) == said[last - 1]:
        last -= 1
        focus.add(last)
    return focus


def _english_focus(said: Sequence[str], found: Sequence[tuple[Unit, Role, int]]) -> set[int]:
    start: int | None = None
    for place, word in enumerate(said):
        after = said[place + 1] if place + 1 < len(said) else ""
        if word == "how" and after in ("many", "much"):
            start = place + 2
        elif word == "how" and after in _QUALITIES:
            return {place + 1}
        elif word == "which" or (word in ("what", "who") and (word == "what" or after in _AUXILIARY)):
            start = place + 1
        elif word in ("when", "where", "why", "how", "who"):
            return set()
        else:
            continue
        break
    if start is None:
        things = [place for _, role, place in found if role == "thing"]
        return set(things) if said and said[0] in _AUXILIARY else set()
    while start < len(said) and said[start] in _BREAK:
        start += 1
    end = start
    while end < len(said) and said[end] not in _BREAK:
        end += 1
    return set(range(start, end))


def _quality(said: Sequence[str]) -> list[tuple[Unit, Role, int]]:
    for place, word in enumerate(said[:-1]):
        if word == "how" and said[place + 1] in _QUALITIES and said[place + 2 : place + 3] != ["ahead"]:
            kinds = _QUALITIES[said[place + 1]].split()
            english = [(stem(kind),) for kind in kinds if kind.isascii()]
            korean = [tuple(bigrams(kind)) for kind in kinds if not kind.isascii()]
            return [(Unit(("?", said[place + 1]), tuple(english), tuple(korean)), "thing", place + 1)]
    return []
