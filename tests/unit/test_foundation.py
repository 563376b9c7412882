"""Settings, foreign text, catalogues and import hygiene: what everything else stands on."""

from __future__ import annotations

import string
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import UsageError
from core.i18n import LANGS, catalogue, detect_language, register
from core.paths import default_paths
from core.settings import Settings, load_settings, save_setting
from core.text import break_long_lines, clean, clean_line


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("\x1bPq#0\x1b\\sixel", "sixel"),
        ("\x1bcreset", "reset"),
        ("a\x00b\x08c\x7fd", "abcd"),
        ("user\u202egnp.exe", "usergnp.exe"),
        ("a\u2028b\u2029c\u200bd\ufeffe", "abcde"),
        ("line\r\nnext\rlast\ttab", "line\nnext\nlast\ttab"),
        ("\u1112\u1161\u11ab글", "한글"),
        ("👨\u200d👩", "👨\u200d👩"),
        ("[/bold][red]$x", "[/bold][red]$x"),
        ("\ud800x", "x"),
        ("", ""),
    ],
)
def test_foreign_text_becomes_plain_text(hostile: str, shown: str) -> None:
    assert clean(hostile) == shown
    assert clean(clean(hostile)) == shown


@pytest.mark.parametrize("start", ["\x90", "\x1b]", "\x1bP", "\x9b", "\x1b[", "\x1b", "\x9d\x90", "\x1b[0;"])
def test_cleaning_is_linear_in_unfinished_sequences(start: str) -> None:
    # Counted, not timed: a quadratic search would look at 10^11 characters here and never come back.
    assert "\x1b" not in clean(start * 400_000) and "\x90" not in clean(start * 400_000)


def test_lengths_are_bounded() -> None:
    assert clean("x" * 100, max_chars=10) == "x" * 10 + "…"
    assert clean_line("a\n b\t c" + "x" * 10_000, max_chars=20).startswith("a b cx")
    assert len(clean_line("x" * 10_000, max_chars=20)) == 20
    assert max(len(line) for line in break_long_lines("y" * 9_001 + "\nz").split("\n")) == 4_000


def test_settings_come_from_file_then_environment_then_flags(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('num_ctx = 1024\ntheme = "a"\nascii = true\n[keymap]\ntrace = "f9"\n')
    settings = load_settings(file, {"engine": "embedded", "model": None}, {"LLM_STUDY_NUM_CTX": "512"})
    assert (settings.num_ctx, settings.theme, settings.ascii, settings.engine) == (512, "a", True, "embedded")
    assert settings.keymap == {"trace": "f9"} and load_settings(tmp_path / "none", {}, {}) == Settings()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("num_ctx = 'many'", "num_ctx"),
        ("num_ctx = true", "num_ctx"),
        ("num_ctx = 3", "256"),
        ("engine = 'warp'", "embedded"),
        ("nm_ctx = 1", "num_ctx"),
        ("temperature = nan", "temperature"),
        ("keymap = 3", "keymap"),
        ("a = = b", "config.toml"),
        ("\x00", "config.toml"),
    ],
)
def test_a_bad_setting_is_one_sentence_that_names_it(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_settings(file, {}, {})
    assert says in str(caught.value) and "Traceback" not in str(caught.value)


def test_saving_one_setting_leaves_the_other_lines_alone(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('# mine\ntheme = "old"\n[keymap]\ntrace = "f9"\n')
    save_setting(file, "theme", 'new "one"')
    save_setting(file, "lang", "ko")
    settings = load_settings(file, {}, {})
    assert settings.theme == 'new "one"' and settings.lang == "ko" and settings.keymap == {"trace": "f9"}
    assert file.read_text().startswith("# mine\n")


def test_data_dir_holds_everything_and_relative_xdg_is_ignored(tmp_path: Path, monkeypatch) -> None:
    paths = default_paths(tmp_path / "d")
    paths.ensure()
    assert all(
        str(path).startswith(str(tmp_path)) for path in (paths.session_db, paths.config_file, paths.log_file)
    )
    assert (tmp_path / "d").stat().st_mode & 0o077 == 0
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("LLM_STUDY_DATA_DIR", raising=False)
    assert default_paths().data == tmp_path / ".local/share/llm-study"


@pytest.mark.parametrize(
    ("environ", "lang"),
    [
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "en_US"}, "en"),
        ({"LC_ALL": "C", "LANG": "ko_KR"}, "en"),
        ({}, "en"),
    ],
)
def test_the_language_comes_from_the_locale(environ: dict[str, str], lang: str) -> None:
    assert detect_language(environ) == lang


def test_help_and_complaints_are_in_the_language_of_the_flag_or_the_environment() -> None:
    from core.cli.arguments import early_language

    korean = {"LLM_STUDY_LANG": "ko"}
    assert early_language(["docs", "list"], korean) == "ko"
    assert early_language(["--lang", "en", "docs", "list"], korean) == "en"
    assert early_language(["docs", "--lang=ko"], {}) == "ko"
    assert early_language(["--lang", "fr"], korean) == "ko"  # The complaint about it.
    assert early_language([], {"LLM_STUDY_LANG": "fr"}) is None


def _fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_both_languages_have_the_same_messages_and_placeholders() -> None:
    register("tui.i18n")
    english, korean = (catalogue(lang) for lang in LANGS)
    assert set(english) == set(korean)
    for key, template in english.items():
        assert _fields(template) == _fields(korean[key]), key
        assert korean[key].strip() or not template.strip(), key


HEAVY = "textual|tui|langchain|langchain_core|langgraph|lancedb|pyarrow|fastapi|docker|numpy|xllamacpp|sqlite_utils"


@pytest.mark.parametrize("module", ["core.runtime", "core.cli", "core.engines", "core.rag", "core.telemetry"])
def test_importing_the_core_stays_light(module: str) -> None:
    code = f"import {module}, sys; print([m for m in '{HEAVY}'.split('|') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_needs_no_heavy_import_and_speaks_both_languages() -> None:
    code = (
        "import sys; from core.cli import main\n"
        "try: main(['--lang', sys.argv[1], '--help'])\n"
        f"except SystemExit: print([m for m in '{HEAVY}'.split('|') if m in sys.modules])"
    )
    outputs = [
        subprocess.run([sys.executable, "-c", code, lang], capture_output=True, text=True, check=True).stdout
        for lang in LANGS
    ]
    assert all(text.rstrip().endswith("[]") for text in outputs)
    assert "문서" in outputs[1] and "documents" in outputs[0]
