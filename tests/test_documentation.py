"""README and docs: what they link to exists, and the commands they show compose."""

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from PIL import Image

from lightweight_ssd.config.overrides import as_meant

ROOT = Path(__file__).parent.parent
CONF = ROOT / "conf"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = {"train", "evaluate", "predict", "profile", "export", "report", "config", "data", "benchmark"}


def _commands(page: Path) -> list[list[str]]:
    """The words of every `lssd …` line in the page's shell blocks, comments and `…` left out."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [[word for word in line[1:] if word != "…"] for line in words if line[:1] == ["lssd"]]


def _name_and_overrides(words: list[str]) -> tuple[str, list[str]]:
    """Name of the command's configuration, and what is overridden; of a sweep, the first value of each."""
    count = 2 if words[0] in ("data", "benchmark") else 1
    rest = words[count:]
    if {"-m", "--multirun"} & set(rest):
        rest = [re.sub(r"=([^'\"\[{,]+),.*", r"=\1", word) for word in rest]
    return "_".join(words[:count]), [word for word in rest if "=" in word and not word.startswith("hydra")]


SHOWN = sorted({(page.name, " ".join(map(shlex.quote, words))) for page in PAGES for words in _commands(page)})


def test_there_are_commands() -> None:
    assert len(SHOWN) > 50


@pytest.mark.parametrize(("page", "line"), SHOWN)
def test_commands_compose(page: str, line: str) -> None:
    words = shlex.split(line)
    assert words[0] in COMMANDS or words[0].startswith("--") or words[0] == "COMMAND", f"{page}: lssd {line}"
    name, overrides = _name_and_overrides(words)
    if not (CONF / f"{name}.yaml").is_file():
        assert name == "config" or name.startswith("-")
        return
    GlobalHydra.instance().clear()
    with initialize_config_dir(config_dir=str(CONF), version_base="1.3"):
        compose(config_name=name, overrides=as_meant(overrides, name))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        if target.startswith("https://") or path.startswith("reference/"):  # built with the site, which checks them
            continue
        file = page.parent / path if path else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            heads = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads}, target


def test_readme_is_short_and_starts_quickly() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 250
    block = re.search(r"<!-- quickstart -->\n```python\n(.*?)```", text, re.DOTALL)
    assert block is not None
    assert len(list(filter(None, block[1].splitlines()))) == 7
    ast.parse(block[1])
    assert block[1] in (ROOT / "docs" / "python.md").read_text()


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f": {page.name}\n" not in navigation] == []


@pytest.mark.slow
def test_the_quick_start_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """On a photograph that is drawn here."""
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((640, 480)).save("photo.jpg")
    block = re.search(r"<!-- quickstart -->\n```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    names: dict[str, Any] = {}
    exec(block[1], names)
    with Image.open("detections.png") as drawn:
        assert drawn.size == (640, 480) == (names["found"].width, names["found"].height)
    assert f"{names['run'].results.test.map_50}\n" in capsys.readouterr().out
    assert [path.parent.parent.name for path in tmp_path.glob("runs/smoke/*/results.json")] == ["smoke"]
