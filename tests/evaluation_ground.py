"""Two documents and a FAKE engine that embeds by the letters of words, for tests of the evaluation."""

from __future__ import annotations

from zlib import crc32

from core.engines import EMBED_MODEL
from core.rag.keywords import terms

LEAVE = """# Leave

Everyone has fifteen days of paid leave a year, counted from the day of joining.

## Carrying over

Up to five unused days may be carried over into March of the next year.
"""
SAFETY = """# Safety

Nobody enters the press hall without a helmet and without safety shoes.

The night shift checks the fire extinguishers on the first Monday of the month.
"""


class Engine:
    """FAKE engine: a text is the counts of its words in 64 buckets."""

    kind = "embedded"
    embed_model = EMBED_MODEL

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def embed(self, texts: list[str]) -> list[list[float]]:
        self.texts += texts
        return [self._vector(text) for text in texts]

    @staticmethod
    def _vector(text: str) -> list[float]:
        vector = [0.01] * 64
        for word in terms(text):
            vector[crc32(word.encode()) % 64] += 1.0
        return vector
