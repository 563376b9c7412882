"""Says whether a server cut the front of a prompt: it answers 200 all the same, only its count tells."""

from __future__ import annotations

from core.agent.types import Budget

EXACT_SHARE = 0.97
"""Below this share of an exact count, something was left out."""
ESTIMATE_SHARE = 0.25
"""Below this share of an estimate, which is too high by design (up to 3 times in Hangul)."""


def was_cut(budget: Budget, reported: int | None, *, cached: int = 0) -> bool:
    """Compare what was sent with what the server counted.

    Args:
        budget: Of the call.
        reported: Its ``prompt_eval_count``. Ollama and the embedded engine count cached tokens in it.
        cached: Tokens of a warm cache, on a server that leaves them out of its count.
    """
    if reported is None or budget.prompt < 64:
        return False
    share = EXACT_SHARE if budget.counted else ESTIMATE_SHARE
    return reported + cached < budget.prompt * share
