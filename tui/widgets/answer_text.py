"""An answer's text as Markdown. A module of its own: what it imports is not needed for the first paint."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from textual.widgets import Markdown

from tui.widgets.answer_support import BEGIN, END

DOUBT = "s"
"""The inline style a doubtful sentence is drawn in. It is Markdown's strikethrough, which answers do without: a text struck
out by a model would look like one that its source does not bear out."""


_MARK = re.compile(f"([{BEGIN}{END}])")


def _parser() -> MarkdownIt:
    # HTML off: tags are shown as they are instead of vanishing. No linkify: nothing in an answer is a link to press.
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table"])
    parser.core.ruler.after("inline", "doubt", _whole_doubts)
    return parser


def _whole_doubts(state: StateCore) -> None:
    """Make tokens of the marks around doubtful sentences; those that cut through other formatting (a sentence that ends
    inside bold text) are left out."""
    for block in state.tokens:
        if block.children and (BEGIN in block.content or END in block.content):
            block.children = _nested([part for one in block.children for part in _split(one)])


def _split(token: Token) -> list[Token]:
    if token.type != "text":
        return [token]
    found: list[Token] = []
    for part in _MARK.split(token.content):
        if part in (BEGIN, END):
            opens = part == BEGIN
            found.append(
                Token(f"{DOUBT}_{'open' if opens else 'close'}", DOUBT, 1 if opens else -1, markup=part)
            )
        elif part:
            found.append(Token("text", "", 0, content=part, level=token.level))
    return found


def _nested(children: list[Token]) -> list[Token]:
    stack: list[int] = []
    dropped: set[int] = set()
    for place, one in enumerate(children):
        one.content = one.content.replace(BEGIN, "").replace(END, "")
        if one.nesting == 1:
            stack.append(place)
        elif one.nesting == -1:
            if stack and children[stack[-1]].tag == one.tag:
                stack.pop()
                continue
            if _is_mark(one):
                dropped.add(place)
                continue
            while stack and children[stack[-1]].tag != one.tag:
                dropped.add(stack.pop())
            if stack:
                stack.pop()
    dropped.update(place for place in stack if _is_mark(children[place]))
    return [one for place, one in enumerate(children) if place not in dropped]


def _is_mark(token: Token) -> bool:
    return token.markup in (BEGIN, END)


class AnswerText(Markdown, can_focus=True):
    """An answer as Markdown; links and images do nothing."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text, open_links=False, parser_factory=_parser, classes="item answer-text")
