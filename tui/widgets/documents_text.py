"""What the documents pane says in words: progress, details, scores, reasons, a passage as Markdown."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from core.events import Document, DocumentStatus, Hit, IngestProgress
from core.i18n import tr
from core.text import clean, clean_line
from tui import format
from tui.documents_shelf import BUSY, Node
from tui.glyphs import glyphs
from tui.widgets.documents_rows import base_name

if TYPE_CHECKING:
    from core.rag import ChunkView
    from core.rag.types import CheckReport, Collection, Details, Job, SearchResult, SyncReport

Part = str | tuple[str, str]
STATUSES: tuple[DocumentStatus, ...] = (
    "indexed",
    "queued",
    "parsing",
    "embedding",
    "stale",
    "stopped",
    "failed",
)
BAR = 8
"""Cells of a progress bar."""


def when(seconds: float | None) -> str:
    """Write a time of the clock."""
    if not seconds:
        return format.none()
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")


def progress_pieces(progress: IngestProgress, pause: str, stop: str) -> list[Content]:
    """Say how far a job is, how fast, how long it will take, and the keys to hold or stop it."""
    marks = glyphs()
    share = progress.done / progress.total if progress.total else 0.0
    full = round(share * BAR)
    word = tr("documents.job.paused") if progress.paused else tr(f"documents.doing.{progress.kind}")
    count = tr("documents.progress", done=format.count(progress.done), total=format.count(progress.total))
    bar = marks.bar * full + marks.bar_empty * (BAR - full)
    # The count by itself: in a narrow pane it is not what is cut.
    pieces = [
        Content.assemble((bar, "$warning" if progress.paused else "$accent"), f" {word}"),
        Content(count),
    ]
    if progress.failed:
        pieces.append(Content.styled(f"{format.count(progress.failed)} {marks.bad}", "$error"))
    if progress.rate is not None and not progress.paused:
        pieces.append(Content.styled(tr("documents.rate", rate=f"{progress.rate:.1f}"), "$quiet"))
    if progress.eta_s is not None and not progress.paused:
        left = format.to_come(max(1.0, progress.eta_s))
        pieces.append(Content.styled(tr("documents.eta", time=left), "$quiet"))
    held = tr("documents.keys.resume") if progress.paused else tr("documents.keys.pause")
    for key, does in ((pause, held), (stop, tr("documents.keys.stop"))):
        pieces.append(Content.assemble((key, "$accent"), (f" {does}", "$quiet")))
    pieces.append(Content.styled(base_name(progress.current) if progress.current else " ", "$quiet"))
    return pieces


def score_pieces(hit: Hit, explain: str) -> list[Content]:
    """Say how a passage was found: the score and place in each search, and what they came to."""
    pieces = []
    for name, score, rank, digits in (
        ("vector", hit.vector_score, hit.vector_rank, 2),
        ("keyword", hit.keyword_score, hit.keyword_rank, 1),
    ):
        value = format.none() if score is None else f"{score:.{digits}f}"
        place = f" #{rank}" if rank is not None else ""
        pieces.append(Content.assemble((f"{tr(f'documents.{name}')} ", "$quiet"), value, (place, "$quiet")))
    pieces.append(Content.assemble((f"{tr('documents.fused')} ", "$quiet"), (f"{hit.score:.2f}", "bold")))
    if hit.stale:
        pieces.append(Content.styled(f"{glyphs().differ} {tr('document.stale')}", "$warning"))
    pieces.append(Content.assemble((explain, "$accent"), (f" {tr('documents.keys.explain')}", "$quiet")))
    return pieces


def unanswerable_text(result: SearchResult) -> str:
    """Say that what was found is likely no answer, by how much, and what speaks most against it."""
    from core.rag import reasons

    return tr(
        "documents.unanswerable",
        confidence=reasons.digits(result.confidence),
        threshold=reasons.digits(result.threshold),
        why="".join(f" {reasons.sentence(reason)}" for reason in result.reasons[:1]),
    )


def scores_text(hit: Hit | None, result: SearchResult | None) -> Content:
    """Explain every score, with the values of a passage when there is one."""
    values = (
        {
            "vector": (hit.vector_score, ".3f", hit.vector_rank),
            "keyword": (hit.keyword_score, ".2f", hit.keyword_rank),
            "fused": (hit.score, ".3f", None),
        }
        if hit
        else {}
    )
    parts: list[Part] = []
    for name in ("vector", "keyword", "rank", "fused", "confidence"):
        parts.append((tr(f"documents.{name}"), "bold $accent"))
        if name in values:
            score, digits, rank = values[name]
            shown = format.none() if score is None else f"{score:{digits}}"
            parts.append(f"  {shown}" + (f"  #{rank}" if rank is not None else ""))
        elif name == "confidence" and result is not None:
            parts += _sureness(result)
        parts.append(f"\n  {tr(f'documents.{name}.help')}\n\n")
    return Content.assemble(*parts)


def _sureness(result: SearchResult) -> list[Part]:
    """Write the confidence, what was needed, and all that speaks against an answer."""
    from core.rag import reasons

    word = tr("documents.answerable" if result.answerable else "documents.unanswerable.short")
    needed = tr("documents.unanswerable.bar", threshold=reasons.digits(result.threshold))
    parts: list[Part] = [f"  {reasons.digits(result.confidence)}  ", (needed, "$quiet"), f"  {word}"]
    return parts + [(f"\n  {reasons.sentence(reason)}", "$warning") for reason in result.reasons]


def reason_text(document: Document, retry: str, copy: str) -> Content:
    """Say why a document could not be indexed, what is still searchable, and what to do."""
    path = clean_line(_shown(document.path), max_chars=4_096)
    parts: list[Part] = [
        (f"{glyphs().bad} ", "$error"),
        (clean(document.reason or tr("document.failed")).strip() + "\n\n", "bold"),
        (f"{path}\n", ""),
        (f"{when(document.updated_at)}\n\n", "$quiet"),
    ]
    if document.chunks:
        parts.append(f"{tr('documents.old_version', chunks=document.chunks)}\n\n")
    parts += [(retry, "$accent"), (f" {tr('documents.keys.retry')}   ", "$quiet")]
    parts += [(copy, "$accent"), (f" {tr('documents.keys.copy')}", "$quiet")]
    return Content.assemble(*parts)


def status_text(document: Document) -> str:
    """Say a document's status in a sentence's few words."""
    if document.status in BUSY and document.chunks:
        return f"{tr(f'document.{document.status}')}, {tr('documents.old_version', chunks=document.chunks)}"
    if document.status == "stale" or (document.status == "failed" and document.chunks):
        return f"{tr(f'document.{document.status}')}, {tr('documents.old_version', chunks=document.chunks)}"
    return tr(f"document.{document.status}")


def details_fields(details: Details, collection: str) -> list[tuple[str, str]]:
    """Return everything known of a document, as name and value."""
    document = details.document
    timings = [
        f"{tr(f'documents.detail.{name}')} {format.duration(value)}"
        for name, value in (("parse", document.parse_ms), ("embed", document.embed_ms))
        if value is not None
    ]
    tokens, pages = details.tokens or document.tokens, details.pages or document.pages
    fields = [
        ("path", _shown(document.path)),
        ("collection", collection),
        ("status", status_text(document)),
        ("reason", document.reason),
        ("note", document.note),
        ("media", document.media_type),
        ("encoding", details.encoding),
        ("size", _size(document.bytes)),
        ("pages", format.count(pages) if pages else ""),
        ("chunks", format.count(document.chunks)),
        ("chars", format.count(document.chars) if document.chars else ""),
        ("tokens", tr("documents.detail.about", count=format.count(tokens)) if tokens else ""),
        ("parser", details.parser),
        ("times", ", ".join(timings)),
        ("mtime", when(details.mtime or document.mtime)),
        ("added", when(document.added_at)),
        ("updated", when(document.updated_at)),
        ("hash", document.content_hash),
        ("also", "\n".join(_shown(path) for path in details.also_at)),
    ]
    return [
        (
            tr(f"documents.detail.{name}"),
            "\n".join(clean_line(line, max_chars=4_096) for line in value.split("\n")),
        )
        for name, value in fields
        if value
    ]


def details_text(details: Details, collection: str) -> Content:
    """Return everything known of a document, a line each."""
    return _columns(details_fields(details, collection))


def details_pieces(details: Details, collection: str) -> list[Content]:
    """Return the same in a few running lines, for below a document."""
    document = details.document
    pieces = [
        Content.styled(_shown(document.path), "$quiet"),
        Content(""),
        Content(clean_line(collection)),
        Content(clean_line(status_text(document), max_chars=200)),
    ]
    tokens, pages = details.tokens or document.tokens, details.pages or document.pages
    for name, value in (
        ("chunks", format.count(document.chunks)),
        ("tokens", tr("documents.detail.about", count=format.count(tokens)) if tokens else ""),
        ("pages", format.count(pages) if pages else ""),
        ("size", format.size(document.bytes)),
        ("encoding", clean_line(details.encoding, max_chars=40)),
        ("parse", format.duration(document.parse_ms) if document.parse_ms is not None else ""),
        ("embed", format.duration(document.embed_ms) if document.embed_ms is not None else ""),
        ("mtime", when(details.mtime or document.mtime)),
        ("hash", clean_line(document.content_hash, max_chars=12)),
    ):
        if value:
            pieces.append(Content.assemble((f"{tr(f'documents.detail.{name}')} ", "$quiet"), value))
    # A failed file of which nothing is searchable is not read: its reason stands there instead.
    reason = document.reason if document.status != "failed" or document.chunks or document.same_as else ""
    for text, tone in ((reason, "$error"), (document.note, "$warning")):
        if text:
            pieces += [Content(""), Content.styled(clean_line(text, max_chars=400), tone)]
    if details.also_at:
        pieces.append(Content(""))
        pieces.append(Content.styled(tr("documents.detail.also"), "$quiet"))
        pieces += [Content(_shown(path)) for path in details.also_at[:4]]
    return pieces


def node_text(node: Node, documents: Sequence[Document], collection: Collection | None) -> Content:
    """Say what is in a folder or collection, and how a collection is cut and embedded."""
    counted = Counter(one.status for one in documents)
    shared = sum(bool(one.same_as) for one in documents)
    fields = [
        (tr("documents.detail.path"), _shown(node.path) if node.kind == "folder" else ""),
        (tr("documents.job.count"), format.count(len(documents))),
        *(
            (tr(f"document.{name}"), format.count(counted[name]) if counted[name] else "")
            for name in STATUSES
        ),
        (
            tr("documents.detail.chunks"),
            format.count(sum(one.chunks for one in documents if not one.same_as)),
        ),
        (tr("documents.detail.also"), format.count(shared) if shared else ""),
        (tr("documents.detail.size"), format.size(sum(one.bytes for one in documents))),
    ]
    if collection and node.kind == "collection":
        fields += [
            (tr("documents.settings.strategy"), collection.chunking.version),
            (
                tr("documents.settings.embedder"),
                clean_line(collection.embedder) or tr("documents.embedder.own"),
            ),
            (tr("documents.settings.watch"), tr("dialog.yes" if collection.watch else "dialog.no")),
        ]
    return _columns(fields)


def _columns(fields: Sequence[tuple[str, str]]) -> Content:
    """Return names and values in two columns; what has no value is left out."""
    shown = [(name, value) for name, value in fields if value]
    width = max(Content(name).cell_length for name, _ in shown) + 2
    parts: list[Part] = []
    for name, value in shown:
        for line in value.split("\n"):
            parts += [(format.pad(name, width), "$quiet"), f"{line}\n"]
            name = ""
    return Content.assemble(*parts)


def job_text(job: Job, progress: IngestProgress | None, collection: str) -> Content:
    """Say everything of a job."""
    live = job.status in {"queued", "running", "paused"}
    done, total, failed = job.done, job.total, job.failed
    if progress and live:
        done, total, failed = progress.done, progress.total, progress.failed
    took = (job.ended_at or time.time()) - job.started_at
    rate = progress.rate if progress and live else done / took if took > 0 and done else None
    fields = [
        ("kind", tr(f"documents.job.{job.kind}")),
        ("state", tr(f"documents.job.{'paused' if progress and progress.paused and live else job.status}")),
        ("collection", clean_line(collection)),
        ("count", tr("documents.progress", done=format.count(done), total=format.count(total))),
        ("failed", format.count(failed) if failed else ""),
        ("rate", tr("documents.rate", rate=f"{rate:.1f}") if rate is not None else ""),
        (
            "bytes_rate",
            format.megabytes_per_s(progress.bytes_rate) if progress and progress.bytes_rate and live else "",
        ),
        (
            "eta",
            format.to_come(progress.eta_s) if progress and progress.eta_s is not None and live else "",
        ),
        ("started", when(job.started_at)),
        ("ended", when(job.ended_at) if job.ended_at else ""),
        ("paths", "\n".join(_shown(path) for path in job.paths[:50])),
    ]
    return _columns([(tr(f"documents.job.{name}"), value) for name, value in fields])


def sync_text(report: SyncReport) -> str:
    """Say what a sync found."""
    text = tr(
        "documents.synced",
        added=report.added,
        changed=report.changed,
        moved=report.moved,
        removed=report.removed,
        unchanged=report.unchanged,
    )
    if report.failed:
        text += " " + tr("documents.synced.failed", count=report.failed)
    if report.suspended:
        names = ", ".join(_shown(path) for path in report.suspended[:3])
        text += "\n" + tr("documents.synced.suspended", names=names)
    return text


def check_text(report: CheckReport) -> Content:
    """Say what a check of ledger and index found, one trouble a line."""
    head = tr(
        "documents.checked", documents=format.count(report.documents), chunks=format.count(report.chunks)
    )
    parts: list[Part] = [f"{head}\n"]
    if not report.troubles:
        parts.append((tr("documents.check.fine"), "$success"))
    for trouble in report.troubles[:200]:
        what = tr(f"documents.trouble.{trouble.kind}", expected=trouble.expected, found=trouble.found)
        where = _shown(trouble.path) if trouble.path else clean_line(trouble.collection)
        parts += ["\n", (f"{glyphs().bad} ", "$error"), (where, "bold"), f"\n  {what}"]
    if report.troubles:
        parts.append(f"\n\n{tr('documents.check.repaired' if report.repaired else 'documents.check.repair')}")
    return Content.assemble(*parts)


def passage_markdown(document: Document, chunk: ChunkView) -> str:
    """Return a passage as a Markdown file: where it is from, then its words."""
    lines = [f"# {clean_line(document.title or base_name(document.path))}", ""]
    for name, value in (
        ("source", _whole(document.path)),
        ("section", clean_line(chunk.section, max_chars=400)),
        ("page", chunk.page if chunk.page is not None else ""),
        ("line", getattr(chunk, "line", 0) or ""),
        ("chunk", f"{chunk.ordinal + 1} ({chunk.chunk_id})"),
        ("hash", document.content_hash),
    ):
        if value:
            lines.append(f"- {tr(f'documents.passage.{name}')}: {value}")
    quoted = [f"> {line}".rstrip() for line in clean(chunk.text).strip().split("\n")]
    return "\n".join([*lines, "", *quoted, ""])


def _whole(path: str) -> str:
    from core.rag.scan import shown

    return shown(path)


def _shown(path: str) -> str:
    """Return a path for people, the home folder as ``~``."""
    whole, home = _whole(path), str(Path.home())
    return f"~{whole[len(home) :]}" if home != "/" and whole.startswith(f"{home}/") else whole


def _size(count: int) -> str:
    """Write a size, from a KiB on also to the byte."""
    exact = f"  ({format.count(count)} B)" if count >= 1024 else ""
    return format.size(count) + exact
