"""The service level a request must meet, and whether enough of them do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Slo:
    """Limits of one request, in ms, and the share of requests that must keep them."""

    ttft_ms: float
    tpot_ms: float
    share: float
    """0 to 1."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Slo:
        """Read it from an experiment's options."""
        return cls(float(options["slo_ttft"]), float(options["slo_tpot"]), float(options["slo_share"]) / 100)

    def good(self, data: Mapping[str, Any]) -> bool:
        """Say whether one request kept every limit. TTFT counts from when the request was due."""
        ttft = data.get("ttft_ms")
        if data.get("outcome") != "ok" or ttft is None:
            return False
        # One token has no time per output token: it cannot break that limit (as in vLLM).
        return bool(
            ttft + data.get("wait_ms", 0.0) <= self.ttft_ms and data.get("tpot_ms", 0.0) <= self.tpot_ms
        )

    def met_by(self, requests: Sequence[Mapping[str, Any]]) -> bool:
        """Say whether enough of the requests were good."""
        return bool(requests) and sum(map(self.good, requests)) >= self.share * len(requests)
