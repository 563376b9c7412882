"""What can be told from a question by its words alone: the tool and its arguments, where there is no doubt."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from core.agent.arithmetic import find_expression
from core.agent.routing.places import find_place
from core.agent.routing.spoken import with_digits
from core.agent.types import Step
from core.text import clean_line


@dataclass(frozen=True, slots=True)
class Certain:
    """A tool that was certainly asked for; ``missing`` names the argument the question does not give."""

    step: Step
    missing: str = ""
    soft: bool = False
    """Documents that have the answer are the better place: the words may as well ask for something written."""


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_URL = re.compile(r"https?://[^\s<>\"'가-힣]+", re.IGNORECASE)
_QUOTED = _any(
    r"(?:이?라는|이?라고)\s",
    r"\bthe (?:word|phrase|term)\b",
    r"\bstand for\b",
    r"\bmean(?:s|ing)?\b",
    "뜻이?\s*(?:뭐|무슨)",
)
"""A question about words: what is named in it is not asked for."""
_MINE = _any(
    "문서",
    "매뉴얼",
    "규정",
    "사내",
    "취업규칙",
    "핸드북",
    r"\b(?:handbook|manual|docs?|documents?|policy|policies|contract)\b",
)

_WEB = _any(
    r"(?:인터넷|웹|구글|네이버|온라인)(?:에서|으로|에)?\s.*(?:검색|찾)",
    r"검색\s*(?:해|좀|부탁)",
    r"웹\s*검색",
    r"\b(?:search|look|find|check)\b.*\b(?:the web|online|on the internet|the internet|on the web)\b",
    r"^\s*(?:please\s+)?google\s+\w",
    r"\bweb search\b",
)
_NET = _any(r"인터넷|웹|구글|네이버|온라인", r"\b(?:web|online|internet|google)\b")
_WEB_WORDS = _any(
    r"(?:인터넷|웹|구글|네이버|온라인)(?:에서|으로|에)?(?=\s|$)",
    r"\s*(?:을|를|에\s*대해서?)?\s*(?:웹\s*)?(?:검색|찾아)(?:해|\s*봐|\s*줘|\s*주세요|\s*좀|\s*부탁해?)*.*$",
    r"^\s*(?:please\s+)?(?:can you\s+)?(?:do a\s+)?(?:web\s+)?(?:search(?:\s+(?:the web|online|the internet))?|google|look up|find|check)(?:\s+for|\s*:)?\s+",
    r"\s+(?:on|in|over)\s+the\s+(?:web|internet)\b",
    r"\s+online\b",
    r"\bfor me\b",
)

_WEATHER = _any(
    "날씨", "기온", "예보", r"비(?:가|는|도)?\s*(?:와|오|올|내리|내려)", r"눈(?:이|은|도)?\s*(?:와|오|올|내리|내려)", "우산",
    "추워", "더워", "추울", "더울", r"몇\s*도(?:야|지|예요|인가|\?|$)", r"\bweather\b", r"\bforecasts?\b", r"\btemperature\b",
    r"\brain(?:ing|y)?\b", r"\bsnow(?:ing|y)?\b", r"\bumbrella\b", r"\bhow (?:hot|cold|warm)\b", r"\b(?:cold|hot|warm|sunny)\s+in\b",
)  # fmt: skip
_WEATHER_HERE = _any(
    r"^(?:오늘|내일|지금|이번\s*주)?\s*날씨(?:가|는)?\s*(?:어때|알려|어떻|좀|\?|$)",
    r"^(?:오늘|내일)\s*(?:비|눈)(?:가|이)?\s*(?:와|오|올)",
    r"^(?:what(?:'s| is)|how(?:'s| is))\s+the weather(?:\s+(?:like|today|tomorrow|now|outside))*\s*\??$",
    r"^(?:will it|is it going to)\s+(?:rain|snow)(?:\s+(?:today|tomorrow))?\s*\??$",
)
_NO_WEATHER = _any(
    "노래", "가사", "시를", "기후의", "차이", r"\bstory\b", r"\bpoem\b", r"\bhaiku\b", r"\bsimulat", r"\bballoon\b", r"\bunder the weather\b",
    r"\bstatistics\b", "단어", "제목",
)  # fmt: skip
_OUTSIDE = _any(
    "날씨", "기온", "예보", "우산", r"비(?:가|는|도)?\s*(?:와|오|올|내리|내려)", r"눈(?:이|은|도)?\s*(?:와|오|올|내리|내려)", "지금", "오늘", "내일",
    r"\b(?:weather|forecasts?|umbrella|rain\w*|snow\w*|now|today|tonight|tomorrow|outside)\b",
)  # fmt: skip
"""Words of weather; a number of degrees may be a machine's."""
_TOMORROW = _any("내일", r"\btomorrow\b")
_WEEK = _any(r"이번\s*주", "주간", "일주일", r"\bweek(?:'s|ly)?\b", r"\bnext (?:few|seven|7) days\b")

