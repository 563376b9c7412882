"""What ``docs`` takes on the command line."""

from __future__ import annotations

import argparse
import math
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args

from core.cli import docs_eval_arguments
from core.errors import UsageError
from core.events import DocumentStatus
from core.i18n import tr

if TYPE_CHECKING:
    from core.rag.chunking.types import Chunking

_AGO = re.compile(r"(\d{1,5})([hdw])")
_SECONDS = {"h": 3_600, "d": 86_400, "w": 604_800}


def chunking_of(text: str) -> Chunking:
    """Read chunking settings: ``headings``, ``recursive:300``, ``fixed:400/80``, ``code+header``.

    Raises:
        argparse.ArgumentTypeError: It is none, or names settings that cannot be.
    """
    # Here, not above: the app's start reads its arguments too, and would wait for it.
    from core.rag.evaluation.variants import parse_chunking

    try:
        return parse_chunking(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def moment_of(text: str) -> float:
    """Read a time: ``2026-03-01``, ``2026-03-01T09:30``, or so long ago: ``12h``, ``7d``, ``2w``. Unix seconds.

    Raises:
        argparse.ArgumentTypeError: It is none of these.
    """
    ago = _AGO.fullmatch(text.strip())
    if ago:
        return time.time() - int(ago[1]) * _SECONDS[ago[2]]
    for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"):
        try:
            return time.mktime(time.strptime(text.strip(), form))
        except (ValueError, OverflowError):
            continue
    raise argparse.ArgumentTypeError(tr("docs.cli.bad_moment", value=text))


def _count(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= 10_000:
        raise argparse.ArgumentTypeError(tr("cli.count", value=text))
    return value


def _number(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(
                tr("docs.cli.bad_number", value=text, low=f"{low:g}", high=f"{high:g}")
            )
        return value

    return read


class _Actions:
    """Sub-commands, each with a line, a description and its JSON fields in the help."""

    def __init__(self, actions: Any, parents: list[argparse.ArgumentParser], prefix: str) -> None:
        self._actions, self._parents, self._prefix = actions, parents, prefix

    def __call__(self, name: str, *, json: str = "") -> Any:
        key = f"{self._prefix}.{name}"
        fields = f"\n\n{tr('docs.cli.json', fields=json)}" if json else ""
        return self._actions.add_parser(
            name, parents=self._parents, help=tr(key), description=tr(f"{key}.about") + fields
        )


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the parsers.

    Args:
        commands: The subparsers of ``llm-study``.
        parents: The common flags and ``--json``.
    """
    parser_class = type(commands.choices["ask"])
    docs = commands.add_parser("docs", help=tr("cli.help.docs"), description=tr("docs.cli.about"))
    actions = docs.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=parser_class)
    action = _Actions(actions, parents, "docs.cli")
    _adding(action)
    _looking(action)
    _searching(action)
    _keeping(action)
    _collections(action, parents, parser_class)
    docs_eval_arguments.add(actions, parents)


DOCUMENT = (
    "id path uri status reason note chunks bytes collection collection_id title media_type chars tokens pages content_hash same_as"
    " mtime added_at updated_at parse_ms embed_ms"
)
HIT = (
    "document path line page section text score vector_score vector_rank keyword_score keyword_rank collection collection_id"
    " document_id chunk_id char_start char_end hit_start hit_end also_at stale"
)
COLLECTION = (
    "id name chunking{strategy size overlap header text} embedder watch documents indexed failed chunks bytes"
    " created_at building"
)
JOB = "id kind collection collection_id status paths total done failed started_at ended_at"
"""The field names that ``--json`` promises. A test holds that they are what is printed."""


def _adding(action: _Actions) -> None:
    new = action(
        "add", json=f"job_id collection created indexed failed unchanged added documents[{DOCUMENT}]"
    )
    new.add_argument("paths", nargs="+", metavar="PATH", help=tr("docs.cli.paths"))
    new.add_argument("--collection", default="", metavar="NAME", help=tr("docs.cli.add.collection"))
    _settings(new, tr("docs.cli.chunking_new"), tr("docs.cli.embedder_new"))
    retry = action("retry", json=f"job_id indexed failed documents[{DOCUMENT}]")
    retry.add_argument("ids", nargs="*", metavar="ID|PATH", help=tr("docs.cli.retry.ids"))
    _collection(retry)
    again = action("reindex", json=f"job_id indexed failed documents[{DOCUMENT}]")
    again.add_argument("ids", nargs="*", metavar="ID|PATH", help=tr("docs.cli.reindex.ids"))
    again.add_argument("--all", action="store_true", help=tr("docs.cli.reindex.all"))
    _collection(again)


def _looking(action: _Actions) -> None:
    listed = action("list", json=f"documents[{DOCUMENT}]")
    listed.add_argument("--failed", action="store_true", help=tr("docs.cli.failed_first"))
    listed.add_argument(
        "--status",
        action="append",
        choices=list(get_args(DocumentStatus)),
        metavar="STATUS",
        help=tr("docs.cli.status", known=", ".join(get_args(DocumentStatus))),
    )
    _filters(listed)
    failed = action("failed", json=f"documents[{DOCUMENT}]")
    _collection(failed)
    show = action(
        "show",
        json=f"document{{{DOCUMENT}}} parser encoding also_at"
        " chunks[chunk_id ordinal section text page line char_start char_end]",
    )
    show.add_argument("id", metavar="ID|PATH", help=tr("docs.cli.id"))
    show.add_argument("--chunks", action="store_true", help=tr("docs.cli.chunks"))
    _collection(show)
    jobs = action("jobs", json=f"jobs[{JOB}]")
    jobs.add_argument("-n", type=_count, default=20, metavar="N", dest="count", help=tr("docs.cli.jobs.n"))
    steer = jobs.add_mutually_exclusive_group()
    steer.add_argument("--resume", metavar="ID", help=tr("docs.cli.jobs.resume"))
    steer.add_argument("--stop", metavar="ID", help=tr("docs.cli.jobs.stop"))
    export = action("export", json="documents chunks path")
    export.add_argument("ids", nargs="*", metavar="ID|PATH", help=tr("docs.cli.export.ids"))
    export.add_argument(
        "--format", choices=["jsonl", "markdown"], default="jsonl", help=tr("docs.cli.export.format")
    )
    export.add_argument("--output", metavar="FILE", help=tr("cli.help.output"))
    _collection(export)


def _searching(action: _Actions) -> None:
    search = action("search", json=f"answerable confidence threshold reasons[code words] hits[{HIT}]")
    search.add_argument("query", nargs="?", metavar="QUERY", help=tr("docs.cli.query"))
    search.add_argument("-k", type=_count, default=5, metavar="N", help=tr("cli.help.k"))
    search.add_argument("--phrase", nargs="?", const="", metavar="TEXT", help=tr("docs.cli.phrase"))
    search.add_argument(
        "--variety", type=_number(0, 1), default=0.0, metavar="0-1", help=tr("docs.cli.variety")
    )
    _filters(search)
    ask = action(
        "ask",
        json="session_id run_id status answer citations[number document section text score page …]"
        " support{sentences[start end status citations said found …] notes[kind documents values …]} …",
    )
    ask.add_argument("question", metavar="QUESTION", help=tr("docs.cli.question"))
    ask.add_argument("--session", metavar="ID|last|new", default="new", help=tr("cli.help.session"))
    _collection(ask)


def _keeping(action: _Actions) -> None:
    counts = "added changed moved removed unchanged failed suspended[]"
    sync = action("sync", json=f"job_id {counts} documents[{DOCUMENT}]")
    _collection(sync)
    watch = action("watch")
    watch.add_argument(
        "--every", type=_number(0.5, 86_400), default=5.0, metavar="SECONDS", help=tr("docs.cli.watch.every")
    )
    _collection(watch)
    remove = action("rm", json="removed[id …] paths[path …]")
    remove.add_argument("ids", nargs="*", metavar="ID|PATH", help=tr("docs.cli.rm.ids"))
    remove.add_argument(
        "--source", action="append", default=[], metavar="PATH", help=tr("docs.cli.rm.source")
    )
    _collection(remove)
    check = action(
        "check",
        json="documents chunks repaired left waiting troubles[kind collection document_id path expected found]",
    )
    check.add_argument("--repair", action="store_true", help=tr("docs.cli.check.repair"))


def _collections(
    action: _Actions, parents: list[argparse.ArgumentParser], parser_class: type[argparse.ArgumentParser]
) -> None:
    room = action("collections", json=f"collections[{COLLECTION} sources[id path status scanned_at]]")
    # Not required: without a word it lists them. Its own --json must not be undone by a sub-command's default.
    as_json = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    as_json.add_argument("--json", action="store_true", help=tr("cli.help.json"))
    nested = _Actions(
        room.add_subparsers(dest="verb", metavar="ACTION", parser_class=parser_class),
        [parents[0], as_json],
        "docs.cli.collections",
    )
    new = nested("add", json=COLLECTION)
    new.add_argument("name", metavar="NAME")
    _settings(new, tr("docs.cli.chunking"), tr("docs.cli.embedder"))
    _watching(new)
    renamed = nested("rename", json=COLLECTION)
    renamed.add_argument("name", metavar="NAME")
    renamed.add_argument("new_name", metavar="NEW")
    changed = nested("set", json=COLLECTION)
    changed.add_argument("name", metavar="NAME")
    _settings(changed, tr("docs.cli.chunking"), tr("docs.cli.embedder"))
    _watching(changed)
    gone = nested("rm", json="removed")
    gone.add_argument("name", metavar="NAME")
    gone.add_argument("--yes", action="store_true", help=tr("docs.cli.collections.yes"))


def _settings(parser: Any, chunking: str, embedder: str) -> None:
    parser.add_argument("--chunking", type=chunking_of, metavar="HOW", help=chunking)
    parser.add_argument("--embedder", metavar="NAME", help=embedder)


def _watching(parser: Any) -> None:
    parser.add_argument(
        "--watch",
        action=argparse.BooleanOptionalAction,
        default=None,
        help=tr("docs.cli.collections.watch"),
    )


def _collection(parser: Any) -> None:
    parser.add_argument("--collection", default="", metavar="NAME", help=tr("docs.cli.collection"))


def _filters(parser: Any) -> None:
    _collection(parser)
    parser.add_argument("--path", default="", metavar="TEXT", help=tr("docs.cli.path"))
    parser.add_argument("--type", action="append", default=[], metavar="SUFFIX", help=tr("docs.cli.type"))
    parser.add_argument("--since", type=moment_of, metavar="WHEN", help=tr("docs.cli.since"))
    parser.add_argument("--until", type=moment_of, metavar="WHEN", help=tr("docs.cli.until"))
