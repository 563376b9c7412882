"""What is typed in the documents' search box: words, an "exact phrase", and filters such as ``type:pdf``.

Words search passages. Filters narrow what is searched; on their own they narrow the tree.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from core.events import Document
from core.i18n import tr
from core.text import clean_line

if TYPE_CHECKING:
    from core.rag.types import Collection, Filters

NAMES = {
    "path": "path",
    "type": "type",
    "in": "in",
    "since": "since",
    "until": "until",
    "경로": "path",
    "종류": "type",
    "컬렉션": "in",
    "부터": "since",
    "까지": "until",
}
"""What a filter is called, in both languages, and its meaning."""

_TOKEN = re.compile(r'([^\W\d_]+):(?:"([^"]*)"?|(\S*))|"([^"]*)"?|(\S+)')
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_DAYS = re.compile(r"(\d{1,4})d")
_COMMON = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "can",
        "do",
        "does",
        "for",
        "from",
        "how",
        "if",
        "in",
        "is",
        "it",
        "many",
        "much",
        "my",
        "of",
        "on",
        "or",
        "our",
        "the",
        "to",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "with",
        "you",
        "your",
    ]
)


@dataclass(frozen=True)
class Query:
    """One state of the search box."""

    typed: str = ""
    words: str = ""
    """What is searched for, without the filters."""
    phrase: str = ""
    """Must stand in a passage exactly so."""
    collections: tuple[str, ...] = ()
    path: str = ""
    types: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None
    problem: str = ""
    """Why it cannot be searched for, a sentence; empty when it can."""
    terms: tuple[str, ...] = field(default=(), compare=False)
    """Beginnings of words to mark in what is found."""

    @property
    def searches(self) -> bool:
        """Whether passages are looked for."""
        return bool(self.words or self.phrase) and not self.problem

    @property
    def narrows(self) -> bool:
        """Whether it filters."""
        filters = self.collections or self.path or self.types
        return bool(filters or self.since is not None or self.until is not None)

    @property
    def filters(self) -> Filters:
        """The filters as a search takes them."""
        from core.rag.types import Filters

        return Filters(self.collections, self.path, self.types, self.since, self.until)

    def test(self) -> Callable[[Document, str, str], bool]:
        """Return what says whether the filters let a document through: given it, its path in small letters, its suffix.

        Made for ten thousand documents at a key: what is not filtered by costs nothing.
        """
        checks: list[Callable[[Document, str, str], bool]] = []
        if self.collections:
            checks.append(lambda one, path, suffix: one.collection in self.collections)
        if self.types:
            checks.append(lambda one, path, suffix: suffix in self.types)
        since, until = self.since, self.until
        if since is not None:
            checks.append(lambda one, path, suffix: one.mtime >= since)
        if until is not None:
            checks.append(lambda one, path, suffix: one.mtime <= until)
        if self.path:
            wanted = self.path.casefold()
            if "*" in wanted or "?" in wanted:
                fits = re.compile(fnmatch.translate(f"*{wanted}")).match
                checks.append(lambda one, path, suffix: fits(path) is not None)
            else:
                checks.append(lambda one, path, suffix: wanted in path)
        if len(checks) == 1:
            return checks[0]
        return lambda one, path, suffix: all(check(one, path, suffix) for check in checks)


def parse(
    typed: str,
    collections: Sequence[Collection] = (),
    suffixes: Sequence[str] = (),
    now: datetime | None = None,
) -> Query:
    """Read what is typed. A filter that means nothing becomes :attr:`Query.problem`.

    Args:
        typed: The box's text.
        collections: Those ``in:`` can name.
        suffixes: File types there are; empty: any will do.
        now: The present, for ``since:7d``.
    """
    words: list[str] = []
    phrases: list[str] = []
    found: dict[str, str] = {}
    problem = ""
    for match in _TOKEN.finditer(typed):
        name, quoted, bare, phrase, word = match.groups()
        if name is None:
            if phrase is not None:
                phrases += [phrase.strip()] if phrase.strip() else []
            else:
                words.append(word)
            continue
        known = NAMES.get(name.casefold())
        if known is None:
            near = difflib.get_close_matches(name.casefold(), [one for one in NAMES if one.isascii()], 1, 0.7)
            if near and not bare.startswith("/"):
                problem = tr("documents.filter.unknown", name=clean_line(name), near=near[0])
            words.append(match.group())
            continue
        value = (quoted if quoted is not None else bare).strip()
        if not value:
            problem = tr("documents.filter.empty", name=name)
        found[known] = value
    values = {"collections": (), "types": (), "since": None, "until": None}
    if not problem:
        values, problem = _values(found, collections, suffixes, now or datetime.now())
    phrase = phrases[0] if phrases else ""
    text = " ".join([*words, *phrases[1:]])
    return Query(
        typed=typed,
        words=text or phrase,
        phrase=phrase,
        path=found.get("path", ""),
        problem=problem,
        terms=tuple(dict.fromkeys([*mark_terms(text), *([phrase] if phrase else [])])),
        **values,  # type: ignore[arg-type]
    )


def _values(
    found: dict[str, str], collections: Sequence[Collection], suffixes: Sequence[str], now: datetime
) -> tuple[dict[str, object], str]:
    """Return what the filters stand for, and what is wrong with them."""
    chosen: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    problem = ""
    if "in" in found:
        wanted = found["in"].casefold()
        chosen = tuple(one.id for one in collections if wanted in {one.id.casefold(), one.name.casefold()})
        if not chosen:
            names = ", ".join(clean_line(one.name, max_chars=30) for one in collections[:6])
            problem = tr("documents.filter.in", name=clean_line(found["in"], max_chars=40), names=names)
    if "type" in found:
        types = tuple(part.strip(". ").casefold() for part in found["type"].split(",") if part.strip(". "))
        missing = next((one for one in types if suffixes and one not in suffixes), "")
        if missing or not types:
            problem = tr(
                "documents.filter.type",
                name=clean_line(missing, max_chars=40),
                names=", ".join(suffixes[:12]),
            )
    times: dict[str, float | None] = {"since": None, "until": None}
    for name in times:
        if name in found:
            times[name] = _time(found[name], now, end=name == "until")
            if times[name] is None:
                problem = tr("documents.filter.date", value=clean_line(found[name], max_chars=40))
    return {"collections": chosen, "types": types, **times}, problem


def _time(value: str, now: datetime, *, end: bool) -> float | None:
    """Return a day's beginning (or its end) as Unix seconds; ``None`` when it is no date. ``7d``: so many days ago."""
    days = _DAYS.fullmatch(value)
    if days:
        return (now - timedelta(days=int(days.group(1)))).timestamp()
    match = _DATE.fullmatch(value)
    if match is None:
        return None
    year, month, day = int(match.group(1)), int(match.group(2) or 1), int(match.group(3) or 1)
    try:
        start = datetime(year, month, day)
        if not end:
            return start.timestamp()
        if match.group(3):
            after = start + timedelta(days=1)
        elif match.group(2):
            after = datetime(year + month // 12, month % 12 + 1, 1)
        else:
            after = datetime(year + 1, 1, 1)
        return after.timestamp() - 0.001
    except (ValueError, OverflowError, OSError):
        return None


def mark_terms(text: str) -> list[str]:
    """Return the beginnings of words worth marking: a Korean word without what may be its particle."""
    found: list[str] = []
    for word in re.findall(r"\w{2,}", text.casefold()):
        if word in _COMMON:
            continue
        hangul = "가" <= word[0] <= "힣"
        # The longest beginning first: an alternation takes the first that fits.
        found += [word[:end] for end in range(len(word), max(1, len(word) - 3), -1)] if hangul else [word]
    return [term for term in dict.fromkeys(found) if len(term) > 1]


def mark_pattern(terms: Sequence[str]) -> re.Pattern[str] | None:
    """Return what finds the terms in a text; Latin words only where a word begins."""
    if not terms:
        return None
    ordered = sorted(set(terms), key=len, reverse=True)
    parts = [
        re.escape(term) if not term[0].isascii() else rf"(?<![^\W_가-힣]){re.escape(term)}"
        for term in ordered
    ]
    return re.compile("|".join(parts), re.IGNORECASE)