_NOW = _any(
    r"몇\s*시(?:야|지|예요|인가|인지|죠|니|\?|$)", r"(?:현재|지금)\s*(?:시각|시간)", r"오늘(?:이|은)?\s*(?:며칠|몇\s*월|무슨\s*(?:요일|날)|날짜)",
    r"무슨\s*요일", r"올해(?:가|는)?\s*몇\s*년", r"\bwhat time is it\b", r"\bcurrent time\b", r"\bthe time (?:now|in)\b",
    r"\bwhat(?:'s| is)\s+(?:today's date|the date|the time|the day)\b", r"\btoday's date\b", r"\b(?:what|which) day\b.*\b(?:is it|today|is today)\b",
)  # fmt: skip
_ITS_TIME = re.compile(
    r".*(?:지금|현재|오늘|올해|요일).*|몇\s*시\S*|시각|시간|거기|여기|혹시|알려\s*줘|말해\s*줘|우리나라|한국"
)
"""What of a question for the time is neither a place nor anything else."""
_MEMORY = _any(
    r"(?:메모리|램|RAM)(?:를|을|은|는|이|가)?\s*(?:얼마|사용|남|얼만|어느|몇|쓰)", r"남은\s*(?:램|메모리)", r"메모리\s*사용량",
    r"\bhow much (?:memory|ram)\b", r"\b(?:memory|ram) (?:usage|use|is (?:used|free|left))\b", r"\bfree (?:memory|ram)\b",
)  # fmt: skip
_CPU = _any(
    r"(?:CPU|씨피유)\s*(?:사용|점유|얼마|부하)",
    r"\bcpu (?:usage|load|use)\b",
    r"\bhow busy is the (?:cpu|processor)\b",
)
_DISK = _any(r"디스크(?:는|가|에)?\s*(?:남|용량|얼마|사용|공간)", r"\bdisk (?:space|usage)\b")
_ENGINE = _any(
    r"모델이?\s*(?:올라|로드|적재|떠)", r"어떤\s*모델이", r"올라간\s*모델", r"토큰(?:이)?\s*(?:속도|초당)", r"초당\s*(?:몇\s*)?토큰",
    r"\b(?:which|what) model is (?:loaded|running)\b", r"\btokens (?:per|a) second\b", r"\bmodels? (?:are|is) loaded\b",
)  # fmt: skip
_STATUS = _any(
    r"(?:컴퓨터|서버|머신|시스템|엔진|장비)(?:의)?\s*상태", r"\b(?:system|server|machine|engine) status\b"
)
_NEEDS = _any(
    r"필요|권장|최소|최대|요구|규격|사양",
    r"\b(?:needs?|needed|requires?|required|minimum|maximum|recommended)\b",
)
"""Of what is asked for a machine's specification, not its state."""
_TOPICS = ((_ENGINE, "engine"), (_MEMORY, "memory"), (_CPU, "cpu"), (_DISK, "disk"), (_STATUS, "all"))

