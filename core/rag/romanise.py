"""Korean names in Latin letters, back to Hangul: ``Cheonan`` → ``천안`` (Revised Romanisation, reversed).

One spelling can stand for several Korean ones; the caller keeps those the documents have.
"""

from __future__ import annotations

import functools

_INITIALS = "g kk n d tt r m b pp s ss . j jj ch k t p h".replace(".", "-").split()
_VOWELS = [
    "a",
    "ae",
    "ya",
    "yae",
    "eo",
    "e",
    "yeo",
    "ye",
    "o",
    "wa",
    "wae",
    "oe",
    "yo",
    "u",
    "wo",
    "we",
    "wi",
    "yu",
    "eu",
    "ui",
    "i",
]
#: Final consonants by their place in Unicode's order; the other finals sound, and are written, like one of these.
_FINALS = {0: "", 1: "k", 4: "n", 7: "t", 8: "l", 16: "m", 17: "p", 21: "ng"}

_LONGEST = 8
MAX_SPELLINGS = 200


@functools.cache
def _syllables() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for first, initial in enumerate(_INITIALS):
        for second, vowel in enumerate(_VOWELS):
            for third, final in _FINALS.items():
                latin = f"{initial.strip('-')}{vowel}{final}"
                found.setdefault(latin, []).append(chr(0xAC00 + (first * 21 + second) * 28 + third))
    return found


def hangul(word: str) -> list[str]:
    """Return the Hangul spellings a Latin word may stand for, none when it is no romanised Korean.

    Args:
        word: Lower case.
    """
    syllables = _syllables()
    # From the end: what the rest of the word can be, position by position.
    ways: list[list[str]] = [[] for _ in word] + [[""]]
    for start in range(len(word) - 1, -1, -1):
        for end in range(start + 1, min(len(word), start + _LONGEST) + 1):
            for head in syllables.get(word[start:end], ()):
                ways[start].extend(head + rest for rest in ways[end])
        del ways[start][MAX_SPELLINGS:]
    return ways[0] if word else []
