"""``llm-study memory``, and the limits of what is remembered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.cli import main
from core.errors import StudyError, UsageError
from core.lab.trials.injections import injections
from core.session import Store, facts


@pytest.fixture(name="cli")
def cli_fixture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*words: str) -> tuple[int, Any]:
        code = main(["memory", *words, "--json", "--data-dir", str(tmp_path)])
        return code, json.loads(capsys.readouterr().out)

    return call


def test_a_fact_is_added_listed_edited_and_forgotten(cli: Any) -> None:
    code, said = cli("add", "내 이름은 민수야")
    fact_id = said["added"]["id"]
    assert code == 0
    assert [one["text"] for one in cli("list")[1]["facts"]] == ["내 이름은 민수야"]
    assert cli("edit", fact_id, "내 이름은 지수야")[1]["edited"]["text"] == "내 이름은 지수야"
    assert cli("forget", fact_id)[1]["forgotten"]["text"] == "내 이름은 지수야"
    assert cli("list")[1]["facts"] == []


@pytest.mark.parametrize(
    "words",
    [("add", "  "), ("add", "x" * (facts.MAX_CHARS + 1)), ("edit", "nobody", "text"), ("forget", "nobody")],
)
def test_what_cannot_be_done_is_said_in_one_sentence(cli: Any, words: tuple[str, ...]) -> None:
    code, said = cli(*words)
    assert code in (1, 2) and "Traceback" not in str(said)
    assert "memory" in str(said) or "remember" in str(said)


def test_hostile_text_reaches_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "my \x1b[31mname\x1b]0;owned\x07 is [bold]Kim\u202e\nrm -rf"
    for words in (("add", hostile), ("list",), ("list", "--json")):
        assert main(["memory", *words, "--data-dir", str(tmp_path)]) == 0
        out = capsys.readouterr().out
        assert "Kim" in out and not any(bad in out for bad in ("\x1b", "\x07", "\u202e", "\\u202e"))
        # One fact stays one line.
        assert "\nrm" not in out


def test_there_can_be_only_so_many_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "MAX_FACTS", 3)
    store = Store.open(tmp_path / "session.db")
    try:
        for at in range(3):
            facts.add(store, f"fact {at}").result(5)
        # Saying it again is no new fact.
        facts.add(store, "FACT  1.").result(5)
        with pytest.raises(StudyError) as full:
            facts.add(store, "one more").result(5)
        assert full.value.key == "error.memory.full"
        assert len(facts.all_facts(store)) == 3
    finally:
        store.close()


def test_the_labs_hostile_facts_are_ones_a_user_could_have_said() -> None:
    for case in injections():
        if case.channel == "memory":
            try:
                assert facts.checked(case.text)
            except UsageError as refused:
                pytest.fail(f"{case.id}: {refused.message}")
