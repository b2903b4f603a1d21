"""The layers of the package: a package imports from lower layers only, and no module imports in a circle."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "lightweight_ssd"

LAYERS = [  # each may import from those above it in this list, never from its own
    {"types", "system"},
    {"tensor_types"},
    {"ops", "layers", "augment", "data", "metrics"},
    {"backbone", "neck", "detector", "loss", "classification", "plots", "analysis", "config", "download"},
    {"checkpoint", "profiling", "runs", "curation"},
    {"training", "sweeps"},
    {"report", "benchmark"},
    {"commands"},
    {"cli", "__init__"},
    {"__main__"},
]
LAYER = {package: number for number, packages in enumerate(LAYERS) for package in packages}

OPTIONS = {"backbone", "neck", "loss", "classification", "augment"}  # a config group each; its options are siblings
LIGHTNING = {"training", "checkpoint/save", "benchmark", "commands"}
HYDRA = {"config", "runs/identity", "training", "sweeps", "benchmark", "commands"}
WITHOUT_TORCH = {"types", "system", "data/formats", "analysis", "report", "runs", "config"}
WITH_TORCH_AFTER_ALL = {"system/device"}

MODULES = {str(path.relative_to(PACKAGE).with_suffix("")): path for path in sorted(PACKAGE.rglob("*.py"))}


def _imports(path: Path, top_level: bool = False) -> set[str]:
    """What a file imports, dotted; of the top level only: what is loaded with it."""
    tree = ast.parse(path.read_text())
    found = set()
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path.name} imports relatively; name the whole path."
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _own(path: Path, top_level: bool = False) -> set[str]:
    """Modules of this package that a file imports, as paths below the package."""
    dotted = {name.removeprefix("lightweight_ssd.").replace(".", "/") for name in _imports(path, top_level)}
    return dotted & MODULES.keys()


def _within(module: str, places: set[str]) -> bool:
    return any(module == place or module.startswith(f"{place}/") for place in places)


@pytest.mark.parametrize("module", MODULES)
def test_a_package_imports_from_lower_layers_only(module: str) -> None:
    package = module.split("/")[0]
    assert package in LAYER, f"{package} is on no layer; add it to LAYERS where its imports allow."
    for imported in _own(MODULES[module]):
        other = imported.split("/")[0]
        assert other == package or LAYER[other] < LAYER[package], f"{module} imports {imported}, which is not below it."


@pytest.mark.parametrize("module", MODULES)
def test_options_of_a_group_never_import_each_other(module: str) -> None:
    group = module.split("/")[0]
    siblings = {name for name in _own(MODULES[module]) if name.split("/")[0] == group} if group in OPTIONS else set()
    assert siblings <= {"augment/pipeline"}, f"{module} imports its sibling; move what they share to a lower layer."


def test_no_module_imports_in_a_circle() -> None:
    TopologicalSorter({name: _own(path) - {name} for name, path in MODULES.items()}).prepare()


@pytest.mark.parametrize("module", MODULES)
def test_frameworks_stay_in_their_rooms(module: str) -> None:
    roots = {name.split(".")[0] for name in _imports(MODULES[module])}
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
        names = _imports(MODULES[name], top_level=True)
        assert "torch" not in {each.split(".")[0] for each in names}, f"{module} loads torch by way of {name}."
        todo |= _own(MODULES[name], top_level=True) - loaded


def test_the_root_holds_few_modules() -> None:
    assert len([name for name in MODULES if "/" not in name]) <= 6


def test_files_stay_readable() -> None:
    long = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: lines for name, lines in long.items() if lines > 300} == {}
