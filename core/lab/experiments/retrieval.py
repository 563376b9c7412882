"""Puts a labelled question set to several ways of cutting, embedding and searching a folder of documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import UsageError
from core.events import IngestProgress
from core.i18n import tr
from core.lab.bench import Bench, Step
from core.lab.options import choices
from core.rag.evaluation import MEASURES, Outcome, Variant
from core.rag.evaluation.bench import SearchBench
from core.rag.evaluation.variants import chunking_name, grid, parse_chunking, parse_weight, words
from core.rag.sample import Question, corpus_dir, load_questions, questions
from core.text import clean_line

SPLITS = ("test", "train")
CHUNKINGS = "headings+header, headings-header, recursive:300, fixed:400/80, sentences"
KEYWORDS = "0, default, 0.8"
INDEX_WEIGHT = 20.0
"""Making an index takes about as long as so many questions."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the options ask for."""

    folder: Path
    asked: list[Question]
    variants: list[Variant]


async def walk(bench: Bench) -> None:
    """Measure."""
    plan = chosen(bench.options)
    variants, total = plan.variants, len(plan.asked)
    bench.plan(len(variants) * total + INDEX_WEIGHT * len({(one.chunking, one.embedder) for one in variants}))
    engine: Any = bench.control.engine
    search = SearchBench(plan.folder, bench.paths.data / "evaluation", engine)
    try:
        for one in variants:
            # A name that is no embedder is told before anything is indexed.
            search.embedder(one.embedder)
        indexed = set()
        for number, variant in enumerate(variants, 1):
            if (variant.chunking, variant.embedder) not in indexed:
                await _index(bench, search, variant, engine.embed_model)
                indexed.add((variant.chunking, variant.embedder))
            bench.say(tr("lab.now.retrieval", number=number, total=len(variants), name=variant.name))
            await _ask(bench, search, variant, plan, engine.embed_model)
    finally:
        await search.close()


def chosen(options: Mapping[str, Any]) -> Plan:
    """Read the options.

    Raises:
        UsageError: A variant, a split or a question set that cannot be.
    """
    variants = grid(
        [parse_chunking(one) for one in words(options["chunkings"] or CHUNKINGS)],
        words(options["embedders"]) or [""],
        [parse_weight(one) for one in words(options["keywords"] or KEYWORDS)],
        k=options["k"],
    )
    splits = choices("split", options["split"], SPLITS, empty=("test",))
    if options["set"]:
        if not options["folder"]:
            raise UsageError("error.docs.eval_folder")
        folder = Path(options["folder"]).expanduser().absolute()
        if not folder.is_dir():
            raise UsageError("error.docs.no_path", path=clean_line(str(folder)))
        every = load_questions(Path(options["set"]).expanduser())
    else:
        folder, every = corpus_dir(), questions()
    asked = [one for one in every if one.split in splits]
    return Plan(folder, asked or every, variants)


def point_of(variant: Variant, embed_model: str) -> dict[str, Any]:
    """Say what of a variant was varied."""
    weight = "default" if variant.keyword_weight is None else f"{variant.keyword_weight:g}"
    return {
        "chunking": chunking_name(variant.chunking),
        "embedder": variant.embedder or embed_model,
        "keyword": weight,
    }


async def _index(bench: Bench, search: SearchBench, variant: Variant, embed_model: str) -> None:
    point = point_of(variant, embed_model)
    del point["keyword"]

    def told(progress: IngestProgress) -> None:
        if progress.current:
            bench.say(
                tr(
                    "lab.now.retrieval.index",
                    name=point["chunking"],
                    done=progress.done + 1,
                    total=progress.total,
                )
            )

    async def work(step: Step) -> None:
        corpus = await search.prepare(variant, told)
        step.add(
            "index",
            {
                "indexed": corpus.indexed,
                "failed": corpus.failed,
                "chunks": corpus.chunks,
                "chars": corpus.chars,
                "build_s": round(corpus.build_s, 3),
            },
        )

    await bench.step(f"index {point['chunking']} {point['embedder']}", point, work, weight=INDEX_WEIGHT)


async def _ask(bench: Bench, search: SearchBench, variant: Variant, plan: Plan, embed_model: str) -> None:
    async def work(step: Step) -> None:
        await search.warm_up(variant)
        for question in plan.asked:
            step.add("question", row_of(await search.ask(variant, question)))

    point = point_of(variant, embed_model)
    await bench.step(f"ask {variant.name}", point, work, weight=len(plan.asked))


def row_of(outcome: Outcome) -> dict[str, Any]:
    """Return what is kept of one question: its measures where it can be answered, and the search's decision."""
    question = outcome.question
    row: dict[str, Any] = {
        "question": question.id,
        "type": question.kind,
        "languages": f"{question.language}→{question.document_language}",
        "unanswerable": question.unanswerable,
        "answered": outcome.answered,
        "score": round(outcome.score, 4),
        "ms": round(outcome.ms, 3),
    }
    if question.gold:
        row |= {name: round(measure(outcome), 6) for name, measure in MEASURES.items()}
    return row
