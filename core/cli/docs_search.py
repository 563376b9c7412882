"""``llm-study docs search`` and ``ask``: passages with the scores of each arm, answers with what bears them out."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping

from core.cli import print_json
from core.cli.arguments import stderr
from core.cli.ask import as_json
from core.cli.docs_look import place, suffixes
from core.cli.docs_names import collections_of, names_of, the_collection
from core.cli.docs_words import hit_json
from core.cli.work import ask as put
from core.cli.work import open_session, print_progress, receipt, wait
from core.errors import UsageError
from core.events import AnswerSupport, Citation, Hit, RunEnded, SentenceSupport, SourceNote
from core.i18n import tr
from core.rag import reasons
from core.rag.types import Filters, SearchResult
from core.runtime import Runtime
from core.session import Store, chat, documents
from core.text import clean, clean_line, shorten

EXCERPT = 200
"""Characters of a passage shown under a hit."""


def search(work: Runtime, arguments: argparse.Namespace) -> int:
    """Search, and print passages best first. Exit code 0 also when nothing was found."""
    store = wait(work.store_ready)
    known = collections_of(store)
    wanted = (the_collection(known, arguments.collection).id,) if arguments.collection else ()
    _some_stored(store)
    found = wait(
        work.library.search(
            arguments.query,
            arguments.k,
            filters=Filters(
                wanted, arguments.path, suffixes(arguments.type), arguments.since, arguments.until
            ),
            phrase=arguments.phrase or "",
            variety=arguments.variety,
        )
    )
    names = names_of(known)
    if arguments.json:
        print_json(
            {
                "answerable": found.answerable,
                "confidence": found.confidence,
                "threshold": found.threshold,
                "reasons": [dataclasses.asdict(reason) for reason in found.reasons],
                "hits": [hit_json(hit, names) for hit in found.hits],
            }
        )
    else:
        _print_found(found, names)
    return 0


def _some_stored(store: Store, collection: str = "") -> None:
    """See that there is something to find, in one collection or in any.

    Raises:
        UsageError: There are no documents, or none of them is in the index (yet).
    """
    if documents.any_stored(store, collection):
        return
    rows = documents.list_documents(store, collection)
    if not rows and collection and documents.list_documents(store):
        raise UsageError("error.docs.empty_collection")
    if not rows:
        raise UsageError("error.docs.empty")
    failed = sum(one.status == "failed" for one in rows)
    if failed == len(rows):
        raise UsageError("error.docs.all_failed", count=failed)
    raise UsageError("error.docs.none_ready", count=len(rows) - failed)


def _print_found(found: SearchResult, names: Mapping[str, str]) -> None:
    if not found.hits:
        stderr(tr("agent.no_hits"))
        return
    if not found.answerable:
        why = "".join(f" {reasons.sentence(reason)}" for reason in found.reasons)
        stderr(
            tr(
                "docs.search.unanswerable",
                confidence=reasons.digits(found.confidence),
                threshold=reasons.digits(found.threshold),
                why=why,
            )
        )
    for number, hit in enumerate(found.hits, 1):
        print(f"{number}. {hit.score:.3f}  {_address(hit)}  {clean_line(hit.section)}".rstrip())
        print(f"   {_arms(hit)}{_marks(hit, names)}")
        print(f"   {_excerpt(hit)}")


def _excerpt(hit: Hit) -> str:
    """Return the beginning of the chunk that was found; ``text`` may be the whole section around it."""
    text, start = hit.text, hit.hit_start - hit.char_start
    # Only where the text is the source's own characters: a table's header may be put before them.
    if len(text) == hit.char_end - hit.char_start and 0 < start < len(text):
        text = text[start:]
    return shorten(" ".join(clean(text).split()), EXCERPT)


def _address(hit: Hit) -> str:
    """Write where a hit is: ``path:line``, as editors and terminals open it, or the page."""
    path = clean_line(hit.path, max_chars=4_096)
    if hit.page is not None:
        return f"{path} ({place(0, hit.page)})"
    return f"{path}:{hit.line}" if hit.line else path


def _arms(hit: Hit) -> str:
    """Write what each arm of the search said: its score and the place it gave the passage."""
    parts = []
    for key, score, rank, form in (
        ("docs.search.vector", hit.vector_score, hit.vector_rank, ".3f"),
        ("docs.search.keyword", hit.keyword_score, hit.keyword_rank, ".2f"),
    ):
        shown = "-" if score is None else format(score, form)
        parts.append(f"{tr(key)} {shown}" + (f" (#{rank})" if rank is not None else ""))
    return " · ".join(parts)


def _marks(hit: Hit, names: Mapping[str, str]) -> str:
    marks = []
    if len(names) > 1:
        marks.append(clean_line(names.get(hit.collection, hit.collection), max_chars=30))
    if hit.stale:
        marks.append(tr("docs.search.stale"))
    if hit.also_at:
        marks.append(tr("docs.also_at", path=", ".join(map(clean_line, hit.also_at))))
    return "".join(f" · {mark}" for mark in marks)


# -- answers -----------------------------------------------------------------------------------------------------


def ask(work: Runtime, arguments: argparse.Namespace) -> int:
    """Ask the documents. Exit code 1 when the run failed."""
    store = wait(work.store_ready)
    chosen = the_collection(collections_of(store), arguments.collection) if arguments.collection else None
    _some_stored(store, chosen.id if chosen else "")
    # By its name: that is what the step and the trace show.
    where = chosen.name if chosen else ""
    session = open_session(work, arguments.session)
    if arguments.json:
        ended = put(work, session.id, arguments.question, docs=where or True)
        support = getattr(ended, "support", None)
        values = as_json(ended, chat.spans(store, run_id=ended.run_id))
        print_json(values | {"support": dataclasses.asdict(support) if support else None})
        return 0 if ended.status == "ok" else 1
    ended = put(work, session.id, arguments.question, docs=where or True, on_event=print_progress)
    print()
    _print_sources(ended)
    stderr(receipt(ended))
    if ended.status == "error":
        stderr(f"{tr('cli.error')}: {ended.error}" + (f"\n  → {ended.fix}" if ended.fix else ""))
    return 0 if ended.status == "ok" else 1


def _print_sources(ended: RunEnded) -> None:
    support: AnswerSupport | None = getattr(ended, "support", None)
    verdicts = _verdicts(support)
    for item in ended.citations:
        print(f"[{item.number}] {_source(item)}  {verdicts.get(item.number, '')}".rstrip())
        if item.quote:
            print(f"    “{shorten(' '.join(clean(item.quote).split()), EXCERPT)}”")
    if support is None:
        return
    for sentence in support.sentences:
        if sentence.status not in ("supported", "not_a_claim"):
            print(f"! {_doubt(sentence, ended.answer)}")
    for note in support.notes:
        print(f"! {_note(note)}")


def _source(item: Citation) -> str:
    parts = [clean_line(item.document, max_chars=4_096)]
    if item.page is not None:
        parts.append(f"({place(0, item.page)})")
    if item.section:
        parts.append(f"› {clean_line(item.section)}")
    if item.stale:
        parts.append(f"· {tr('docs.search.stale')}")
    return " ".join(parts)


def _verdicts(support: AnswerSupport | None) -> dict[int, str]:
    """Return what became of the sentences that cite each passage, the worst one counting."""
    order = ("number_mismatch", "negation", "weak", "unchecked", "supported")
    worst: dict[int, str] = {}
    for sentence in support.sentences if support else ():
        for number in sentence.citations[:1]:
            if sentence.status in order:
                now = worst.get(number, "supported")
                worst[number] = min(now, sentence.status, key=order.index)
    return {number: tr(f"docs.verdict.{status}") for number, status in worst.items()}


def _doubt(sentence: SentenceSupport, answer: str) -> str:
    said = shorten(clean_line(answer[sentence.start : sentence.end]), 80)
    text = f"{tr(f'docs.verdict.{sentence.status}')}: {said}"
    if sentence.status == "number_mismatch":
        found = clean_line(sentence.found) or tr("docs.nothing")
        text += f" ({tr('docs.verdict.numbers', said=clean_line(sentence.said), found=found)})"
    return text


def _note(note: SourceNote) -> str:
    listed = ", ".join(map(clean_line, note.documents))
    values = " / ".join(map(clean_line, note.values))
    return tr(f"docs.note.{note.kind}", documents=listed, values=values)
