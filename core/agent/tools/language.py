"""The language a tool answers in: the question's, whatever the interface speaks."""

from __future__ import annotations

from typing import Any

from core.agent.types import ToolContext
from core.i18n import Lang, catalogue, language


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
    return template.format(**params) if params else template
