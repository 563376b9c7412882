"""The one table of what can be done: key bindings, palette, slash commands, footer and F1 help come from it.

An action's title and explanation are the messages ``action.<id>`` and ``action.<id>.help``. What it does is in
:mod:`tui.app_actions` under its id, or the method ``action_<id>`` of the widget its scope names
(``tests/tui/test_actions.py`` holds that none drifts).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len
from textual.binding import Binding

from core.i18n import tr

Scope = Literal[
    "app",
    "composer",
    "chat",
    "find",
    "resources",
    "documents",
    "collections",
    "trace",
    "sessions",
    "models",
    "container",
    "lab",
    "timeline",
    "permission",
    "memory",
]
Group = Literal[
    "chat", "view", "trace", "documents", "session", "models", "container", "lab", "timeline", "app"
]
GROUPS: tuple[Group, ...] = (
    "chat",
    "view",
    "trace",
    "documents",
    "session",
    "models",
    "container",
    "lab",
    "timeline",
    "app",
)


@dataclass(frozen=True)
class Action:
    """One thing a user can do."""

    id: str
    keys: str
    """Default keys, comma-separated; may be empty when it has a command."""
    group: Group
    scope: Scope = "app"
    """Where the keys work: ``app`` everywhere, else while that part has the focus."""
    command: str = ""
    """Slash command, without the slash."""
    argument: Literal["", "path", "text", "theme", "lang", "title", "model"] = ""
    """What the command takes after its name."""
    footer: int = 0
    """Place in the footer, from 1; 0 leaves it out."""
    bound: bool = True
    """False: the widget handles the key by itself; listed for the help only."""
    priority: bool = True
    """Whether the key wins over the focused widget's own."""

    @property
    def target(self) -> str:
        """The action string for Textual: the app's one ``do``, or a method of the widget in focus."""
        return f"app.do('{self.id}')" if self.scope == "app" else self.id

    @property
    def title(self) -> str:
        """What it is called, a few words."""
        return tr(f"action.{self.id}")

    @property
    def help(self) -> str:
        """What it does, a sentence."""
        return tr(f"action.{self.id}.help")


