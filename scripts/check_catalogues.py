"""Check that the Korean and the English catalogues have the same modules, keys and placeholders."""

from __future__ import annotations

import importlib
import pkgutil
import string
import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def placeholders(template: str) -> set[str]:
    """The names a ``str.format`` template fills in."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def messages(package: str) -> dict[str, str]:
    """Every message of one language, keyed by module and message."""
    folder = importlib.import_module(package)
    found: dict[str, str] = {}
    for module in pkgutil.iter_modules(folder.__path__):
        for key, text in importlib.import_module(f"{package}.{module.name}").MESSAGES.items():
            found[f"{module.name}:{key}"] = text
    return found


def main() -> int:
    """Print what differs, one line each; 1 when anything does."""
    problems: list[str] = []
    for package in ("core.i18n", "tui.i18n"):
        if find_spec(package) is None:
            problems.append(f"{package} is missing")
            continue
        english, korean = messages(f"{package}.en"), messages(f"{package}.ko")
        problems += [f"{package}.en lacks {key}" for key in sorted(korean.keys() - english.keys())]
        problems += [f"{package}.ko lacks {key}" for key in sorted(english.keys() - korean.keys())]
        problems += [
            f"{package}: {key} has other placeholders in Korean"
            for key in sorted(english.keys() & korean.keys())
            if placeholders(english[key]) != placeholders(korean[key])
        ]
    print("\n".join(problems) or "the catalogues agree")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
