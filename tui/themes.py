"""Colours: three themes of our own beside Textual's. One accent; ``quiet`` for what is secondary, ``line`` for rules,
``graph`` for areas, where the accent itself would shout."""

from __future__ import annotations

from textual.theme import Theme

THEMES: tuple[Theme, ...] = (
    Theme(
        name="study-dark",
        primary="#63b3a8",
        secondary="#8a93a0",
        accent="#63b3a8",
        warning="#d3a75f",
        error="#e07a76",
        success="#8fb98a",
        foreground="#d6d9de",
        background="#15171b",
        surface="#15171b",
        panel="#1d2026",
        dark=True,
        variables={
            "quiet": "#858d99",
            "line": "#2f343c",
            "graph": "#3f7871",
            "user": "#eef0f3",
            "mark": "#4a4320",
            "block-cursor-foreground": "#15171b",
            "block-cursor-background": "#63b3a8",
            "block-cursor-text-style": "none",
            "input-selection-background": "#63b3a8 30%",
            "scrollbar": "#2f343c",
            "scrollbar-hover": "#454c57",
            "scrollbar-active": "#63b3a8",
            "scrollbar-background": "#15171b",
            "scrollbar-background-hover": "#15171b",
            "scrollbar-background-active": "#15171b",
            "scrollbar-corner-color": "#15171b",
        },
    ),
    Theme(
        name="study-light",
        primary="#0d6b62",
        secondary="#6a6f78",
        accent="#0d6b62",
        warning="#8a5a00",
        error="#b02a24",
        success="#2f6b34",
        foreground="#2b2e34",
        background="#fbfaf7",
        surface="#fbfaf7",
        panel="#f1efe9",
        dark=False,
        variables={
            "quiet": "#666b74",
            "line": "#d6d3cb",
            "graph": "#7db3ac",
            "user": "#14161a",
            "mark": "#fbe9a9",
            "block-cursor-foreground": "#ffffff",
            "block-cursor-background": "#0d6b62",
            "block-cursor-text-style": "none",
            "input-selection-background": "#0d6b62 25%",
            "scrollbar": "#d6d3cb",
            "scrollbar-hover": "#b9b5aa",
            "scrollbar-active": "#0d6b62",
            "scrollbar-background": "#fbfaf7",
            "scrollbar-background-hover": "#fbfaf7",
            "scrollbar-background-active": "#fbfaf7",
            "scrollbar-corner-color": "#fbfaf7",
        },
    ),
    Theme(
        name="high-contrast",
        primary="#ffd54a",
        secondary="#ffffff",
        accent="#ffd54a",
        warning="#ffb347",
        error="#ff8080",
        success="#7dff9a",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#000000",
        dark=True,
        variables={
            "quiet": "#d8d8d8",
            "line": "#9a9a9a",
            "graph": "#ffd54a",
            "user": "#ffffff",
            "mark": "#5a4a00",
            "block-cursor-foreground": "#000000",
            "block-cursor-background": "#ffd54a",
            "block-cursor-text-style": "bold",
            "input-selection-background": "#ffd54a 40%",
            "scrollbar": "#9a9a9a",
            "scrollbar-background": "#000000",
        },
    ),
)

NAMES = (*(theme.name for theme in THEMES), "ansi-dark", "ansi-light")
"""The themes the app offers, in the order of the list."""


def variable_defaults(theme: Theme) -> dict[str, str]:
    """Return our own variables for a theme that does not set them (Textual's and the ANSI ones)."""
    if theme.ansi:
        quiet, line, mark = "ansi_bright_black", "ansi_bright_black", "ansi_yellow"
    elif theme.dark:
        quiet, line, mark = "#8c929c", "#3a3f47", "#4a4320"
    else:
        quiet, line, mark = "#666b74", "#c9c6be", "#fbe9a9"
    graph = theme.accent or theme.primary
    return {
        "quiet": quiet,
        "graph": graph,
        "line": line,
        "user": theme.foreground or "ansi_default",
        "mark": mark,
    }