ACTIONS: tuple[Action, ...] = (
    # Asking.
    Action("send", "enter", "chat", "composer"),
    Action("newline", "ctrl+j,alt+enter,shift+enter", "chat", "composer"),
    Action("history", "up,down", "chat", "composer", bound=False),
    Action("complete", "tab", "chat", "composer", bound=False),
    Action("stop", "escape", "chat", command="stop", footer=9, priority=False),
    Action("retry", "ctrl+r", "chat", command="retry"),
    Action("ask_documents", "", "chat", command="ask", argument="text"),
    Action("find", "ctrl+f", "chat", command="find", argument="text", footer=8),
    Action("copy", "ctrl+y", "chat", command="copy"),
    Action("copy_code", "", "chat", command="code"),
    Action("copy_item", "y", "chat", "chat"),
    Action("copy_item_code", "c", "chat", "chat"),
    Action("retry_item", "r", "chat", "chat"),
    Action("item_resume", "o", "chat", "chat"),
    Action("resume", "", "chat", command="continue"),
    Action("item_previous", "up,k", "chat", "chat"),
    Action("item_next", "down,j", "chat", "chat"),
    Action("item_open", "enter,space", "chat", "chat"),
    Action("item_trace", "t", "chat", "chat"),
    Action("item_explain", "question_mark", "chat", "chat"),
    Action("item_take_back", "u,backspace", "chat", "chat"),
    Action("unqueue", "", "chat", command="unqueue"),
    Action("permission_once", "y", "chat", "permission"),
    Action("permission_always", "a", "chat", "permission"),
    Action("permission_deny", "n", "chat", "permission"),
    Action("find_next", "n", "chat", "chat"),
    Action("find_previous", "N", "chat", "chat"),
    Action("load_earlier", "pageup", "chat", "chat", bound=False),
    # Looking.
    Action("trace", "f2", "view", command="trace", footer=3),
    Action("models", "f3", "view", command="models", footer=4),
    Action("container", "", "view", command="container"),
    Action("resources", "f12,ctrl+l", "view", command="resources"),
    Action("documents", "f5", "view", command="docs", argument="text", footer=6),
    Action("lab", "f4", "view", command="lab", footer=5),
    Action("timeline", "", "view", command="timeline"),
    Action("context", "ctrl+g", "view", command="context"),
    Action("memory", "", "view", command="memory", argument="text"),
    Action("remember", "", "chat", command="remember", argument="text"),
    Action("memory_add", "a", "view", "memory"),
    Action("memory_edit", "e", "view", "memory"),
    Action("memory_forget", "d,delete", "view", "memory"),
    Action("memory_undo", "u", "view", "memory"),
    Action("memory_search", "slash", "view", "memory"),
    Action("next_pane", "ctrl+t", "view", command="pane"),
    Action("zoom", "f9", "view", command="zoom"),
    Action("narrower", "f7", "view", command="narrower"),
    Action("wider", "f8", "view", command="wider"),
    Action("explain", "question_mark", "view", "resources"),
    Action("fold", "left,right", "view", "trace", bound=False),
    Action("trace_rerun", "r", "trace", "trace"),
    Action("trace_determinism", "d", "trace", "trace"),
    Action("trace_curl", "c", "trace", "trace"),
    Action("trace_fork", "f", "trace", "trace"),
    Action("trace_replay", "p", "trace", "trace"),
    Action("trace_correct", "o", "trace", "trace"),
    Action("trace_export", "x", "trace", "trace"),
    Action("trace_error", "e", "trace", "trace"),
    Action("trace_errors", "E", "trace", "trace"),
    Action("trace_filter", "slash", "trace", "trace"),
    Action("item_timeline", "m", "view", "chat"),
    Action("span_timeline", "m", "view", "trace"),
    Action("timeline_left", "left", "timeline", "timeline"),
    Action("timeline_right", "right", "timeline", "timeline"),
    Action("timeline_far_left", "shift+left,pageup", "timeline", "timeline"),
    Action("timeline_far_right", "shift+right,pagedown", "timeline", "timeline"),
    Action("timeline_start", "home", "timeline", "timeline"),
    Action("timeline_end", "end", "timeline", "timeline"),
    Action("timeline_before", "left_square_bracket", "timeline", "timeline"),
    Action("timeline_after", "right_square_bracket", "timeline", "timeline"),
    Action("timeline_explain", "question_mark", "timeline", "timeline"),
    # Models.
    Action("pull", "", "models", command="pull", argument="model"),
    Action("fit", "", "models", command="fit", argument="model"),
    Action("use", "", "models", command="use", argument="model"),
    Action("load", "", "models", command="load", argument="model"),
    Action("unload", "", "models", command="unload", argument="model"),
    Action("model_use", "u", "models", "models"),
    Action("model_load", "l", "models", "models"),
    Action("model_unload", "x", "models", "models"),
    Action("model_pull", "p", "models", "models"),
    Action("model_fit", "f", "models", "models"),
    Action("model_num_ctx", "n", "models", "models"),
    Action("model_ctx_less", "left_square_bracket", "models", "models"),
    Action("model_ctx_more", "right_square_bracket", "models", "models"),
    Action("model_terms", "t", "models", "models"),
    Action("model_details", "i", "models", "models"),
    Action("model_delete", "d,delete", "models", "models"),
    Action("pull_cancel", "c", "models", "models"),
    Action("pull_retry", "r", "models", "models"),
    Action("model_sort", "s", "models", "models"),
    Action("model_container", "o", "models", "models"),
    Action("models_list", "1", "models", "models"),
    Action("models_pulls", "2", "models", "models"),
    Action("models_loads", "3", "models", "models"),
    Action("model_explain", "question_mark", "models", "models"),
    # The container.
    Action("container_start", "s", "container", "container"),
    Action("container_stop", "S", "container", "container"),
    Action("container_restart", "R", "container", "container"),
    Action("container_gpu", "g", "container", "container"),
    Action("container_follow", "f", "container", "container"),
    Action("container_cancel", "c", "container", "container"),
    # The lab.
    Action("lab_open", "enter", "lab", "lab", bound=False),
    Action("lab_options", "e", "lab", "lab"),
    Action("lab_cancel", "c", "lab", "lab"),
    Action("lab_resume", "r", "lab", "lab"),
    Action("lab_mark", "m", "lab", "lab"),
    Action("lab_export", "x", "lab", "lab"),
    Action("lab_delete", "d,delete", "lab", "lab"),
    Action("lab_plot", "p", "lab", "lab"),
    Action("lab_read_left", "left", "lab", "lab"),
    Action("lab_read_right", "right", "lab", "lab"),
    Action("lab_explain", "question_mark", "lab", "lab"),
    # Documents.
    Action("add_documents", "", "documents", command="add", argument="path"),
    Action("document_add", "a", "documents", "documents"),
    Action("document_search", "slash", "documents", "documents"),
    Action("document_read", "enter", "documents", "documents", bound=False),
    Action("document_fold", "left,right", "documents", "documents", bound=False),
    Action("document_details", "i", "documents", "documents"),
    Action("document_redo", "r", "documents", "documents"),
    Action("document_retry_all", "R", "documents", "documents"),
    Action("document_remove", "d,delete", "documents", "documents"),
    Action("document_open", "o", "documents", "documents"),
    Action("documents_sync_here", "s", "documents", "documents"),
    Action("document_failed", "exclamation_mark", "documents", "documents"),
    Action("document_tasks", "t", "documents", "documents"),
    Action("job_pause", "p", "documents", "documents"),
    Action("job_stop", "x", "documents", "documents"),
    Action("document_collections", "C", "documents", "documents"),
    Action("passage_previous", "left_square_bracket", "documents", "documents"),
    Action("passage_next", "right_square_bracket", "documents", "documents"),
    Action("hit_next", "n", "documents", "documents"),
    Action("hit_previous", "N", "documents", "documents"),
    Action("citation_back", "b", "documents", "documents"),
    Action("document_explain", "question_mark", "documents", "documents"),
    Action("passage_export", "e", "documents", "documents"),
    Action("document_copy", "c", "documents", "documents"),
    Action("documents_sync", "", "documents", command="sync"),
    Action("documents_failed", "", "documents", command="failed"),
    Action("documents_tasks", "", "documents", command="jobs"),
    Action("documents_collections", "", "documents", command="collections"),
    Action("documents_check", "", "documents", command="check"),
    Action("documents_repair", "", "documents", command="repair"),
    Action("collection_new", "a", "documents", "collections"),
    Action("collection_settings", "e", "documents", "collections"),
    Action("collection_rename", "r", "documents", "collections"),
    Action("collection_watch", "w", "documents", "collections"),
    Action("collection_remove", "d,delete", "documents", "collections"),
    # Sessions.
    Action("sessions", "f6,ctrl+o", "session", command="sessions", footer=7),
    Action("new_session", "ctrl+n", "session", command="new"),
    Action("rename", "", "session", command="rename", argument="title"),
    Action("export", "", "session", command="export", argument="path"),
    Action("session_rename", "r", "session", "sessions"),
    Action("session_delete", "d,delete", "session", "sessions"),
    Action("session_export", "e", "session", "sessions"),
    # The program.
    Action("palette", "ctrl+p", "app", footer=1),
    Action("help", "f1", "app", command="help", footer=2),
    Action("theme", "", "app", command="theme", argument="theme"),
    Action("lang", "", "app", command="lang", argument="lang"),
    Action("interrupt", "ctrl+c", "app"),
    Action("quit", "ctrl+q", "app", command="quit", footer=10),
)

BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}
BY_COMMAND: Mapping[str, Action] = {action.command: action for action in ACTIONS if action.command}

GIVES_WAY = ("find", "sessions", "documents")
"""What leaves the footer first where it has no room: the way out stays in sight."""

_KEY_NAMES = {
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "question_mark": "?",
    "exclamation_mark": "!",
    "slash": "/",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "delete": "Del",
    "tab": "Tab",
}


def bindings(scope: Scope) -> list[Binding]:
    """Return the key bindings of a scope, each with its action's id so that the keymap setting finds it."""
    return [
        Binding(
            action.keys,
            action.target,
            action.id,
            id=action.id,
            priority=action.priority and scope in {"app", "composer"},
            show=False,
        )
        for action in ACTIONS
        if action.scope == scope and action.bound and action.keys
    ]


def keymap(setting: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the keymap for Textual and the ids in ``setting`` that name no action. Quit keeps ctrl+q."""
    known = {
        name: ",".join(part.strip() for part in keys.split(",") if part.strip())
        for name, keys in setting.items()
        if name in BY_ID
    }
    if "quit" in known and "ctrl+q" not in known["quit"].split(","):
        known["quit"] = f"{known['quit']},ctrl+q".strip(",")
    return {name: keys for name, keys in known.items() if keys}, [n for n in setting if n not in BY_ID]


def key_label(key: str, *, short: bool = False) -> str:
    """Write a key as people read it: ``^F`` in the footer, ``Ctrl+F`` in the help."""
    *modifiers, name = key.split("+")
    name = _KEY_NAMES.get(name, name.upper() if len(name) > 1 or modifiers else name)
    if short and modifiers == ["ctrl"]:
        return f"^{name}"
    return "+".join([*(modifier.capitalize() for modifier in modifiers), name])


def key_labels(action: Action, changed: Mapping[str, str] | None = None) -> str:
    """Write all keys of an action, those of the user's keymap when it has some."""
    keys = (changed or {}).get(action.id, action.keys)
    return " ".join(key_label(key) for key in keys.split(",") if key)


def footer(changed: Mapping[str, str] | None = None, width: int = 0) -> list[tuple[str, str, str]]:
    """Return the footer's items in order: action id, key, title.

    Args:
        changed: The user's keymap.
        width: Cells there are; what is in :data:`GIVES_WAY` is left out until the rest fits. 0: all.
    """
    items = sorted((action for action in ACTIONS if action.footer), key=lambda action: action.footer)
    first = {action.id: (changed or {}).get(action.id, action.keys).split(",")[0] for action in items}
    shown = [
        (action.id, key_label(first[action.id], short=True), tr(f"action.{action.id}.short"))
        for action in items
    ]
    for name in GIVES_WAY:
        if not width or sum(cell_len(f"{key} {title} ") for _, key, title in shown) - 1 <= width:
            break
        shown = [item for item in shown if item[0] != name]
    return shown


def listed() -> list[Action]:
    """Return what can be chosen from a list: sessions and documents first, then the rest."""
    first: tuple[Group, ...] = ("session", "documents", "chat", "view")
    order = [*first, *(group for group in GROUPS if group not in {*first, "app"}), "app"]
    chosen = [
        action for action in ACTIONS if action.scope == "app" and action.id not in {"palette", "interrupt"}
    ]
    return sorted(chosen, key=lambda action: order.index(action.group))


def commands(beginning: str = "") -> Iterable[Action]:
    """Return the actions whose slash command begins with ``beginning``."""
    return [action for action in listed() if action.command and action.command.startswith(beginning)]
