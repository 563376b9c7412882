"""Small client for the GaramLink API v2, used by the service tools. Not for customers."""

from __future__ import annotations

import time
import urllib.error
import urllib.request

BASE = "https://api.garambyeori.example/v2"
TIMEOUT_S = 20  # a set point is confirmed within 15 seconds; leave some room
MAX_TRIES = 4


class GatewayOffline(Exception):
    """The site's gateway has not answered for more than 90 seconds (GL-5030)."""


def backoff_seconds(attempt: int) -> float:
    """Wait 1.5 s, 3 s, 6 s … but never more than 24 seconds."""
    return min(24.0, 1.5 * 2**attempt)


def get(path: str, key: str) -> bytes:
    """Fetch ``path``; retries 429 and 502 only. A 503 is not retried: the technician must see it."""
    request = urllib.request.Request(BASE + path, headers={"X-Garam-Key": key})
    for attempt in range(MAX_TRIES):
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            if error.code == 503:
                raise GatewayOffline(path) from error
            if error.code not in (429, 502):
                raise
            time.sleep(backoff_seconds(attempt))
    raise TimeoutError(f"gave up on {path} after {MAX_TRIES} tries")
