"""Place names in questions. A name that is not listed is taken where the sentence leaves no doubt."""

from __future__ import annotations

import re

KOREAN = frozenset(
    [
        "서울",
        "부산",
        "대구",
        "인천",
        "광주",
        "대전",
        "울산",
        "세종",
        "수원",
        "성남",
        "고양",
        "용인",
        "부천",
        "안산",
        "안양",
        "남양주",
        "화성",
        "평택",
        "의정부",
        "시흥",
        "파주",
        "김포",
        "춘천",
        "원주",
        "강릉",
        "속초",
        "동해",
        "청주",
        "충주",
        "제천",
        "천안",
        "아산",
        "공주",
        "전주",
        "군산",
        "익산",
        "정읍",
        "남원",
        "목포",
        "여수",
        "순천",
        "광양",
        "포항",
        "경주",
        "안동",
        "구미",
        "김천",
        "창원",
        "진주",
        "통영",
        "거제",
        "김해",
        "양산",
        "제주",
        "서귀포",
        "제주도",
        "울릉도",
        "독도",
        "강원도",
        "경기도",
        "충청도",
        "전라도",
        "경상도",
        "판교",
        "강남",
        "홍대",
        "평양",
        "도쿄",
        "오사카",
        "교토",
        "후쿠오카",
        "삿포로",
        "나고야",
        "베이징",
        "상하이",
        "홍콩",
        "타이베이",
        "방콕",
        "하노이",
        "호치민",
        "다낭",
        "싱가포르",
        "마닐라",
        "자카르타",
        "델리",
        "뭄바이",
        "두바이",
        "이스탄불",
        "모스크바",
        "런던",
        "파리",
        "베를린",
        "뮌헨",
        "로마",
        "밀라노",
        "마드리드",
        "바르셀로나",
        "빈",
        "프라하",
        "취리히",
        "암스테르담",
        "브뤼셀",
        "스톡홀름",
        "오슬로",
        "헬싱키",
        "코펜하겐",
        "뉴욕",
        "워싱턴",
        "보스턴",
        "시카고",
        "시애틀",
        "로스앤젤레스",
        "샌프란시스코",
        "라스베이거스",
        "하와이",
        "밴쿠버",
        "토론토",
        "멕시코시티",
        "상파울루",
        "시드니",
        "멜버른",
        "오클랜드",
        "카이로",
        "나이로비",
        "미국",
        "일본",
        "중국",
        "영국",
        "프랑스",
        "독일",
        "호주",
        "캐나다",
        "인도",
        "베트남",
        "태국",
    ]
)
ENGLISH = frozenset(
    [
        "seoul",
        "busan",
        "daegu",
        "incheon",
        "gwangju",
        "daejeon",
        "ulsan",
        "jeju",
        "suwon",
        "tokyo",
        "osaka",
        "kyoto",
        "beijing",
        "shanghai",
        "taipei",
        "bangkok",
        "hanoi",
        "singapore",
        "manila",
        "jakarta",
        "delhi",
        "mumbai",
        "dubai",
        "istanbul",
        "moscow",
        "london",
        "paris",
        "berlin",
        "munich",
        "rome",
        "milan",
        "madrid",
        "barcelona",
        "vienna",
        "prague",
        "zurich",
        "amsterdam",
        "brussels",
        "stockholm",
        "oslo",
        "helsinki",
        "copenhagen",
        "boston",
        "chicago",
        "seattle",
        "houston",
        "miami",
        "denver",
        "vancouver",
        "toronto",
        "sydney",
        "melbourne",
        "auckland",
        "cairo",
        "nairobi",
        "dublin",
        "lisbon",
        "athens",
        "warsaw",
        "budapest",
    ]
) | {"new york", "los angeles", "san francisco", "hong kong", "las vegas", "mexico city", "cape town"}

_SUFFIX = r"(?:특별시|광역시|특별자치시|시|군|구|도|읍|면|동)?"
_KOREAN = re.compile(
    rf"(?<![가-힣])((?:{'|'.join(sorted(KOREAN, key=len, reverse=True))}){_SUFFIX})"
    r"(?=(?:에서|에는|에|은|는|의|이|가|도|로|하고|이랑|랑)?(?![가-힣])|(?:날씨|기온|예보))"
)
_KOREAN_STRICT = re.compile(
    r"^(?:오늘|내일|지금|이번\s*주)?\s*([가-힣]{2,8}?)(?:의|은|는|에)?\s*(?:오늘|내일|지금|현재|이번\s*주)?\s*"
    r"(?:날씨|기온)(?:는|은|가|를|을)?\s*(?:어때|알려|어떻|궁금|좀|보여|말해|\?|$)"
)
_NO_PLACE = frozenset(
    [
        "오늘",
        "내일",
        "지금",
        "현재",
        "요즘",
        "이번",
        "주말",
        "날씨",
        "밖에",
        "바깥",
        "여기",
        "우리",
        "동네",
        "이번주",
        "모레",
        "어제",
        "다음",
    ]
)
_CAPITALS = r"[A-Z][\w'’.-]*(?:\s+(?:de|of|la|el|the)?\s*[A-Z][\w'’.-]*){0,3}"
_AFTER_IN = re.compile(rf"\b(?:in|at|for|around|near)\s+(?:the\s+)?({_CAPITALS})")
_BEFORE = re.compile(
    rf"^(?:is\s+it\s+|what(?:'s| is)\s+)?({_CAPITALS})(?:'s)?\s+(?:weather|forecast|temperature|time)\b"
)
_NO_CITY = frozenset(
    [
        "what",
        "how",
        "will",
        "is",
        "the",
        "give",
        "tell",
        "do",
        "does",
        "this",
        "today",
        "tomorrow",
        "please",
        "show",
        "current",
        "can",
        "i",
        "my",
        "weather",
    ]
)


def find_place(text: str) -> str:
    """Return the place a question names, as it is written without particles; ``""`` when it names none."""
    if any("가" <= char <= "힣" for char in text):
        found = _KOREAN.search(text)
        if found:
            return found[1]
        strict = _KOREAN_STRICT.search(text.strip())
        if strict and strict[1] not in _NO_PLACE:
            return strict[1]
    for pattern in (_AFTER_IN, _BEFORE):
        named = pattern.search(text)
        if named:
            words = named[1].rstrip(".,?!").split()
            while words and words[-1].lower() in _NO_CITY:
                words.pop()
            if words and words[0].lower() not in _NO_CITY:
                return " ".join(words)
    lower = text.lower()
    return next(
        (city for city in sorted(ENGLISH, key=len, reverse=True) if re.search(rf"\b{city}\b", lower)), ""
    )