_KEEP = re.compile(
    r"^\s*(?:please\s+)?remember(?:\s+that\s+|\s+this\s*:\s*|\s*:\s*|\s+)(?P<en>.{3,})$"
    r"|^\s*(?:이거\s*|이것\s*)?기억해(?:\s*(?:줘|둬|두세요|주세요))?\s*[:,.]\s*(?P<ko>.{2,})$"
    r"|^\s*(?P<said>.{3,}?)(?:이?라고|다고|이?라는\s*(?:것|걸)(?:을)?|는\s*(?:것|걸)(?:을)?|을|를)?\s*기억해\s*(?:줘|둬|두세요|주세요)\s*[.!]?$",
    re.IGNORECASE,
)
_KNOWN = _any(
    r"\bwhat do you (?:remember|know) about me\b", r"\bwhat have i asked you to remember\b",
    r"(?:나에\s*대해|내가\s*말한)\s*.*(?:기억하|알고\s*있)", r"(?:뭘|무엇을|뭐를?)\s*기억하",
)  # fmt: skip
_DROP = re.compile(
    r"^\s*(?:please\s+)?forget\s+(?:that\s+|about\s+)?(?P<en>.{3,}?)\s*[.!]?$"
    r"|^\s*(?P<ko>.{2,}?)(?:는\s*(?:것|걸)|은|는|을|를)?\s*잊어\s*(?:줘|버려|주세요)\s*[.!]?$",
    re.IGNORECASE,
)

_N = r"(\d[\d,]*(?:\.\d+)?)"
_SENTENCES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), form)
    for pattern, form in (
        (rf"{_N}\s*(?:원|개|명)?에서\s*{_N}\s*(?:원|개|명)?(?:을|를)?\s*(?:빼|뺀)", r" \1 - \2 "),
        (rf"{_N}(?:을|를)\s*{_N}(?:으로|로)\s*나누", r" \1 / \2 "),
        (rf"{_N}(?:과|와|이랑|랑|하고|에)\s*{_N}(?:을|를)?\s*(?:더하|더한)", r" \1 + \2 "),
        (rf"{_N}(?:과|와|이랑|랑|하고|에)\s*{_N}(?:을|를)?\s*(?:곱하|곱한)", r" \1 * \2 "),
        (rf"{_N}\s*(?:원|달러)?의\s*{_N}\s*(?:%|퍼센트|프로)", r" \2% of \1 "),
        (rf"\bmultiply\s+{_N}\s+(?:by|and)\s+{_N}", r" \1 * \2 "),
        (rf"\bdivide\s+{_N}\s+by\s+{_N}", r" \1 / \2 "),
        (rf"\badd\s+{_N}\s+(?:and|to)\s+{_N}", r" \1 + \2 "),
        (rf"\bsubtract\s+{_N}\s+from\s+{_N}", r" \2 - \1 "),
    )
)
_NO_ARITHMETIC = re.compile(r"\d+·\d+\s*(?=[가-힣])|\b24/7\b|\d+\+\d+(?=\s*(?:이라|라)(?:는|고))")
"""Dates with a name (3·1절, 6·25 전쟁) and titles."""


_BLANKS = re.compile(r"\s{2,}")
_TOO_LONG = re.compile(r"\d[\d,]{100,}")
"""No number anybody calculates with."""


def tight(text: str) -> str:
    """Return a question as patterns look at it: of a pasted table's blanks every pattern would try each beginning.

    Hangul in parts, as file names of some systems have it, is put together.
    """
    whole = unicodedata.normalize("NFC", text[:6000])[:2000]
    return _BLANKS.sub(lambda blanks: "\n" if "\n" in blanks[0] else " ", whole)


