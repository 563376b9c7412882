"""Reading docker-compose.yml: our own file, and every way it can be wrong, without a daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.containers import create
from core.containers.compose import Health, Mount, Port, load
from core.containers.files import compose_file
from core.containers.interpolate import environment, fill
from core.errors import UsageError
from core.i18n import LANGS, set_language
from core.paths import default_paths

PROJECT = Path(__file__).resolve().parents[2]
OURS = (PROJECT / "docker-compose.yml").read_text("utf-8")


def _file(folder: Path, text: str, env: str = "") -> Path:
    file = folder / "docker-compose.yml"
    file.write_text(text, "utf-8")
    if env:
        (folder / ".env").write_text(env, "utf-8")
    return file


def test_our_own_file_says_what_it_should(tmp_path: Path) -> None:
    project = load(_file(tmp_path, OURS), {})
    service = project.service(gpu=False)
    assert service.image == "ollama/ollama:0.33.0"
    assert service.restart == "unless-stopped"
    assert service.ports == (Port("127.0.0.1", 11434, 11434),)
    assert service.mounts == (Mount("ollama-models", "/models"),)
    assert service.mem_limit == service.memswap_limit == 6 << 30
    assert service.environment == {
        "OLLAMA_MODELS": "/models", "OLLAMA_KEEP_ALIVE": "30m", "OLLAMA_NUM_PARALLEL": "1",
    }  # fmt: skip
    assert service.health == Health(("CMD", "ollama", "list"), 10, 5, 6, 20)
    assert service.gpu_count is None
    gpu = project.service(gpu=True)
    assert (gpu.name, gpu.gpu_count, gpu.ports) == ("ollama-gpu", -1, service.ports)


def test_the_example_settings_are_the_defaults(tmp_path: Path) -> None:
    plain = load(_file(tmp_path, OURS), {}).services
    example = (PROJECT / ".env.example").read_text("utf-8")
    assert load(_file(tmp_path, OURS, example), {}).services == plain


def test_settings_come_from_dotenv_and_the_environment_wins(tmp_path: Path) -> None:
    env = "OLLAMA_IMAGE='mirror.example/ollama' # ours\nOLLAMA_MEMORY=512m\nexport OLLAMA_PORT=11500\n"
    file = _file(tmp_path, OURS, env)
    service = load(file, {}).service(gpu=False)
    assert (service.image, service.mem_limit) == ("mirror.example/ollama:0.33.0", 512 << 20)
    assert service.ports[0].host == 11500
    assert load(file, {"OLLAMA_PORT": "11600"}).service(gpu=False).ports[0].host == 11600
    # Another configuration is another container; the same is the same.
    other = load(file, {"OLLAMA_PORT": "11600"}).service(gpu=False)
    assert create.config_hash(service, "a") == create.config_hash(load(file, {}).service(gpu=False), "a")
    assert create.config_hash(service, "a") != create.config_hash(other, "a")
    assert create.config_hash(service, "a") != create.config_hash(service, "b")


@pytest.mark.parametrize(
    ("folder", "variables", "name"),
    [
        ("My Study", {}, "mystudy"),
        ("_x", {}, "x"),
        ("한글", {}, "llm-study"),
        ("a", {"COMPOSE_PROJECT_NAME": "b-1"}, "b-1"),
    ],
)
def test_the_project_is_named_as_compose_names_it(
    tmp_path: Path, folder: str, variables: dict[str, str], name: str
) -> None:
    (tmp_path / folder).mkdir()
    assert load(_file(tmp_path / folder, OURS), variables).name == name


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("$A ${A} ${B:-b} ${B-b}", "1 1 b b"),
        ("${EMPTY:-b} ${EMPTY-b}|", "b |"),
        ("$$A costs $$", "$A costs $"),
        ("${NOT}", ""),
        ("${A:?must}", "1"),
    ],
)
def test_variables_are_filled_in(text: str, filled: str) -> None:
    assert fill(text, {"A": "1", "EMPTY": ""}, Path("f"), 1) == filled


@pytest.mark.parametrize("text", ["${A", "${A:+x}", "${B:?must}", "$", "${}", "${A:-${B}}", "$1"])
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(UsageError) as told:
        fill(text, {"A": "1"}, Path("f"), 3)
    assert (told.value.key, told.value.params["line"]) == ("error.compose.variable", 3)


def test_a_line_of_dotenv_that_is_no_setting_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n\n# b\nnonsense\n")
    with pytest.raises(UsageError) as told:
        environment(tmp_path / ".env", {})
    assert (told.value.key, told.value.params["line"]) == ("error.compose.env", 4)


def _line(needle: str, text: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if needle in line)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("restart: unless-stopped", "privileged: true", "error.compose.key"),
        ("restart: unless-stopped", "restart: [a]", "error.compose.value"),
        ("restart: unless-stopped", "restart: sometimes", "error.compose.value"),
        ("- ollama-models:/models", "- /etc:/models", "error.compose.value"),
        ("- ollama-models:/models", "- other:/models", "error.compose.value"),
        ("interval: 10s", "interval: soon", "error.compose.value"),
        ("retries: 6", "retries: -1", "error.compose.value"),
        ("retries: 6", "retriez: 6", "error.compose.key"),
        ("mem_limit: ${OLLAMA_MEMORY:-6g}", "mem_limit: much", "error.compose.value"),
        ("mem_limit: ${OLLAMA_MEMORY:-6g}", "mem_limit: 1k", "error.compose.value"),
        ("mem_limit: ${OLLAMA_MEMORY:-6g}", "mem_limit: 99999999999999t", "error.compose.value"),
        ("image: ${OLLAMA_IMAGE:-ollama/ollama}:${OLLAMA_VERSION:-0.33.0}", "image: a b", "error.compose.value"),
        ("image: ${OLLAMA_IMAGE:-ollama/ollama}:${OLLAMA_VERSION:-0.33.0}", "image: ${A:+b}", "error.compose.variable"),
        ("OLLAMA_MODELS: /models", "OLLAMA_MODELS: [1]", "error.compose.value"),
        ("driver: nvidia", "driver: amd", "error.compose.value"),
        ("count: all", "count: none", "error.compose.value"),
        ('"127.0.0.1:${OLLAMA_PORT:-11434}:11434"', '"127.0.0.1:70000:11434"', "error.compose.value"),
        ("restart: unless-stopped", "restart: 'a", "error.compose.yaml"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_named_with_its_line(tmp_path: Path, old: str, new: str, key: str) -> None:
    assert old in OURS
    text = OURS.replace(old, new, 1)
    for lang in LANGS:
        set_language(lang)
        try:
            with pytest.raises(UsageError) as told:
                load(_file(tmp_path, text), {})
            assert told.value.key == key
            assert "docker-compose.yml" in told.value.message and told.value.fix
            assert "{file}" not in told.value.message
        finally:
            set_language("en")
    # A quote that is never closed is found at the end of what it swallowed.
    if key != "error.compose.yaml" and "driver" not in old:
        assert told.value.params["line"] == _line(new, text)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "error.compose.yaml"),
        ("services:\n\tollama:\n", "error.compose.yaml"),
        ("a: &a [*a]\n", "error.compose.yaml"),
        ("- 1\n", "error.compose.value"),
        ("services: []\n", "error.compose.value"),
        ("services: {}\n", "error.compose.service"),
        ("services:\n  ollama: 7\n", "error.compose.value"),
        ("services:\n  ollama:\n    image: !!python/object:os.system x\n", "error.compose.yaml"),
        ("networks:\n  a:\n", "error.compose.key"),
        ("volumes:\n  a:\n    driver: nfs\n", "error.compose.value"),
        ("a: 1\n" * 100_000, "error.compose.unreadable"),
    ],
)
def test_any_other_file_is_one_clear_sentence(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(UsageError) as told:
        load(_file(tmp_path, text), {})
    assert told.value.key == key
    assert told.value.exit_code == 2


def test_anchors_cannot_blow_the_file_up(tmp_path: Path) -> None:
    lines = ["x-a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"x-a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(UsageError) as told:
        load(_file(tmp_path, "\n".join(lines)), {})
    assert told.value.key == "error.compose.yaml"


def test_missing_unreadable_and_without_the_service(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as told:
        load(tmp_path / "none.yml", {})
    assert told.value.key == "error.compose.missing"
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError) as told:
        load(tmp_path / "folder", {})
    assert told.value.key == "error.compose.unreadable"
    (tmp_path / "latin").write_bytes(b"# \xe9\xff\n")
    with pytest.raises(UsageError) as told:
        load(tmp_path / "latin", {})
    assert told.value.key == "error.compose.unreadable"
    project = load(_file(tmp_path, "services:\n  ollama:\n    image: a\n"), {})
    with pytest.raises(UsageError) as told:
        project.service(gpu=True)
    assert "ollama-gpu" in told.value.message


def test_the_file_is_the_sources_or_a_copy_in_the_settings_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.containers import files

    paths = default_paths(tmp_path / "data")
    assert compose_file(paths) == PROJECT / "docker-compose.yml"
    assert compose_file(paths, str(tmp_path / "mine.yml")) == tmp_path / "mine.yml"
    # As an installed program: no source beside the package, the two files inside it.
    package = tmp_path / "site" / "core" / "containers"
    package.mkdir(parents=True)
    for name in (files.NAME, files.EXAMPLE):
        (package / name).write_bytes((PROJECT / name).read_bytes())
    monkeypatch.setattr(files, "__file__", str(package / "files.py"))
    found = compose_file(paths)
    assert found == paths.config / "docker-compose.yml"
    assert load(found, {}).service(gpu=False).image == "ollama/ollama:0.33.0"
    assert (paths.config / ".env.example").exists()
    # The user's changes stay.
    found.write_text("services:\n  ollama:\n    image: mine\n")
    assert load(compose_file(paths), {}).service(gpu=False).image == "mine"
