"""An answer's text as Markdown. A module of its own: what it imports is not needed for the first paint."""

from __future__ import annotations

from markdown_it import MarkdownIt
from textual.widgets import Markdown


def _parser() -> MarkdownIt:
    # HTML off: tags are shown as they are instead of vanishing. No linkify: nothing in an answer is a link to press.
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


class AnswerText(Markdown, can_focus=True):
    """An answer as Markdown; links and images do nothing."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text, open_links=False, parser_factory=_parser, classes="item answer-text")