def certain(text: str) -> Certain | None:
    """Return the tool a piece of a question certainly asks for."""
    text = tight(text)
    memory = _memory(text)
    if memory is not None:
        return memory
    url = _URL.search(text)
    if url:
        return Certain(Step("fetch_page", {"url": url[0].rstrip(".,;:!?)]}")}))
    if _WEB.search(text) and not _MINE.search(text):
        query = _query(text)
        return Certain(Step("web_search", {"query": query}), "" if query else "query", not _NET.search(text))
    expression = _expression(text)
    if expression:
        return Certain(Step("calculator", {"expression": expression}))
    if _QUOTED.search(text):
        return None
    return _weather(text) or _now(text) or _status(text)


def arguments_for(tool: str, text: str) -> dict[str, str]:
    """Return what a question says of a tool's arguments, where the tool is known already."""
    text = tight(text)
    if tool == "calculator":
        return {"expression": _expression(text) or clean_line(text, max_chars=300)}
    if tool in ("search_documents", "web_search"):
        return {"query": (_query(text) if tool == "web_search" else "") or clean_line(text, max_chars=400)}
    if tool == "weather":
        day = "week" if _WEEK.search(text) else "tomorrow" if _TOMORROW.search(text) else ""
        return {"place": find_place(text) or clean_line(text, max_chars=80)} | ({"day": day} if day else {})
    found = certain(text)
    return (
        {key: str(value) for key, value in found.step.arguments.items()}
        if found and found.step.tool == tool
        else {}
    )


def _expression(text: str) -> str:
    found = _NO_ARITHMETIC.sub(" ; ", _TOO_LONG.sub(" ; ", text))
    for candidate in (found, with_digits(found)):
        for pattern, form in _SENTENCES:
            candidate = pattern.sub(form, candidate)
        expression = find_expression(candidate)
        if expression:
            return expression
    return ""


def _memory(text: str) -> Certain | None:
    """What the user asks to remember, to tell again or to forget; a question about remembering is none of it."""
    if _KNOWN.search(text):
        return Certain(Step("remember", {"action": "list"}))
    for pattern, action in ((_KEEP, "remember"), (_DROP, "forget")):
        found = pattern.search(text)
        if found and not text.rstrip().endswith("?"):
            words = next(part for part in found.groups() if part)
            return Certain(Step("remember", {"action": action, "text": clean_line(words, max_chars=500)}))
    return None


def _weather(text: str) -> Certain | None:
    if not _WEATHER.search(text) or _NO_WEATHER.search(text):
        return None
    place = find_place(text)
    if not place and not _WEATHER_HERE.search(text.strip()):
        return None
    day = "week" if _WEEK.search(text) else "tomorrow" if _TOMORROW.search(text) else ""
    arguments = ({"place": place} if place else {}) | ({"day": day} if day else {})
    return Certain(Step("weather", arguments), "" if place else "place", not _OUTSIDE.search(text))


def _now(text: str) -> Certain | None:
    if not _NOW.search(text):
        return None
    zone = find_place(text)
    # "When does the first bus go?" asks for a time that is written somewhere.
    about = _ITS_TIME.sub(" ", text.replace(zone, " ") if zone else text)
    return Certain(Step("now", {"zone": zone} if zone else {}), soft=bool(re.search(r"[가-힣]{2}", about)))


def _status(text: str) -> Certain | None:
    for pattern, topic in _TOPICS:
        if pattern.search(text):
            return Certain(Step("system_status", {"topic": topic}), soft=bool(_NEEDS.search(text)))
    return None


def _query(text: str) -> str:
    """Return the words to look for, without those that ask for looking."""
    query = text.strip()
    query = _WEB_WORDS.sub(" ", query)
    query = re.sub(r"\s+(?:좀|을|를)\s*$|[?.!]+\s*$", "", " ".join(query.split()))
    query = re.sub(r"^(?:the|a|an)\s+", "", query, flags=re.IGNORECASE)
    query = re.sub(r"(?<=[가-힣])(?:을|를)$", "", query)
    return clean_line(query, max_chars=300)
