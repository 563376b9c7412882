"""Forms of Korean verbs and adjectives, as far as they change the syllables of the stem: ``바꾸`` → ``바꿔``, ``바꿀``."""

from __future__ import annotations

_BASE = 0xAC00
_VOWELS, _FINALS = 21, 28
_N, _L, _B, _SS = 4, 8, 17, 20
#: By place in Unicode's order of vowels: ㅏ 0, ㅓ 4, ㅗ 8, ㅘ 9, ㅜ 13, ㅝ 14, ㅡ 18, ㅣ 20, ㅕ 6.
_JOINED = {20: 6, 13: 14, 8: 9}
_BRIGHT = (0, 8)
_AFTER_VOWEL = "는고면지기"
_AFTER_FINAL = ("은", "을", "는", "고", "지", "면")


def forms(stem: str) -> list[str]:
    """Return the forms a stem takes before its endings, itself left out when it is one syllable: that alone says too little.

    Args:
        stem: Hangul syllables, e.g. ``쉬``, ``누르``.
    """
    code = ord(stem[-1]) - _BASE
    initial, vowel, final = code // (_VOWELS * _FINALS), code // _FINALS % _VOWELS, code % _FINALS
    head = stem[:-1]
    found = [stem] if head else []
    if final:
        joined = "아" if vowel in _BRIGHT else "어"
        return [*found, *(stem + ending for ending in (*_AFTER_FINAL, joined))]
    found += [head + chr(_BASE + code + ending) for ending in (_N, _L, _B)]
    if stem[-1] == "르" and head:
        bright = _vowel(head[-1]) in _BRIGHT
        past = chr(ord(head[-1]) + _L) + ("라" if bright else "러")
        infinitive = head[:-1] + past
    elif vowel == 18:
        infinitive = head + _syllable(initial, 0 if head and _vowel(head[-1]) in _BRIGHT else 4)
    else:
        infinitive = head + _syllable(initial, _JOINED.get(vowel, vowel))
    found += [infinitive, infinitive[:-1] + chr(ord(infinitive[-1]) + _SS)]
    if not head:
        # One syllable becomes two with what follows it; the changed ones are followed by too much to list.
        found = [one for one in found if len(one) > 1] + [stem + ending for ending in _AFTER_VOWEL]
    return list(dict.fromkeys(found))


def _vowel(syllable: str) -> int:
    return (ord(syllable) - _BASE) // _FINALS % _VOWELS


def _syllable(initial: int, vowel: int) -> str:
    return chr(_BASE + (initial * _VOWELS + vowel) * _FINALS)
