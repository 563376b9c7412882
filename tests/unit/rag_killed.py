"""A child process for tests: syncs a folder and kills itself, as SIGKILL from outside would, at a given point.

``python -m tests.unit.rag_killed DATA FOLDER POINT``: checks what is on disk, then goes on. Points are counted at
every write to ledger and index, before and after it. Prints what the check found as JSON, and ``end`` when it got there.
The embedding is a FAKE (hashed words), because a real model takes seconds to load and adds nothing here.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import signal
import sys
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

from core.rag import Library
from core.rag.index import Index
from core.rag.jobs import quiet
from core.rag.parsing.parser import Parser
from core.session import Store

DIM = 16


async def fake_embed(texts: list[str]) -> list[list[float]]:
    """Hash words into a vector."""
    vectors = []
    for text in texts:
        vector = [0.01] * DIM
        for word in text.split():
            vector[blake2b(word.encode(), digest_size=1).digest()[0] % DIM] += 1.0
        vectors.append(vector)
    return vectors


class Fuse:
    """Counts points and kills at one of them."""

    def __init__(self, point: int) -> None:
        self.point = point
        self.passed = 0

    def step(self) -> None:
        self.passed += 1
        if self.passed == self.point:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str) -> None:
        """Count before and after every call of a method."""
        whole: Callable[..., Any] = getattr(owner, name)

        if asyncio.iscoroutinefunction(whole):

            @functools.wraps(whole)
            async def counted(*args: Any, **kwargs: Any) -> Any:
                self.step()
                result = await whole(*args, **kwargs)
                self.step()
                return result
        else:

            @functools.wraps(whole)
            def counted(*args: Any, **kwargs: Any) -> Any:
                self.step()
                result = whole(*args, **kwargs)
                self.step()
                return result

        setattr(owner, name, counted)


async def main() -> None:
    data, folder, point = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    store = Store.open(data / "session.db")
    library = Library(store, data / "index", fake_embed, "fake")
    report = await library.check()
    print(json.dumps([[one.kind, one.path] for one in report.troubles]), flush=True)
    fuse = Fuse(point)
    for owner, name in [
        (Index, "replace_many"),
        (Index, "delete_many"),
        (Index, "compact"),
        (Parser, "parse"),
        (Store, "_commit"),
    ]:
        fuse.around(owner, name)
    await library.resume(quiet)
    await library.add([folder], quiet)
    await library.sync()
    print("end", fuse.passed, flush=True)
    await library.close()
    store.close()


if __name__ == "__main__":
    asyncio.run(main())
