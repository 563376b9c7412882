"""One table of actions: what is in it exists, what exists is in it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from textual.binding import Binding

from core import i18n
from tui import actions, app_actions, commands, study
from tui.screens.container import ContainerScreen
from tui.screens.documents import CollectionsScreen
from tui.screens.lab import LabScreen
from tui.screens.memory import MemoryScreen
from tui.screens.models import ModelsScreen
from tui.screens.sessions import SessionsScreen
from tui.screens.timeline import TimelineScreen
from tui.widgets.composer import Composer
from tui.widgets.documents import DocumentsPane
from tui.widgets.permission import PermissionRow
from tui.widgets.resources import ResourcesPane
from tui.widgets.trace import TracePane
from tui.widgets.transcript import Transcript

OWNERS: dict[str, type] = {
    "app": study.StudyApp,
    "composer": Composer,
    "chat": Transcript,
    "resources": ResourcesPane,
    "documents": DocumentsPane,
    "collections": CollectionsScreen,
    "trace": TracePane,
    "sessions": SessionsScreen,
    "models": ModelsScreen,
    "container": ContainerScreen,
    "lab": LabScreen,
    "timeline": TimelineScreen,
    "permission": PermissionRow,
    "memory": MemoryScreen,
}


@pytest.mark.parametrize("action", actions.ACTIONS, ids=lambda action: action.id)
def test_every_action_has_a_handler_and_texts_in_both_languages(action: actions.Action) -> None:
    if action.scope != "app" and action.bound:
        assert hasattr(OWNERS[action.scope], f"action_{action.id}")
    for lang in i18n.LANGS:
        catalogue = i18n.catalogue(lang)
        assert catalogue.get(f"action.{action.id}")
        assert catalogue.get(f"action.{action.id}.help", "").endswith(".")
        if action.footer:
            assert catalogue.get(f"action.{action.id}.short")
    assert action.keys or action.command


def test_the_app_does_what_is_in_the_table_and_nothing_else() -> None:
    assert app_actions.DO.keys() == {action.id for action in actions.ACTIONS if action.scope == "app"}


def test_texts_name_no_action_that_is_gone() -> None:
    for lang in i18n.LANGS:
        named = {key.split(".")[1] for key in i18n.catalogue(lang) if key.startswith("action.")}
        assert named == {action.id for action in actions.ACTIONS}


def test_no_key_means_two_things_in_one_place() -> None:
    for scope in OWNERS:
        keys = [
            key
            for action in actions.ACTIONS
            if action.scope in {scope, "app"} and action.bound
            for key in action.keys.split(",")
            if key
        ]
        assert len(keys) == len(set(keys)), scope


def test_keys_work_on_every_terminal() -> None:
    """Letters, F1-F10, ctrl+letter, named keys; what needs a modern terminal has a second key."""
    simple = re.compile(r"f([1-9]|10)|ctrl\+[a-z]|[a-zA-Z0-9]|[a-z_]+")
    for action in actions.ACTIONS:
        keys = [key for key in action.keys.split(",") if key]
        assert not keys or any(simple.fullmatch(key) for key in keys), action.id


def test_bindings_carry_the_ids_the_keymap_needs() -> None:
    for scope in OWNERS:
        for binding in actions.bindings(scope):  # type: ignore[arg-type]
            assert isinstance(binding, Binding)
            assert binding.id in actions.BY_ID


def test_quit_cannot_be_unbound() -> None:
    keymap, unknown = actions.keymap({"quit": "f10", "trace": "f4, ctrl+g", "nonsense": "x"})
    assert keymap == {"quit": "f10,ctrl+q", "trace": "f4,ctrl+g"}
    assert unknown == ["nonsense"]


async def test_the_keymap_setting_changes_keys_and_footer(runs: Any) -> None:
    async with runs(keymap={"trace": "ctrl+b", "quit": "f10"}) as bench:
        assert "^B trace" in bench.screen_text()
        await bench.pilot.press("ctrl+b")
        await bench.until(lambda: bench.app.bench.trace.display)
        await bench.pilot.press("f2")
        await bench.pilot.pause()
        assert bench.app.bench.trace.display
        await bench.pilot.press("ctrl+q")
        await bench.until(lambda: not bench.app.is_running or bench.app._exit)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/help", True),
        ("/trace now", True),
        ("/etc/passwd what is it", False),
        ("1/2", False),
        ("/", False),
        ("/12", False),
    ],
)
def test_what_counts_as_a_command(text: str, expected: bool) -> None:
    assert commands.is_command(text) is expected


async def test_a_mistyped_command_is_corrected(runs: Any) -> None:
    async with runs() as bench:
        await bench.ask("/thme")
        await bench.sees("Did you mean /theme?")


async def test_help_lists_every_action_and_the_focused_pane_first(runs: Any) -> None:
    async with runs(size=(120, 50)) as bench:
        bench.app.bench.focus_pane("documents")
        await bench.pilot.press("f1")
        await bench.sees("Your documents and whether they are indexed.")
        content = str(bench.app.screen._content)
        for action in actions.ACTIONS:
            assert action.help in content
        await bench.pilot.press("escape")
        await bench.until(lambda: bench.app.screen is bench.app.bench)


async def test_the_palette_finds_by_either_language_and_runs(runs: Any) -> None:
    async with runs() as bench:
        await bench.pilot.press("ctrl+p")
        await bench.sees("All commands")
        await bench.type("추적")
        await bench.until(lambda: bench.app.screen.query_one("RowList").rows[0].id == "trace")
        await bench.pilot.press("enter")
        await bench.until(lambda: bench.app.bench.trace.display)
