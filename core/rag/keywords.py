"""Keywords of a text, for search by words: Hangul as character bigrams, English as stems, codes and numbers whole.

Korean joins particles to nouns, so whole words miss half of what is asked; bigrams inside the word find it
about as well as a morphological analyser and cost neither half a gigabyte nor seconds to load.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Script = Literal["hangul", "latin", "other"]

KEYWORDS = "2"
"""Version of :func:`terms`: an index made with another one is not searched."""

MAX_QUERY_TERMS = 64
"""Only the first so many different terms of a query are looked up."""

_CODE = r"[a-z]+(?:[-_.]?[0-9]+)+[a-z]?(?![a-z])"
_RUN = re.compile(
    rf"{_CODE}|[가-힣]+|[㐀-鿿豈-﫿]+|[ぁ-ヿ]+|[0-9]+(?:[.,:][0-9]+)*|[^\W\d_가-힣㐀-鿿豈-﫿ぁ-ヿ]+"
)
_IS_CODE = re.compile(r"[a-z]+[-_.]?[0-9]")
_CODE_PARTS = re.compile(r"([a-z]+)\.?([0-9].*)")
#: Scripts written without spaces around every word: cut into bigrams.
_CUT = re.compile(r"[가-힣㐀-鿿豈-﫿ぁ-ヿ]")

COMMON = frozenset(
    re.findall(
        r"\w+",
        "a about after all also am an and any are as at be been before being between but by can could did do does"
        " for from get give given got had has have how i if in into is it its itself long many may me might much"
        " must my no not of on or our shall should so some than that the their them then there these they this"
        " those to was we were what when where which who whom whose why will with would you your",
    )
)
"""Words so frequent in English that finding them says nothing."""


OUTDATED = "§outdated"
"""Keyword of every chunk of a document whose name says that it is no longer valid."""

_OUTDATED = re.compile(
    r"[(\[（【][^)\]）】]*(?:폐지|폐기|구버전|구판|실효|\bold\b|archived|withdrawn|expired)"
    r"|deprecated|superseded|obsolete"
)


def marks(name: str) -> list[str]:
    """Return the keywords that a document's name stands for beside its words."""
    return [OUTDATED] if _OUTDATED.search(unicodedata.normalize("NFKC", name).casefold()) else []


def runs(text: str) -> list[str]:
    """Return a text's words, numbers and codes (``gb-200``, ``v3.2``) in order, case folded."""
    return _RUN.findall(unicodedata.normalize("NFKC", text).casefold())


def terms(text: str) -> list[str]:
    """Return a text's keywords in order, repeats included."""
    return [term for run in runs(text) for term in run_terms(run)]


def run_terms(run: str) -> list[str]:
    """Return the keywords of one of :func:`runs`.

    A code gives itself without its hyphen, so that ``GB-200`` finds ``GB200``, and its parts.
    """
    if _CUT.match(run):
        return bigrams(run)
    if _IS_CODE.match(run):
        code = re.sub("[-_]", "", run)
        parts = _CODE_PARTS.match(code)
        return [code, *(part for part in (parts.groups() if parts else ()) if len(part) > 1)]
    return [stem(run) if run.isascii() and run.isalpha() else run.replace(",", "")]


def bigrams(word: str) -> list[str]:
    """Return the neighbouring pairs of a word's characters; a single character is itself."""
    return [word[index : index + 2] for index in range(len(word) - 1)] if len(word) > 1 else [word]


_ENDINGS = (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ied", "y"), ("ed", ""))


def stem(word: str) -> str:
    """Return an English word without plural and tense, roughly: the same on both sides is what counts."""
    if len(word) <= 3:
        return word
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + instead
            if not instead and len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    else:
        if word.endswith("s") and not word.endswith(("ss", "us", "is")):
            word = word[:-1]
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def query_terms(text: str) -> list[str]:
    """Return the different keywords of a question, without those that say nothing.

    Single syllables and common English words are dropped unless there is nothing else.
    """
    unique = list(dict.fromkeys(terms(text)))
    telling = [
        term for term in unique if term not in COMMON and not (len(term) == 1 and "가" <= term <= "힣")
    ]
    return (telling or unique)[:MAX_QUERY_TERMS]


def script(text: str) -> Script:
    """Say which script most of a text's letters belong to; a Hangul syllable weighs as much as two Latin letters."""
    sample = text[:2_000]
    hangul = 2 * sum("가" <= char <= "힣" for char in sample)
    latin = sum(char.isascii() and char.isalpha() for char in sample)
    if not hangul and not latin:
        return "other"
    return "hangul" if hangul >= latin else "latin"
