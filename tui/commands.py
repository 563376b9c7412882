"""Slash commands, and the lists to choose from: all actions, themes, languages."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from core import i18n
from core.i18n import tr
from core.text import clean_line
from tui import actions, themes
from tui.screens.dialogs import Pick
from tui.widgets.rows import Row

if TYPE_CHECKING:
    from tui.study import StudyApp

LANGUAGES = {"en": "English", "ko": "한국어"}


def is_command(text: str) -> bool:
    """Say whether a sent text is meant as a command: a slash and a word, not a path or a fraction."""
    first = text[1:].split(maxsplit=1)[0] if text.startswith("/") and len(text) > 1 else ""
    return bool(first) and first.replace("-", "").isalpha() and "\n" not in text


def unknown(name: str) -> str:
    """Say that there is no such command, and which one is near."""
    near = difflib.get_close_matches(name, actions.BY_COMMAND, n=1)
    return tr("command.unknown", name=clean_line(name), suggestion=f"/{near[0]}" if near else "/help")


async def run_command(app: StudyApp, text: str) -> None:
    """Do what a slash command says."""
    name, _, argument = text[1:].partition(" ")
    argument = argument.strip()
    action = actions.BY_COMMAND.get(name)
    if action is None:
        app.tell(unknown(name), "warning")
    else:
        await app.action_do(action.id, argument if action.argument else "")


def pick_action(app: StudyApp) -> None:
    """Choose any action by name, in either language."""
    rows = []
    for action in actions.listed():
        how = "  ".join(
            part
            for part in (actions.key_labels(action, app.keys), f"/{action.command}" if action.command else "")
            if part
        )
        both = " ".join(i18n.catalogue(lang).get(f"action.{action.id}", "") for lang in i18n.LANGS)
        rows.append(Row(action.id, ((action.title, ""),), ((how, "quiet"),), data=f"{both} {action.id}"))

    async def chosen(action_id: str | None) -> None:
        if action_id:
            await app.action_do(action_id)

    app.push_screen(Pick(tr("palette.title"), rows), chosen)


def pick_theme(app: StudyApp) -> None:
    """Choose a theme."""
    rows = [Row(name, ((name, ""),), ((tr(f"theme.{name}"), "quiet"),)) for name in themes.NAMES]

    from tui import app_actions

    def chosen(name: str | None) -> None:
        if name:
            app_actions.set_theme(app, name)

    app.push_screen(Pick(tr("action.theme"), rows, current=app.theme), chosen)


def pick_language(app: StudyApp) -> None:
    """Choose a language."""
    rows = [Row(name, ((title, ""),), ((name, "quiet"),)) for name, title in LANGUAGES.items()]

    from tui import app_actions

    async def chosen(name: str | None) -> None:
        if name:
            await app_actions.set_lang(app, name)

    app.push_screen(Pick(tr("action.lang"), rows, current=i18n.language()), chosen)
