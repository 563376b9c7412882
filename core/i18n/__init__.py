"""Korean and English messages. Front door: :func:`tr`.

A catalogue is a package with a sub-package for each language (``en``, ``ko``); each module in there has a
``MESSAGES`` dict from key to a template, see :func:`filled`. The interface registers its own catalogue with
:func:`register`; tests hold that both languages have the same modules, keys and placeholders.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import string
from collections.abc import Mapping
from typing import Any, Literal

Lang = Literal["en", "ko"]
LANGS: tuple[Lang, ...] = ("en", "ko")

_current: Lang = "en"
_packages: list[str] = ["core.i18n"]
_cache: dict[Lang, dict[str, str]] = {}


def register(package: str) -> None:
    """Add the catalogue ``<package>`` (with sub-packages ``en`` and ``ko``) to the ones searched."""
    if package not in _packages:
        _packages.append(package)
        _cache.clear()


def catalogue(lang: Lang) -> Mapping[str, str]:
    """Return every message of ``lang``, all registered packages merged."""
    if lang not in _cache:
        merged: dict[str, str] = {}
        for package in _packages:
            folder = importlib.import_module(f"{package}.{lang}")
            for module in pkgutil.iter_modules(folder.__path__):
                merged.update(importlib.import_module(f"{package}.{lang}.{module.name}").MESSAGES)
        _cache[lang] = merged
    return _cache[lang]


def set_language(lang: Lang) -> None:
    """Choose the language of every later :func:`tr`."""
    global _current
    _current = lang


def language() -> Lang:
    """Return the language in use."""
    return _current


def detect_language(environ: Mapping[str, str] = os.environ) -> Lang:
    """Return ``"ko"`` when the locale variables (LC_ALL, LC_MESSAGES, LANG, in POSIX order) say Korean."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = environ.get(variable, "")
        if value:
            return "ko" if value.lower().startswith("ko") else "en"
    return "en"


def has(key: str) -> bool:
    """Say whether a message exists."""
    return key in catalogue(_current)


def tr(key: str, **params: Any) -> str:
    """Return the message ``key`` in the current language, its placeholders filled.

    An unknown key comes back as itself: a missing message must never stop the work.
    """
    template = catalogue(_current).get(key)
    if template is None:
        return key
    return filled(template, **params)


def filled(template: str, **params: Any) -> str:
    """Fill a message's placeholders; ``{count:passage|passages}`` is the number and the word that goes with it.

    Without ``params`` the template comes back as it is.
    """
    if not params:
        return template
    return _COUNTING.vformat(template, (), params) if "|" in template else template.format(**params)


class _Counting(string.Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        one, bar, many = format_spec.partition("|")
        # A number may come as it is to be shown.
        return f"{value} {one if str(value) == '1' else many}" if bar else format(value, format_spec)


_COUNTING = _Counting()
