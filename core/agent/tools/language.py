"""The language a tool answers in: the question's, whatever the interface speaks."""

from __future__ import annotations

import re
from typing import Any

from core.agent.types import ToolContext
from core.i18n import Lang, catalogue, filled, language


def language_of(context: ToolContext) -> Lang:
    """Return the language of the question: Korean when it has Hangul, English when it has other letters."""
    if any("가" <= char <= "힣" or "ㄱ" <= char <= "ㅣ" for char in context.question):
        return "ko"
    return "en" if any(char.isascii() and char.isalpha() for char in context.question) else language()


def said(context: ToolContext, key: str, **params: Any) -> str:
    """Return the message ``key`` in the question's language."""
    return in_language(language_of(context), key, **params)


def in_language(lang: Lang, key: str, **params: Any) -> str:
    """Return the message ``key`` in a language; the key itself when there is no such message."""
    template = catalogue(lang).get(key, key)
    text = filled(template, **params)
    return _PARTICLE.sub(_particle, text) if lang == "ko" else text


_PARTICLE = re.compile(r"([가-힣])([’”'\"]?)(은\(는\)|이\(가\)|을\(를\)|과\(와\)|\(이\)라)")


def _particle(match: re.Match[str]) -> str:
    """Choose a Korean particle by the syllable before it: 뉴욕은, 파리는."""
    syllable, quote, both = match.groups()
    closed = (ord(syllable) - ord("가")) % 28 > 0
    if both == "(이)라":
        return f"{syllable}{quote}{'이라' if closed else '라'}"
    return f"{syllable}{quote}{both[0] if closed else both[2]}"
