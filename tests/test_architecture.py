"""The layers of the package: a package imports from lower layers only, and no module imports in a circle."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "lightweight_ssd"

LAYERS = [  # each may import from those above it in this list, never from its own
    {"types", "system"},
    {"tensor_types", "ops"},
    {"layers", "anchors", "coding", "matching", "augment", "data", "metrics"},
    {"backbone", "neck", "head", "detector", "loss", "classification", "criterion"}
    | {"plots", "analysis", "config", "download"},
    {"checkpoint", "runs", "curation", "runtimes"},
    {"profiling"},
    {"training", "sweeps", "prediction"},
    {"export"},
    {"report", "benchmark"},
    {"commands"},
    {"cli", "__init__"},
    {"__main__"},
]
LAYER = {package: number for number, packages in enumerate(LAYERS) for package in packages}

OPTIONS = {
    "backbone",
    "neck",
    "head",
    "anchors",
    "coding",
    "matching",
    "loss",
    "classification",
    "criterion",
    "augment",
}
LIGHTNING = {"training", "checkpoint/save", "benchmark", "commands"}
HYDRA = {"config", "runs/identity", "training", "sweeps", "benchmark", "commands"}
WITHOUT_TORCH = {"types", "system", "data/formats", "analysis", "report", "runs", "config", "runtimes"} | {
    "prediction",
    "ops/array_coding",
    "ops/resize",
    "ops/suppression",
    "ops/thresholds",
}
WITH_TORCH = {"albumentations", "torch", "torchvision", "torchmetrics", "lightning", "timm"}
WITH_TORCH_AFTER_ALL = {"system/device", "prediction/checkpoint_model"}

MODULES = {str(path.relative_to(PACKAGE).with_suffix("")): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def _imports(module: str, when_loaded: bool = False) -> frozenset[str]:
    """What a module imports, dotted; or only what is loaded with it, not what its functions import when called."""
    found = set()
    for node in _nodes(ast.parse(MODULES[module].read_text()), when_loaded):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively; name the whole path."
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def _nodes(node: ast.AST, when_loaded: bool) -> Iterator[ast.AST]:
    """All nodes below one; or only those that run when the module is loaded."""
    if when_loaded and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return
    if when_loaded and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _nodes(child, when_loaded)


def _own(module: str, when_loaded: bool = False) -> set[str]:
    """Modules of this package that a module imports, as paths below the package."""
    return {found for name in _imports(module, when_loaded) if (found := _module(name)) is not None}


def _module(name: str) -> str | None:
    """The module in which a dotted name lies: the longest part of it that is a file, or a folder's `__init__`."""
    root, *parts = name.split(".")
    if root != "lightweight_ssd" or parts == ["__version__"]:
        return None
    for length in range(len(parts), -1, -1):
        place = "/".join(parts[:length])
        for candidate in (place, f"{place}/__init__".lstrip("/")):
            if candidate in MODULES:
                return candidate
    raise AssertionError(f"{name} is nowhere in the package")


def _within(module: str, places: set[str]) -> bool:
    return any(module == place or module.startswith(f"{place}/") for place in places)


@pytest.mark.parametrize("module", MODULES)
def test_a_package_imports_from_lower_layers_only(module: str) -> None:
    package = module.split("/")[0]
    assert package in LAYER, f"{package} is on no layer; add it to LAYERS where its imports allow."
    for imported in _own(module):
        other = imported.split("/")[0]
        assert other == package or LAYER[other] < LAYER[package], f"{module} imports {imported}, which is not below it."


@pytest.mark.parametrize("module", MODULES)
def test_options_of_a_group_never_import_each_other(module: str) -> None:
    group = module.split("/")[0]
    siblings = {name for name in _own(module) if name.split("/")[0] == group} if group in OPTIONS else set()
    assert siblings <= {"augment/pipeline"}, f"{module} imports its sibling; move what they share to a lower layer."


def test_no_module_imports_in_a_circle() -> None:
    TopologicalSorter({name: _own(name) - {name} for name in MODULES}).prepare()


@pytest.mark.parametrize("module", MODULES)
def test_frameworks_stay_in_their_rooms(module: str) -> None:
    roots = {name.split(".")[0] for name in _imports(module)}
    if not _within(module, LIGHTNING):
        assert not roots & {"lightning", "pytorch_lightning"}, f"{module} imports Lightning."
    if not _within(module, HYDRA):
        assert not roots & {"hydra", "omegaconf"}, f"{module} imports Hydra or OmegaConf."


@pytest.mark.parametrize("module", [name for name in MODULES if _within(name, WITHOUT_TORCH)])
def test_what_must_load_fast_loads_no_torch(module: str) -> None:
    if module in WITH_TORCH_AFTER_ALL:
        return
    loaded, todo = set(), {module}
    while todo:
        name = todo.pop()
        loaded.add(name)
        frameworks = {each.split(".")[0] for each in _imports(name, when_loaded=True)} & WITH_TORCH
        assert not frameworks, f"{module} loads {', '.join(sorted(frameworks))} by way of {name}."
        folders = {f"{folder}/__init__".lstrip("./") for folder in Path(name).parents}  # loaded before it
        todo |= (_own(name, when_loaded=True) | (folders & MODULES.keys())) - loaded


@pytest.mark.parametrize("module", MODULES)
def test_only_the_command_line_imports_commands(module: str) -> None:
    commands = {name for name in _own(module) if name.startswith("commands/")}
    assert not commands or module.split("/")[0] in ("commands", "cli"), f"{module} imports {', '.join(commands)}."


def test_the_root_holds_few_modules() -> None:
    assert len([name for name in MODULES if "/" not in name]) <= 6


def test_files_stay_readable() -> None:
    long = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: lines for name, lines in long.items() if lines > 300} == {}
