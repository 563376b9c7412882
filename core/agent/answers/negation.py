"""Whether a clause says yes or no: counts of negations, in Korean and English."""

from __future__ import annotations

import re

_KOREAN = re.compile(
    r"(?<![가-힣])안\s(?!에|으로|쪽)|(?<![가-힣])못\s|않|못[하할한합했해]|없|아니(?!면|라도)|아닌|아닙|아님|불가|금지|불필요|불허|제외(?:한|하|되|된|됩)|마십시오|마세요|말아야|말 것|"
    r"미지급|무관|삼가|거절|어렵|안 [된됩되돼]|안된|안됩"
)
_ENGLISH = re.compile(
    r"\bnot\b|n['’]t\b|\bno\b(?!\.\s?\d)|\bnever\b|\bcannot\b|\bwithout\b|\bneither\b|\bnor\b|\bnone\b|\bnobody\b|\bunless\b|"
    r"\bprohibit\w*|\bforbid\w*|\bunable\b|\bexclud\w*|\bexcept\b|\bunpaid\b|\bfree of\b|\brefus\w*|\bdenied\b|\bban(?:ned|s)?\b|"
    r"\bineligible\b|\boptional\b|\bnon-",
    re.IGNORECASE,
)
_NEUTRAL = re.compile(
    r"\b(?:no|not) (?:more|less|later|earlier|longer|fewer) than\b|\bnot only\b|\bno(?:t)? later\b|뿐(?:만)? 아니라|에 (?:관계|상관)없이|빠짐없이|틀림없|\bif not\b|"
    r"\bwhether or not\b|지 않으면 안|어쩔 수 없",
    re.IGNORECASE,
)
_CLAUSES = re.compile(
    r"[,;:]\s|(?<=지만)\s|(?<=[으이하되]며)\s|(?<=하고)\s|(?<=되고)\s|(?<=으나)\s|(?<=하나)\s|(?<=는데)\s|(?<=[쓰없있않]고)\s|(?<=면)\s|(?<=[아어]도)\s|(?<=이고)\s|(?<=해서)\s|"
    r"\s(?=(?:but|however|while|whereas|although|unless|except|and|if|when)\s)",
    re.IGNORECASE,
)


def negations(text: str) -> int:
    """Count the negations of a text; "no more than" and the like are none."""
    plain = _NEUTRAL.sub(" ", text)
    return len(_KOREAN.findall(plain)) + len(_ENGLISH.findall(plain))


def clauses(text: str) -> list[tuple[int, int]]:
    """Return where the clauses of a sentence are; at least one."""
    found, at = [], 0
    for match in _CLAUSES.finditer(text):
        if match.start() - at >= (4 if "가" <= text[match.start() - 1] <= "힣" else 12):
            found.append((at, match.end()))
            at = match.end()
    if at < len(text) or not found:
        found.append((at, len(text)))
    return found
