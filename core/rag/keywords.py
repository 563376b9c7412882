"""Keywords of a text, for search by words: Hangul as character bigrams, everything else as whole words.

Korean joins particles to nouns, so whole words miss half of what is asked; bigrams inside the word find it
about as well as a morphological analyser and cost neither half a gigabyte nor seconds to load.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Script = Literal["hangul", "latin", "other"]

MAX_QUERY_TERMS = 64
"""Only the first so many different terms of a query are looked up."""

_RUN = re.compile(r"[가-힣]+|[㐀-鿿豈-﫿]+|[ぁ-ヿ]+|[0-9]+(?:[.,][0-9]+)*|[^\W\d_가-힣㐀-鿿豈-﫿ぁ-ヿ]+")
#: Scripts written without spaces around every word: cut into bigrams.
_CUT = re.compile(r"[가-힣㐀-鿿豈-﫿ぁ-ヿ]")
#: Words so frequent in English that finding them says nothing.
_COMMON = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be by can do does for from how i if in is it many much my of on or our the to what"
        " when where which who why with you your",
    )
)


def terms(text: str) -> list[str]:
    """Return a text's keywords in order, repeats included."""
    found: list[str] = []
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).casefold()):
        if len(run) > 1 and _CUT.match(run):
            found.extend(run[index : index + 2] for index in range(len(run) - 1))
        else:
            found.append(run)
    return found


def query_terms(text: str) -> list[str]:
    """Return the different keywords of a question, without those that say nothing.

    Single syllables and common English words are dropped unless there is nothing else.
    """
    unique = list(dict.fromkeys(terms(text)))
    telling = [
        term for term in unique if term not in _COMMON and not (len(term) == 1 and "가" <= term <= "힣")
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
