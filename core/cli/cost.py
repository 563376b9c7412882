"""``llm-study cost``: what a session, or everything recorded, took. Needs no engine."""

from __future__ import annotations

import argparse
import dataclasses
from collections import defaultdict
from collections.abc import Mapping

from core.agent.types import Cost
from core.cli import print_json
from core.cost import prices
from core.cost.calculate import total
from core.cost.desk import each_run
from core.cost.words import money, report, tokens
from core.errors import StudyError, UsageError
from core.i18n import tr
from core.paths import Paths
from core.session import Store, chat
from core.session.rows import Session
from core.settings import Settings
from core.text import clean, clean_line

LISTED = 20
"""Sessions listed under the total."""


def run(arguments: argparse.Namespace, settings: Settings, paths: Paths) -> int:
    """Print what was spent."""
    try:
        paths.ensure()
    except OSError as error:
        raise StudyError("error.data_dir", path=paths.data, reason=error) from error
    store = Store.open(paths.session_db)
    try:
        session = _session(store, arguments.session) if arguments.session else None
        runs = each_run(store, settings, session_id=session.id if session else "")
        cost = total(runs.values())
        each = [] if session else _by_session(store, runs)
        missing = prices.unknown(settings.compare_prices)
        if arguments.json:
            print_json(
                {
                    "session": session.id if session else None,
                    "currency": "USD",
                    "cost": dataclasses.asdict(cost),
                    "sessions": [
                        {"id": one.id, "title": one.title, "cost": dataclasses.asdict(part)}
                        for one, part in each
                    ],
                    "models_without_price": missing,
                    "settings": {name: getattr(settings, name) for name in _SETTINGS},
                }
            )
            return 0
        print(clean_line(session.title) if session else tr("cost.everything"))
        for line in report(cost, settings):
            print(f"  {clean(line)}")
        if missing:
            print(f"  {tr('cost.unknown', models=clean_line(', '.join(missing)))}")
        for one, part in each:
            title = clean_line(one.title, max_chars=48) or tr("cost.untitled")
            print(f"{one.id}  {tokens(part)}  {money(part.local_usd)}  {title}")
        return 0
    finally:
        store.close()


def _by_session(store: Store, runs: Mapping[str, Cost]) -> list[tuple[Session, Cost]]:
    """Return the newest sessions with what each took."""
    parts: dict[str, list[Cost]] = defaultdict(list)
    for row in store.query("SELECT id, session_id FROM runs"):
        parts[row["session_id"]].append(runs.get(row["id"], Cost()))
    sessions = chat.list_sessions(store, limit=LISTED)
    return [(one, total(parts[one.id])) for one in sessions if one.message_count]


_SETTINGS = ("power_w", "power_price", "hardware_price", "hardware_years", "compare_prices")


def _session(store: Store, wanted: str) -> Session:
    found = chat.last_session(store) if wanted == "last" else chat.get_session(store, wanted)
    if found is None:
        raise UsageError("error.session.unknown", id=clean_line(wanted))
    return found
