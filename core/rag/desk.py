"""Documents, for the interfaces: what the library does beyond adding, listing and searching."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from core.events import Document, IngestProgress
from core.ground import Ground
from core.rag.evaluation import DEPTH, Outcome, judge
from core.rag.sample import Question
from core.session import Store, documents


class Documents:
    """Lives on the runtime's loop; the public methods return futures at once."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def evaluate(
        self,
        folder: Path,
        questions: Sequence[Question],
        *,
        progress: Callable[[IngestProgress], None] = lambda progress: None,
    ) -> Future[tuple[list[Outcome], list[Document]]]:
        """Put questions to a folder of documents, indexed apart from the user's own; what is indexed already is kept.

        Returns (through the future):
            What each question found, and the folder's documents with their status.
        """
        return self._ground.call(self._evaluate(folder, questions, progress))

    async def _evaluate(
        self, folder: Path, questions: Sequence[Question], progress: Callable[[IngestProgress], None]
    ) -> tuple[list[Outcome], list[Document]]:
        from core.rag.library import Library

        engine = await self._ground.engine()
        base = self._ground.paths.data / "evaluation"
        await asyncio.to_thread(base.mkdir, parents=True, exist_ok=True)
        store = await asyncio.to_thread(Store.open, base / "ledger.db")
        library = Library(store, base / "index", engine.embed, engine.embed_model)
        try:
            await library.open()
            await library.add([folder], progress)
            outcomes = []
            for question in questions:
                began = time.perf_counter()
                hits = await library.search(question.question, DEPTH)
                outcomes.append(judge(question, hits, (time.perf_counter() - began) * 1e3))
            return outcomes, await asyncio.to_thread(documents.list_documents, store)
        finally:
            await library.close()
            await asyncio.to_thread(store.close)
