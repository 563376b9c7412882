"""What kind of answer a question wants, and whether a text has one: a date, an amount of money, a number of people, …"""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.rag.keywords import stem

_NUMBER = r"(?:\d[\d,.]{0,15}|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty)\b|한|두|세|네|다섯|여섯|일곱|여덟|아홉|열|몇십)"
_SPANS = r"seconds?|minutes?|hours?|days?|weeks?|months?|years?|quarters?|nights?"
_KINDS = {
    "time": r"\d{1,2}:\d\d|\d{1,2}\s{0,3}시(?!간)|정오|자정|\b\d{1,2}\s{0,3}(?:a\.?m|p\.?m)\b|\bnoon|midnight",
    "date": r"\d{1,2}월|\d{4}년|\d{4}-[\dw]|요일|\b(?:january|february|march \d|april|may \d|june|july|august|september|october|november"
    r"|december)|(?:mon|tues|wednes|thurs|fri|satur|sun)day|\d일|분기|\b(?:after|before|within|when|every|until|once)\b|이내|안에|전까지"
    r"|뒤|후|마다|넘으면|때|\d{1,2}:\d\d|\d{1,2}\s{0,3}시(?!간)|정오|noon",
    "span": r"\d\s{0,3}(?:초|분|시간|일|주|개월|년|달|영업일|박)|\d[ -](?:working |business |calendar )?(?:"
    + _SPANS
    + r")|하루|이틀|사흘|일주일"
    r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|fourteen|an?|every)[ -](?:\w+ )?(?:"
    + _SPANS
    + r")\b"
    r"|(?:한|두|세|석|네|다섯|여섯)\s?(?:시간|달|주|해|번)|매주|매월|매일|\b(?:weekly|yearly|daily|nightly|monthly|quarterly|once|twice)\b"
    r"|permanent|(?:_|\b)(?:" + _SPANS + r"|ms)\W{1,3}\d|\btimes\b",
    "money": r"[€$]\s?\d|\d[\d,.]{0,15}\s{0,3}(?:만|천|억|백)?\s{0,3}(?:원|유로|달러|점|euros?|dollars?|won\b|eur\b|usd)|\b\d{1,3},\d{3}\b|free of charge|무료|무상",
    "percent": r"\d\s{0,3}(?:%|퍼센트|percent)|\bhalf\b|절반|\bthird\b",
    "number": _NUMBER,
    "phone": r"내선|extension|\d{2,4}-\d{3,4}",
    "address": r"https?:|\.example",
    "mail": r"@",
    "postal": r"\d번지|[가-힣](?:로|길) \d|\bstreet\b|\broad\b|\bavenue\b|\d{5}",
    "colour": r"\b(?:red|yellow|blue|green|black|white|grey|orange)\b|빨간|노란|파란|초록|검은|흰|회색|주황|색",
    "where": r"층|실\b|실에|랙|공장|본사|동\b|동에|앞|옆|안에|창고|서버|자료실|메뉴|폴더|역|\b(?:floor|room|rack|plant|office|folder|vault|server|park"
    r"|field|gate|near|warehouse|site|store|archive|drive|annex|behind|next to|(?:in|on|at) \w+)\b",
}
_FOUND = {kind: re.compile(pattern) for kind, pattern in _KINDS.items()}
_ROLE = re.compile(
    r"팀장|부장|이사|책임자|과장|차장|소장|공장장|관리자|반장|조장|manager|director|head of|officer|president|owner|leader|[가-힣]팀"
    r"|host|everyone|everybody|nobody|only|누구나|사람"
)
_PERSON = re.compile(
    r"\b[A-Z]\. ?[A-Z][a-z]+|\b[A-Z][a-z]+ [A-Z][a-z]+|[가-힣]{2,4} ?(?:과장|차장|대리|사원|님|씨)|(?:^|[|,:·]\s{0,3})[가-힣]{3}\s{0,3}(?=$|[|,·])",
    re.MULTILINE,
)
_NAMES_OFFICE = re.compile(
    r"책임자|담당자|팀장|공장장|소장|이사|manager|officer|director|head|owner|president"
)

#: Counters: what follows ``몇``, and what may stand by the number in an answer of either language.
_COUNTERS = {
    "명": r"명|사람|people|persons?|employees|members|staff", "사람": r"명|사람|people", "층": r"층|floor", "건": r"건|times",
    "곳": r"곳|군데|places", "가지": r"가지|kinds|ways", "살": r"세\b|살|years old|years of age", "톤": r"톤|tons?\b|tonnes",
    "인치": r"인치|inch", "리터": r"리터|litres?|liters?", "볼트": r"v\b|볼트|volts?", "데시벨": r"데시벨|decibel|db\b",
    "기가바이트": r"gb\b|기가", "테라바이트": r"tb\b|테라", "대": r"대|units?|pumps?|devices?|cars?", "장": r"장|부|copies|sheets",
    "도": r"도|°|degrees", "면": r"면|대|spaces", "권": r"권|books", "미터": r"미터|m\b|metres?", "센티미터": r"센티|cm|centimet",
    "킬로그램": r"킬로|kg|kilogram", "뉴턴미터": r"뉴턴|nm\b|newton",
}  # fmt: skip
_COUNTED = {name: re.compile(_NUMBER + r"\s{0,3}(?:" + words + ")") for name, words in _COUNTERS.items()}

