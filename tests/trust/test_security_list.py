"""SECURITY.md names guards and tests that exist, and every module that opens a file of a kind that could do more than
hold data."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "lightweight_ssd"
TEXT = (ROOT / "SECURITY.md").read_text()
# Calls that make objects of what a file holds, or unpack it; where a module makes one, the list has to say why it may.
OPENS = re.compile(
    r"\btorch\.load\(|\bnp\.load\(|\byaml\.\w*load\w*\(|\bpickle\.loads?\(|XMLParser\(|ET\.(parse|fromstring)\("
    r"|tarfile\.open\(|zipfile\.ZipFile\(|\bimport_module\(|\binstantiate\(|OmegaConf\.load\(|\bload_state_dict\(str"
    r"|cv2\.im(decode|read)\(|cv2\.VideoCapture\(|\bshelve\b|\bmarshal\b|\b(?<!\.)eval\(\w|\bexec\(\w"
)


class Entry(NamedTuple):
    """A row of the tables: the cells as they stand."""

    read: str
    decides: str
    guard: str
    test: str

    @property
    def modules(self) -> list[str]:
        return [name for name in re.findall(r"`([^`]+)`", self.guard) if name.endswith((".py", "/"))]

    @property
    def tests(self) -> list[str]:
        return re.findall(r"`(tests/[^`]+)`", self.test)


def entries() -> list[Entry]:
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in TEXT.splitlines() if line[:1] == "|"]
    return [Entry(*row) for row in rows if row[0] not in ("what is read", "---")]


@cache
def names_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_there_are_entries() -> None:
    assert len(entries()) >= 30


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.read[:40])
def test_guard_and_test_exist(entry: Entry) -> None:
    assert entry.modules and entry.tests
    for name in entry.modules:
        assert (PACKAGE / name).exists(), f"SECURITY.md names {name}, which is not in the package."
    for name in entry.tests:
        path, _, function = name.partition("::")
        assert (ROOT / path).is_file(), f"SECURITY.md names {path}, which does not exist."
        assert function in names_in(path), f"SECURITY.md names {name}, but there is no such test."


def test_every_test_of_trust_is_in_the_list() -> None:
    files = {name.partition("::")[0] for entry in entries() for name in entry.tests}
    here = {path.relative_to(ROOT).as_posix() for path in Path(__file__).parent.glob("test_*.py")}
    here.remove(Path(__file__).relative_to(ROOT).as_posix())
    assert here <= files


def test_every_module_that_opens_such_a_file_is_in_the_list() -> None:
    known = set(re.findall(r"`([\w/]+\.py)`", TEXT))
    modules = {str(path.relative_to(PACKAGE)): path.read_text() for path in PACKAGE.rglob("*.py")}
    opening = {name for name, text in modules.items() if OPENS.search(text)}
    assert opening - known == set(), "Say in SECURITY.md what these may do with a file from somebody else."


def test_the_expression_finds_what_it_is_for() -> None:
    for call in ("torch.load(path)", "yaml.load(text, Loader)", "yaml.safe_load(text)", "ET.parse(path)", "eval(text)"):
        assert OPENS.search(call)
    assert not OPENS.search("detector.eval()")
