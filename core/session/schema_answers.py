"""How far answers from documents are borne out, kept with the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database


def answer_support(db: Database) -> None:
    """Add what checking an answer against its passages gave, as JSON (:class:`core.events.AnswerSupport`)."""
    db.table("messages").add_column("support", str)