_ASKED: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("phone", r"전화번호|연락처|내선|phone number|extension"),
        ("mail", r"이메일|메일 주소|e-?mail address"),
        ("address", r"인터넷 주소|\burl\b|web ?site|홈페이지"),
        (
            "postal",
            r"postal address|what is the address|street address|(?:사무소|공장|본사|지점|센터|창고)의 주소|우편번호",
        ),
        ("colour", r"what colou?r|무슨 색|어떤 색|색은|색이"),
        ("percent", r"퍼센트|percent|비율|what share"),
        (
            "money",
            r"how much (?:is|are|does|do|did)\b|how much .*\b(?:cost|pay|charge)|what .*\bcosts?\b|what .*\bprice\b|\bfee\b|\bsalary\b|얼마짜리"
            r"|(?:값|가격|비용|금액|요금|료|단가|수당|축의금|축하금|초봉|예산|대금|총액|운송비|활동비|손해액|보조금|격려금|연봉|월급)[은는이가]? ?.{0,8}얼마",
        ),
        ("time", r"몇 시(?:에|까지|부터|인가|예|\b)|what time"),
        ("date", r"몇 년도|몇 월|언제|^when\b|on which day|which day|, when\b"),
        (
            "span",
            r"몇 (?:초|분|시간|일|주|개월|년|달|박)|며칠|how long|how often|how soon|how quickly|how far ahead"
            r"|how many (?:minutes|hours|days|weeks|months|years|seconds|nights)|얼마나 (?:걸리|자주|오래)|얼마마다",
        ),
        ("who", r"누구|누가|^who\b"),
        ("where", r"어디|^where\b"),
        ("count", r"몇|how many"),
        ("number", r"얼마|how (?:large|heavy|high|big|small|loud|much|deep|wide|thick|hot)"),
    )
)


def wanted(query: str, said: Sequence[str]) -> tuple[str, str]:
    """Return the kind of answer a question wants and, for a count, what must stand by the number.

    Args:
        query: As the user wrote it.
        said: Its words, case folded.
    """
    folded = query.casefold()
    kind = next((name for name, pattern in _ASKED if pattern.search(folded)), "")
    if kind != "count":
        return kind, ""
    if "many" in said:
        at = said.index("many") + 1
        counted: list[str] = []
        while at < len(said) and len(counted) < 3 and said[at].isalpha() and said[at] not in _VERBS:
            counted.append(stem(said[at]))
            at += 1
        return "count", " ".join(counted)
    word = re.search(r"몇 ?([가-힣]+)", folded)
    names = sorted(_COUNTERS, key=len, reverse=True)
    return "count", next((name for name in names if word and word[1].startswith(name)), "")


_VERBS = frozenset(
    re.findall(
        r"\w+",
        "do does did is are was were may can must have has the of a people will should in on at",
    )
)


_CURRENCIES = (
    re.compile(r"\$|dollar|달러|usd"),
    re.compile(r"€|euros?\b|유로|\beur\b"),
    re.compile(r"₩|\bwon\b|원화|\bkrw\b"),
)
_CODE = re.compile(r"\b[a-z]{1,4}-?\d+[a-z]?\b")
_OWN = re.compile(r"\d+")
_SHARE = re.compile(r"allowance|bonus|commission|수당|성과급|상여")


def has(kind: str, counter: str, question: str, text: str) -> bool:
    """Say whether a text has what a question wants.

    Args:
        kind: From :func:`wanted`; with ``""`` every text will do.
        counter: From :func:`wanted`.
        question: As the user wrote it.
        text: Of the document.
    """
    folded = text.casefold()
    if not kind:
        return True
    if kind in ("number", "count", "span", "date", "time"):
        # The name of a product is no number, and what the question says itself is no answer.
        folded = _CODE.sub(" ", folded)
        for own in set(_OWN.findall(_CODE.sub(" ", question.casefold()))):
            folded = re.sub(rf"(?<!\d){re.escape(own)}(?!\d)", " ", folded)
    if kind == "money":
        currency = next((words for words in _CURRENCIES if words.search(question.casefold())), None)
        if currency is not None:
            return bool(currency.search(folded) and _FOUND["money"].search(folded))
    if kind == "money" and _SHARE.search(question.casefold()) and _FOUND["percent"].search(folded):
        return True
    if kind == "who":
        # Who holds an office is told by a name, who may do a thing by an office.
        return bool(
            _PERSON.search(text)
            if _NAMES_OFFICE.search(question.casefold())
            else _PERSON.search(text) or _ROLE.search(folded)
        )
    if kind != "count":
        return bool(_FOUND[kind].search(folded))
    if counter in _COUNTED:
        return bool(_COUNTED[counter].search(folded))
    if counter and not any("가" <= char <= "힣" for char in text):
        words = [stem(word) if word.isalpha() else word for word in re.findall(r"[a-z]+|\d[\d,.]*", folded)]
        numbers = [place for place, word in enumerate(words) if re.fullmatch(_NUMBER, word)]
        return any(set(counter.split()) & set(words[place + 1 : place + 5]) for place in numbers)
    return bool(_FOUND["number"].search(folded))
