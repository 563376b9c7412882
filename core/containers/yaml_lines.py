"""YAML with the line of every value, bounded: anchors cannot blow it up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import UsageError
from core.text import clean_line

MAX_BYTES = 256 << 10
MAX_NODES = 5_000
MAX_DEPTH = 40


@dataclass(frozen=True)
class Node:
    """A value of the file. Lines count from 1."""

    value: Any
    """A dict from str to Node, a list of Nodes, or a scalar."""
    line: int
    key_line: int
    """The line of its key."""


def read(file: Path) -> Node:
    """Read a YAML file.

    Raises:
        UsageError: It is missing, cannot be read, is too large, or is no YAML.
    """
    import yaml

    shown = clean_line(str(file))
    try:
        with file.open("rb") as source:
            content = source.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UsageError("error.compose.unreadable", file=shown, reason=f"> {MAX_BYTES >> 10} KiB")
        text = content.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError("error.compose.missing", file=shown) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = clean_line(str(getattr(error, "strerror", None) or error))
        raise UsageError("error.compose.unreadable", file=shown, reason=reason) from error
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            raise UsageError("error.compose.yaml", file=shown, line=1, reason="—")
        return _Reader(loader).node(root, 1, 0)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = clean_line(str(getattr(error, "problem", None) or error), max_chars=120)
        line = mark.line + 1 if mark else 1
        raise UsageError("error.compose.yaml", file=shown, line=line, reason=reason) from error
    except (ValueError, RecursionError) as error:
        reason = clean_line(str(error), max_chars=120)
        raise UsageError("error.compose.yaml", file=shown, line=1, reason=reason) from error
    finally:
        loader.dispose()


class _Reader:
    """Turns PyYAML's nodes into ours."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._count = 0

    def node(self, node: Any, key_line: int, depth: int) -> Node:
        import yaml

        line = node.start_mark.line + 1
        self._count += 1
        if self._count > MAX_NODES or depth > MAX_DEPTH:
            raise ValueError(f"> {MAX_NODES} values")
        if isinstance(node, yaml.MappingNode):
            self._loader.flatten_mapping(node)
            if len(node.value) > MAX_NODES:
                raise ValueError(f"> {MAX_NODES} values")
            return Node(
                {
                    str(self._loader.construct_object(key))
                    if isinstance(key, yaml.ScalarNode)
                    else "?": self.node(value, key.start_mark.line + 1, depth + 1)
                    for key, value in node.value
                },
                line,
                key_line,
            )
        if isinstance(node, yaml.SequenceNode):
            return Node([self.node(item, line, depth + 1) for item in node.value], line, key_line)
        return Node(self._loader.construct_object(node), line, key_line)
