"""Words that exclude each other where one stands for the other: weekdays, opposites, offices, posts."""

from __future__ import annotations

import re

_SETS: tuple[frozenset[str], ...] = tuple(
    frozenset(line.split())
    for line in (
        "월요일 화요일 수요일 목요일 금요일 토요일 일요일",
        "monday tuesday wednesday thursday friday saturday sunday",
        "국내 해외",
        "국내 국외",
        "상반기 하반기",
        "오전 오후",
        "입사 퇴사",
        "출근 퇴근",
        "시작 종료",
        "증가 감소",
        "정규직 계약직",
        "합격 불합격",
        "유상 무상",
        "유급 무급",
        "평일 주말",
        "구매 판매",
        "내국인 외국인",
        "본사 지사",
        "paid unpaid",
        "domestic international",
        "first last",
        "increase decrease",
        "increased decreased",
        "north south east west",
        "buyer seller",
        "included excluded",
        "covered excluded",
        "eligible ineligible",
        "manager director",
        "mandatory optional",
        "free chargeable",
        "open closed",
        "internal external",
        "employer employee",
        "parent grandparent",
        "winter summer spring autumn",
    )
)
_ENDINGS = re.compile(
    r"(?:본부장|팀장|부장|과장|소장|공장장|센터장|대표이사|이사|책임자|관리자|담당자|사무소|공장|본사|지사|지점|팀|부서|역|광역시|직|카드|요일|실|반장)$"
)
"""What names of offices, posts and places end in: ``천안역`` beside ``수원역`` is another station."""


def swapped(word: str, window: str, sentence: str) -> bool:
    """Say whether a text has a word that stands where the sentence has ``word``, and excludes it.

    Args:
        word: Of the sentence, its stem.
        window: The passage's part.
        sentence: All of the sentence's words: what it says as well is not in the word's place.
    """
    low = window.casefold()
    for one in _SETS:
        if word in one:
            others = one - {word}
            if "가" <= word[0] <= "힣":
                return any(other in low for other in others) and word not in low
            return any(re.search(rf"\b{other}\b", low) for other in others)
    ending = _ENDINGS.search(word)
    if ending is None or (len(word) <= len(ending[0]) and len(word) < 2):
        return False
    if word in low:
        return False
    for match in re.finditer(rf"[가-힣]*{ending[0]}", window):
        if len(match[0]) >= 2 and match[0] != word and match[0][:2] not in sentence.split():
            return True
    return False
