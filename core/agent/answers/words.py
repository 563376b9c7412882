"""The words of a sentence that say something, so written that forms of one word can be compared.

Hangul: particles and endings are taken off, the rest compared by pairs of syllables; Latin: by the beginning of the stem.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_HANGUL = re.compile(r"[가-힣]+")
_LATIN = re.compile(r"[A-Za-zÀ-ÿ]+(?:['’][A-Za-z]+)?")

_PARTICLES_TEXT = """
은 는 이 가 을 를 의 에 에서 에게 에는 에도 에만 께 께서 으로 로 으로는 로는 으로도 로도 와 과 도 만 까지 까지는 까지만 까지도 부터 부터는 보다 마다 마다의 처럼
만큼 라도 이라도 나 이나 든지 이든지 조차 밖에 에서는 에서도 에서만 에게는 한테 으로서 로서 로써 으로써 이며 이고 인 일 당 씩 간 중 중에 중에는 중에도 후 전 내 외
이나마 하고 이랑 랑 이라는 라는 이란 란 들은 들이 들을 들의 들도 들 때 때는 때도
인데 이면 이어야 여야 이라면 라면 에는
"""
_PARTICLES = sorted(_PARTICLES_TEXT.split(), key=len, reverse=True)
_ENDINGS_TEXT = """
하여야합니다 해야합니다 하여야한다 해야한다 하여야 해야만 해야 합니다 한다 하며 하고 하면 하지 하여 해서 하는 하기 한 할 함 했습니다 했다 했던 해도 하도록 하려면 하십시오 하세요 해
됩니다 된다 되며 되고 되면 되지 되어 되어야 돼야 되는 되기 된 될 됨 되었습니다 되었다 됐습니다 돼 되도록 되려면
받습니다 받는다 받아야 받으면 받아 받은 받을 받으며 받고
입니다 이다 이며 이고 이므로 였다 였습니다 이었다 이었습니다 이라고 라고 이에요 예요
습니다 ㅂ니다 는다 ㄴ다 어야 아야 으면 으며 으려면 려면 으니 어서 아서 었다 았다 었습니다 았습니다 는 은 을 던 지 게 고 며 면 기 다 도록 거나 지만 므로 어도 아도 여도 세요 으세요 십시오 으십시오
시킵니다 시킨다 시키는 시켜 드립니다 드린다 줍니다 준다 주는 주고
"""
_ENDINGS = sorted(_ENDINGS_TEXT.split(), key=len, reverse=True)
_STOP_KO_TEXT = """
그리고 그러나 그런데 하지만 다만 또한 또 및 또는 혹은 즉 따라서 그래서 있 없 않 못 안 것 수 때 등 위 위해 위하 따라 따르 대한 대해 통해 경우 해당 모든 각 각각 그 이 저 본
답변 문서 규정 다음 같 있으 하 되 이 하나 관련 관하 관한 의하 있어 있어야 싶 보 주 받 쓰 더 가장 매우 바로 먼저 미리 반드시 모두 다 함께 안 아니 아닙 아닌 아니라 말
필요 가능 불가 불가능 금지 허용 가능하 필요하 불필요 있습 있다 없다 없습 있는 없는 있을 없을 않습 않는 않으 않아 않아도 않고 못하 무엇 얼마 언제 어디 누구 몇 어떻 어떤 왜
예 네 아니요 아니오 됩 합 됐 돼 해 한 할 함 약 총 당 이내 이상 이하 미만 초과 최대 최소 한도 정도 이후 이전 동안 사이 안에 밖 따로 별도
경우에 때에 때문 때문에 대하여 되어 있도록 하도록 나누 합계 보면 명시 나와 적혀 따르면 의하면 안내 문의
"""
_STOP_KO = frozenset(_STOP_KO_TEXT.split())
_STOP_EN_TEXT = """
a an the and or but if of to in on at by for from with without within into onto as is are was were be been being am
do does did done has have had having can could may might must shall should will would need needs needed not no nor
never cannot can't don't doesn't it its it's this that these those there here they them their theirs you your yours we our
us he she his her i my me who whom whose which what when where why how than then so such also only just very more most
less least any all each every both either neither some same other another one per up out over under about above below before
after during until till while because since unless via yes please according based documents document passage passages
states stated says say said mentioned answer question however therefore thus hence allowed permitted prohibited forbidden
required requires require get gets give gives given make makes made take takes taken use used using able unable
maximum minimum limit limited available possible time between around always simply long etc back away off order own themselves yourself lasts last lasting
"""
_STOP_EN = frozenset(_STOP_EN_TEXT.split())
_COMMON_VERBS_TEXT = """
accept add agree allow apply arrive ask attend become begin bring buy call carry change check choose claim close come complete
consist contact contain continue cost create decide deliver depend do end enter exist expire explain fill find finish follow go
grant happen hand hold include inform install involve keep know leave let lie look lose mean meet move must offer open pay place
prepare provide put reach read receive register remain remove renew replace report request return run see seem sell send serve
set ship show sign spend start stay stop store submit supply support tell turn visit wait want wear work write
"""
_COMMON_VERBS = frozenset(_COMMON_VERBS_TEXT.split())
SAME_KO = {
    "해마다": "매년", "바꾸": "변경", "바꾼": "변경", "바꿔": "변경", "바꿉": "변경", "구입": "구매", "직원": "사원", "임직원": "사원",
    "휴가": "연차", "급여": "월급", "연봉": "월급", "사라지": "소멸", "사라집": "소멸", "착용": "착용", "알리": "신고", "보고": "신고",
}  # fmt: skip
SAME_EN = {
    "vacati": "leave", "holida": "leave", "staff": "employ", "worker": "employ", "salari": "pay", "salary": "pay",
    "noteboo": "laptop", "notify": "report", "receiv": "get", "annual": "year", "yearly": "year", "nightl": "night", "monthl": "month",
    "daily": "day",
}  # fmt: skip
"""Words that are used for each other so often that keeping them apart would call true sentences weak."""
_VERBAL = re.compile(r"(?:[어아여해워와춰려져쳐겨내며고면게지다요라기야]|[렵립깁]니다)$")
_VERBS_EN = re.compile(r"(?:ing|ed)$")


@dataclass(frozen=True, slots=True)
class Word:
    """One word that says something."""

    keys: tuple[str, ...]
    """What it is compared by."""
    start: int
    end: int
    text: str
    """Its stem, or folded."""
    noun: bool
    """It names something: a particle followed it, or it is Latin and no form of a verb."""
    proper: bool = False
    """A name: Latin with a capital inside a sentence."""

    @property
    def weight(self) -> float:
        """How much of a sentence it is."""
        return float(min(len(self.keys), 4)) if len(self.keys) > 1 else 1.5 if len(self.keys[0]) > 1 else 0.5


def words(text: str) -> list[Word]:
    """Return the words of a text that say something, in order; numbers should have been blanked out."""
    found: list[Word] = []
    for match in _HANGUL.finditer(text):
        stem, noun = stem_of(match[0])
        if stem in _STOP_KO or match[0] in _STOP_KO:
            continue
        stem = SAME_KO.get(stem, stem)
        keys = tuple(stem[i : i + 2] for i in range(len(stem) - 1)) or (stem,)
        found.append(Word(keys, match.start(), match.end(), stem, noun))
    for match in _LATIN.finditer(text):
        word = match[0]
        low = word.casefold().replace("’", "'").removesuffix("'s")
        if low in _STOP_EN or len(low) < 2:
            continue
        inside = bool(re.search(r"[^.!?:\s]\s+[\"“(]?$", text[: match.start()]))
        proper = (word[0].isupper() and inside) or (word.isupper() and len(word) > 1)
        found.append(
            Word(
                (SAME_EN.get(stem_en(low), stem_en(low)),),
                *match.span(),
                low,
                not _is_verb(low),
                proper,
            )
        )
    return sorted(found, key=lambda one: one.start)


def _is_verb(low: str) -> bool:
    """Say whether an English word is a form of a verb, or looks like one."""
    forms = (low, low.removesuffix("s"), low.removesuffix("es"))
    return bool(_VERBS_EN.search(low)) or any(one in _COMMON_VERBS for one in forms)


def stem_of(word: str) -> tuple[str, bool]:
    """Take particles and endings off a Korean word; also whether a particle says that it names something."""
    for particle in _PARTICLES:
        if word.endswith(particle) and len(word) - len(particle) >= (2 if len(particle) == 1 else 1):
            return _without_ending(word[: -len(particle)]) if particle in ("도", "만", "는", "은") else word[
                : -len(particle)
            ], True
    stem = _without_ending(word)
    return stem, stem == word and not _VERBAL.search(word)


def _without_ending(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 1:
            return word[: -len(ending)]
    return word


def stem_en(word: str) -> str:
    """Take endings off an English word, roughly, and keep its beginning."""
    for ending, put in (
        ("ies", "y"),
        ("sses", "ss"),
        ("ing", ""),
        ("edly", ""),
        ("ed", ""),
        ("ly", ""),
        ("es", ""),
        ("s", ""),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)] + put
            break
    if len(word) > 3 and word[-1] == word[-2]:
        word = word[:-1]
    return (word[:-1] if word.endswith("e") and len(word) > 3 else word)[:6]


def share(word: Word, known: frozenset[str], syllables: str = "") -> float:
    """Return how much of a word a text has, 0-1.

    Args:
        word: The word.
        known: Keys of the text's words.
        syllables: The text itself, for words of one syllable.
    """
    if len(word.keys) == 1 and len(word.keys[0]) == 1:
        return float(word.keys[0] in syllables)
    return sum(key in known for key in word.keys) / len(word.keys)


def keys_of(found: Sequence[Word]) -> frozenset[str]:
    """Return what the words of a text can be compared by."""
    return frozenset(key for one in found for key in one.keys)


def bigrams(text: str) -> frozenset[str]:
    """Return every pair of syllables inside the Hangul words of a text, endings included."""
    return frozenset(run[0][i : i + 2] for run in _HANGUL.finditer(text) for i in range(len(run[0]) - 1))
