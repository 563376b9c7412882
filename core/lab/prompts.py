"""Prompts of a wanted length in tokens, that no prompt cache has seen (or always the same one).

Made of common English words, one to two tokens each in most vocabularies. How many tokens a word takes is asked of
the engine itself (``prompt_eval_count``): no tokenizer is needed here.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

_WORDS = (
    "river stone window morning garden letter market bridge winter silver forest candle paper yellow doctor island "
    "mirror kitchen summer engine ladder teacher bottle circle harbor village pencil mountain carpet signal copper "
    "orange basket station thunder meadow ticket valley hammer curtain planet farmer tunnel blanket compass ribbon "
    "lantern cotton anchor feather pocket shadow corner saddle needle tower branch cloud desert field glass honey "
    "iron jacket kettle lemon music night ocean piano queen road sand table uncle voice water bread chair dance earth "
    "flower green house ink juice king light moon north olive plant quiet rain ship train under violin wheel young"
)
WORDS = tuple(_WORDS.split(" "))

TAIL = "Write a long story with all of these words."
"""At the end, so that what comes first differs: a cached prefix would skip the work that is to be measured."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How long prompts are: ``tokens = base + per_word × words``."""

    base: float
    per_word: float

    def words_for(self, tokens: int) -> int:
        """Return how many words give a prompt of so many tokens; at least one."""
        return max(1, round((tokens - self.base) / self.per_word)) if self.per_word > 0 else max(1, tokens)

    @classmethod
    def between(cls, words_a: int, tokens_a: int, words_b: int, tokens_b: int) -> Calibration:
        """Draw the line through two prompts that were measured."""
        per_word = max(0.2, (tokens_b - tokens_a) / (words_b - words_a))
        return cls(max(0.0, tokens_a - per_word * words_a), per_word)


def fresh(words: int, seed: int) -> str:
    """Return a prompt of so many random words; another seed gives one that differs from its first words on."""
    rng = random.Random(seed)
    return f"{' '.join(rng.choice(WORDS) for _ in range(words))}\n\n{TAIL}"
