"""``llm-study docs jobs``: pieces of ingest work, those of other processes too; what one left can go on or be ended."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from core.cli import print_json
from core.cli.arguments import stderr
from core.cli.docs_add import summary
from core.cli.docs_names import PREFIX, collections_of, names_of
from core.cli.docs_progress import Line, follow
from core.cli.docs_words import moment, span, table
from core.cli.work import wait
from core.errors import UsageError
from core.i18n import tr
from core.rag import scan
from core.runtime import Runtime
from core.session import Store, ingest_jobs
from core.session.ingest_jobs import JobRow
from core.text import clean_line


def change(work: Runtime, arguments: argparse.Namespace) -> int:
    """End a job a process left, or go on with it. Exit code 1 when a document of it failed."""
    store = wait(work.store_ready)
    job = _the_job(store, arguments.stop or arguments.resume)
    if job.ended_at is not None or job.status in ingest_jobs.OVER:
        raise UsageError("error.docs.job_over", id=job.id)
    if job.alive and not job.mine:
        raise UsageError("error.docs.job_elsewhere", id=job.id)
    if arguments.stop:
        wait(work.library.stop(job.id))
    else:
        # The library may have taken it up by itself as it started; then only the end is waited for.
        follow(work, lambda: work.library.resume(job.id), Line(quiet=arguments.json))
    now = ingest_jobs.get_job(store, job.id) or job
    if arguments.json:
        print_json(_job_json(now, names_of(collections_of(store))))
    elif arguments.stop:
        print(tr("docs.jobs.stopped", id=now.id))
    else:
        print(summary(now.done - now.failed, now.failed))
    return 1 if arguments.resume and now.failed else 0


def _the_job(store: Store, word: str) -> JobRow:
    found = [
        one
        for one in ingest_jobs.list_jobs(store)
        if one.id == word or (len(word) >= PREFIX and one.id.startswith(word))
    ]
    if len(found) != 1:
        raise UsageError("error.docs.job_unknown", id=clean_line(word))
    return found[0]


def listed(store: Store, arguments: argparse.Namespace) -> int:
    """List pieces of ingest work, newest first."""
    names = names_of(collections_of(store))
    found = ingest_jobs.list_jobs(store, arguments.count)[: arguments.count]
    if arguments.json:
        print_json({"jobs": [_job_json(one, names) for one in found]})
        return 0
    if not found:
        stderr(tr("docs.jobs.none"))
        return 0
    lines = [tr("docs.jobs.head").split("\t"), *(_job_line(one, names) for one in found)]
    for text in table(lines, right=(3, 4, 6)):
        print(text)
    return 0


def _status(job: JobRow) -> str:
    """Return a job's status; one whose process is gone is ``interrupted``, whatever it last said of itself."""
    return "interrupted" if job.status in ("running", "queued") and not job.alive else job.status


def _job_json(job: JobRow, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": job.id,
        "kind": job.kind,
        "collection": names.get(job.collection, job.collection),
        "collection_id": job.collection,
        "status": _status(job),
        "paths": [scan.shown(one) for one in job.paths],
        "total": job.total,
        "done": job.done,
        "failed": job.failed,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
    }


def _job_line(job: JobRow, names: Mapping[str, str]) -> list[str]:
    first = scan.shown(job.paths[0]) if job.paths else ""
    return [
        job.id,
        tr(f"docs.job.kind.{job.kind}"),
        tr(f"docs.job.status.{_status(job)}"),
        f"{job.done}/{job.total}",
        str(job.failed),
        moment(job.started_at),
        span(job.ended_at - job.started_at) if job.ended_at else "-",
        clean_line(names.get(job.collection, job.collection), max_chars=30),
        first + (tr("docs.and_more", count=len(job.paths) - 1) if len(job.paths) > 1 else ""),
    ]
