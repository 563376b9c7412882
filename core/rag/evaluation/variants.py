"""A way of searching as a person writes it: ``recursive:300,keyword=0.2``.

Parts are joined by commas, each at most once: a chunking (``headings``, ``recursive:300``, ``fixed:400/80``,
``headings+header``: strategy, size, overlap, title path before the text or, with ``-header``, not) and ``embedder=``, ``keyword=`` (weight of the
search by words beside meaning's 1), ``k=`` (passages an answer is made from), ``variety=`` (0 to 1), ``expand=yes`` or ``no``
(give the passage's surroundings along). What is not said is as the program does it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from core.errors import UsageError
from core.rag.chunking import STRATEGIES, Chunking
from core.rag.evaluation.measures import CONTEXT
from core.text import clean_line

MOST_K = 50
MOST_WEIGHT = 100
"""Of the search by words: beyond, meaning counts for nothing."""
MOST_VARIANTS = 64
"""Of one grid."""
DEFAULT_CHUNKING = Chunking()

_CHUNKING = re.compile(
    r"(?P<strategy>[a-z_]+)(?::(?P<size>\d{1,6}))?(?:/(?P<overlap>\d{1,6}))?(?P<header>[+-]header)?"
)
_SETTINGS = ("embedder", "keyword", "k", "variety", "expand")


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of cutting, embedding and searching."""

    chunking: Chunking = field(default_factory=Chunking)
    embedder: str = ""
    """Name of the embedding model; ``""`` is the engine's own."""
    keyword_weight: float | None = None
    """0 to :data:`MOST_WEIGHT`; ``None`` is the search's own default."""
    k: int = CONTEXT
    """Passages an answer is made from."""
    variety: float | None = None
    """0 to 1; ``None`` is the search's own default."""
    expand: bool | None = None
    """Give a passage's surroundings along; ``None`` is the search's own default."""

    @property
    def name(self) -> str:
        """The variant as it is written, only with what differs from the defaults; the chunking always."""
        parts = [chunking_name(self.chunking)]
        if self.embedder:
            parts.append(f"embedder={self.embedder}")
        if self.keyword_weight is not None:
            parts.append(f"keyword={self.keyword_weight:g}")
        if self.k != CONTEXT:
            parts.append(f"k={self.k}")
        if self.variety is not None:
            parts.append(f"variety={self.variety:g}")
        if self.expand is not None:
            parts.append(f"expand={'yes' if self.expand else 'no'}")
        return ",".join(parts)


def chunking_name(chunking: Chunking) -> str:
    """Write a chunking as :func:`parse_chunking` reads it; a size only where it is not the usual one."""
    name: str = chunking.strategy
    if chunking.size != DEFAULT_CHUNKING.size or chunking.overlap:
        name += f":{chunking.size}"
    if chunking.overlap:
        name += f"/{chunking.overlap}"
    if chunking.header != DEFAULT_CHUNKING.header:
        name += "+header" if chunking.header else "-header"
    return name


def parse_chunking(text: str) -> Chunking:
    """Read ``strategy[:size[/overlap]][+header|-header]``; what is not said is as the program does it.

    Raises:
        UsageError: One sentence: the strategy is unknown, or sizes that cannot be.
    """
    given = text.strip().lower()
    match = _CHUNKING.fullmatch(given)
    if match is None or (match["overlap"] and not match["size"]):
        raise UsageError("error.docs.variant.chunking", text=_short(text), known=", ".join(STRATEGIES))
    strategy = next((one for one in STRATEGIES if one == match["strategy"]), None)
    if strategy is None:
        raise UsageError("error.docs.variant.chunking", text=_short(text), known=", ".join(STRATEGIES))
    found = Chunking(strategy, overlap=int(match["overlap"] or 0))
    if match["header"]:
        found = replace(found, header=match["header"] == "+header")
    if match["size"]:
        found = replace(found, size=int(match["size"]))
    return found.check()


def parse_variant(text: str) -> Variant:
    """Read a variant.

    Raises:
        UsageError: One sentence naming the part that is wrong.
    """
    found, seen = Variant(), set[str]()
    parts = [part.strip() for part in text.split(",")]
    if not any(parts):
        raise UsageError("error.docs.variant.empty")
    for part in parts:
        name, equals, value = part.partition("=")
        name, value = name.strip().lower(), value.strip()
        if name == "expand" and not equals:
            equals, value = "=", "yes"
        what = name if equals else "chunking"
        if what in seen:
            raise UsageError("error.docs.variant.twice", text=_short(text), part=_short(part))
        seen.add(what)
        found = _with(found, part, name, value) if equals else replace(found, chunking=parse_chunking(part))
    return found


def _with(variant: Variant, part: str, name: str, value: str) -> Variant:
    if name == "embedder" and value:
        return replace(variant, embedder=clean_line(value, max_chars=80))
    if name == "keyword":
        return replace(
            variant, keyword_weight=None if value == "default" else _number(part, value, MOST_WEIGHT)
        )
    if name == "variety":
        return replace(variant, variety=_number(part, value, 1))
    if name == "expand" and value.lower() in ("yes", "no"):
        return replace(variant, expand=value.lower() == "yes")
    if name == "k":
        if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= MOST_K:
            raise UsageError("error.docs.variant.k", part=_short(part), most=MOST_K)
        return replace(variant, k=int(value))
    if name in _SETTINGS:
        raise UsageError("error.docs.variant.value", part=_short(part))
    raise UsageError("error.docs.variant.setting", part=_short(part), known=", ".join(_SETTINGS))


def _number(part: str, value: str, most: int) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number <= most:
        raise UsageError("error.docs.variant.share", part=_short(part), most=most)
    return number


def parse_weight(text: str) -> float | None:
    """Read one weight of the search by words; ``default`` is the search's own.

    Raises:
        UsageError: It is none.
    """
    word = text.strip().lower()
    return None if word == "default" else _number(f"keyword={text}", word, MOST_WEIGHT)


def grid(
    chunkings: Iterable[Chunking],
    embedders: Iterable[str],
    weights: Iterable[float | None],
    *,
    k: int = CONTEXT,
    variety: float | None = None,
    expand: bool | None = None,
) -> list[Variant]:
    """Return every combination once, chunkings outermost, so that each index is made once and used.

    Raises:
        UsageError: There are too many.
    """
    found = list(
        dict.fromkeys(
            Variant(chunking, embedder, weight, k, variety, expand)
            for chunking in chunkings
            for embedder in embedders
            for weight in weights
        )
    )
    if len(found) > MOST_VARIANTS:
        raise UsageError("error.docs.variant.many", count=len(found), most=MOST_VARIANTS)
    return found


def words(text: str | Sequence[str], read: Callable[[str], object] = str) -> list[str]:
    """Return the words of a list with commas or spaces, or of several such lists, each checked by ``read``."""
    joined = text if isinstance(text, str) else ",".join(text)
    found = [one for one in re.split(r"[\s,]+", joined) if one]
    for one in found:
        read(one)
    return list(dict.fromkeys(found))


def _short(text: str) -> str:
    return clean_line(text, max_chars=60)
