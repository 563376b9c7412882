"""Korean and English say the same things."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import string
from pathlib import Path

import pytest

from core import i18n
from tui import study

ROOT = Path(study.__file__).parent


def modules(package: str, lang: str) -> dict[str, dict[str, str]]:
    folder = importlib.import_module(f"{package}.{lang}")
    return {
        module.name: importlib.import_module(f"{package}.{lang}.{module.name}").MESSAGES
        for module in pkgutil.iter_modules(folder.__path__)
    }


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("package", ["core.i18n", "tui.i18n"])
def test_both_languages_have_the_same_keys_and_placeholders(package: str) -> None:
    english, korean = modules(package, "en"), modules(package, "ko")
    assert english.keys() == korean.keys()
    for name, messages in english.items():
        assert messages.keys() == korean[name].keys(), name
        for key, text in messages.items():
            assert placeholders(text) == placeholders(korean[name][key]), key
            assert text.strip()
            assert korean[name][key].strip()


def test_no_key_is_in_two_modules() -> None:
    for lang in i18n.LANGS:
        keys = [
            key for package in ("core.i18n", "tui.i18n") for m in modules(package, lang).values() for key in m
        ]
        assert len(keys) == len(set(keys))


def test_every_message_the_interface_asks_for_exists() -> None:
    catalogue = i18n.catalogue("en")
    for file in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "tr"
                and node.args
            ):
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    assert first.value in catalogue, f"{file.name}: {first.value}"
                elif isinstance(first, ast.JoinedStr):
                    pattern = "".join(
                        re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+"
                        for part in first.values
                    )
                    assert any(re.fullmatch(pattern, key) for key in catalogue), f"{file.name}: {pattern}"


def test_every_message_of_the_interface_is_used() -> None:
    source = "\n".join(file.read_text("utf-8") for file in ROOT.rglob("*.py") if "i18n" not in file.parts)
    for messages in modules("tui.i18n", "en").values():
        for key in messages:
            beginning = key.split(".")[0]
            quoted = re.search(rf"""["']{re.escape(key)}["']""", source)
            assert quoted or re.search(rf"""f["']{beginning}[.][^"']*{{""", source), key


@pytest.mark.parametrize("package", ["core.i18n", "tui.i18n"])
def test_korean_is_polite(package: str) -> None:
    """합니다체: no sentence ends in the casual 해요체."""
    casual = re.compile(r"(해요|돼요|이에요|예요|세요|네요|[가-힣]요)(?=[.!:,;)…]|\s|$)")
    for messages in modules(package, "ko").values():
        for key, text in messages.items():
            assert not set(casual.findall(text)) - NO_ENDINGS, key


NO_ENDINGS = {"필요", "니요"}
"""Of 필요 and 아니요, which are none."""
