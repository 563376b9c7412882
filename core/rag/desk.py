"""Documents, for the interfaces: what the library does beyond adding, listing and searching."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from core.events import IngestProgress
from core.ground import Ground
from core.rag.evaluation.variants import Variant
from core.rag.sample import Question

if TYPE_CHECKING:
    from core.rag.evaluation.bench import Measured
    from core.rag.evaluation.draft import Draft, Passage


class Documents:
    """Lives on the runtime's loop; the public methods return futures at once."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def evaluate(
        self,
        folder: Path,
        questions: Sequence[Question],
        variants: Sequence[Variant] = (Variant(),),
        *,
        progress: Callable[[IngestProgress], None] = lambda progress: None,
        begun: Callable[[int, Variant], None] = lambda number, variant: None,
    ) -> Future[list[Measured]]:
        """Put questions to a folder of documents, indexed apart from the user's own; what is indexed already is kept.

        Args:
            folder: The documents.
            questions: Every one is asked of every variant.
            variants: Ways of cutting, embedding and searching.
            progress: Told of each file that is indexed, on the runtime's loop.
            begun: Told which variant comes next, from 1.

        Returns (through the future):
            What each variant found, in their order.
        """
        return self._ground.call(self._evaluate(folder, questions, variants, progress, begun))

    async def _evaluate(
        self,
        folder: Path,
        questions: Sequence[Question],
        variants: Sequence[Variant],
        progress: Callable[[IngestProgress], None],
        begun: Callable[[int, Variant], None],
    ) -> list[Measured]:
        from core.rag.evaluation.bench import SearchBench

        base = self._ground.paths.data / "evaluation"
        bench = SearchBench(folder, base, await self._ground.engine())
        try:
            # A name that is no embedder is told before an hour of indexing with another.
            for variant in variants:
                bench.embedder(variant.embedder)
            found = []
            for number, variant in enumerate(variants, 1):
                begun(number, variant)
                found.append(await bench.measure(variant, questions, progress))
            return found
        finally:
            await bench.close()

    def draft(self, passages: Sequence[Passage], n: int, *, model: bool = True) -> Future[list[Draft]]:
        """Draft questions about passages, see :mod:`core.rag.evaluation.draft`.

        Args:
            passages: To draw from.
            n: How many at most.
            model: Ask the engine's model first; ``False``: templates only.
        """
        return self._ground.call(self._draft(passages, n, model))

    async def _draft(self, passages: Sequence[Passage], n: int, model: bool) -> list[Draft]:
        from core.rag.evaluation.draft import draft, writer

        write = writer(await self._ground.engine(), self._ground.settings.num_ctx) if model else None
        return await draft(passages, n, write)
