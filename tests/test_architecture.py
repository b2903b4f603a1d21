"""The floors of the house: a file imports from floors above its own only, and siblings of a group never meet.

A group holds parts that stand in for one another (`neck/`); it stands on one floor as a whole. A room holds what works
together (`formats/`); each of its modules stands on the floor that its imports allow.
"""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "lightweight_ssd"

# From the top floor down; a name that ends in a slash is a whole group. Names of one tuple stand on one floor.
FLOORS = [
    ("whole_file", "disk_space", "decimals", "reading_notes", "source_options", "worker_processes", "free_memory",
     "watched_figures", "array_file", "checking/problems", "formats/coco_json", "measuring/process_memory",
     "measuring/generated_coco"),
    ("__init__", "types", "paths", "precision", "boxes", "layers", "schedule", "pyramid", "timm_models",
     "reporting/curve_mean", "runs/status", "runs/parent_watch", "runs/lock"),
    ("figure_style", "output_folder", "sampling", "shape_textures", "extra_layers", "image_records",
     "download/placement", "download/fetch", "download/unpack", "formats/coco_verdicts",
     "reporting/paper_results", "reporting/cells", "sweeping/record"),
    ("anchors", "coding", "annotations", "image_io", "average_precision", "shape_drawing", "download/archives",
     "formats/coco_files", "formats/voc_xml", "reporting/label_placement"),
    ("crowds", "shape_files", "runs/same_data", "image_cache", "checking/image", "formats/coco_format"),
    ("matching", "postprocess", "verdicts", "page/", "image_cache_build", "checking/coco", "formats/voc_format",
     "runs/evaluated_set"),
    ("backbone/", "neck/", "loss/", "classification/", "augment/", "data/", "metrics/", "figures/", "analysis/",
     "head", "checking/voc", "formats/conversion", "reporting/figures"),
    ("criterion", "detector", "dataset", "device", "checking/source", "runs/artifacts"),
    ("sample_loader", "measuring/complexity", "measuring/latency", "measuring/annotation_cost"),
    ("datamodule", "runs/metrics_csv", "runs/wandb_logger", "runs/checkpoint_io"),
    ("task",),
    ("callbacks/",),
    ("instantiation",),
    ("console", "console_table", "assemble", "runs/folder"),
    ("measuring/rehearsal", "measuring/record", "runs/identity", "runs/record"),
    ("batch_size", "measuring/peers", "reporting/ablation", "reporting/server", "reporting/run_analysis",
     "reporting/tables", "reporting/pictures", "sweeping/notes"),
    ("measuring/forms", "measuring/loaders", "measuring/steps", "reporting/comparison_notes",
     "reporting/analysis_pool"),
    ("reporting/comparison",),
    ("reporting/images",),
    ("reporting/payload",),
    ("initial_weights", "runs/wandb_run", "sweeping/launcher"),
    ("training", "sweeping/sweep", "sweeping/job"),
    ("measuring/training",),
    ("train", "evaluate", "predict", "profile", "show_config", "report", "data_prepare", "data_check",
     "data_show", "data_convert", "benchmark/"),
    ("cli",),
    ("__main__",),
]  # fmt: skip
GROUPS = {name.removesuffix("/") for names in FLOORS for name in names if name.endswith("/")}
LIGHTNING_FROM = next(floor for floor, names in enumerate(FLOORS) if "datamodule" in names)
HYDRA_FROM = next(floor for floor, names in enumerate(FLOORS) if "instantiation" in names)


def _floor(module: str) -> int:
    room = module.removesuffix("/__init__")
    if room != module and room not in GROUPS:
        return 0  # it says what the room is for, and imports nothing
    for floor, names in enumerate(FLOORS):
        if module in names or any(name.endswith("/") and f"{module}/".startswith(name) for name in names):
            return floor
    raise AssertionError(f"{module} stands on no floor; add it to FLOORS where its imports allow.")


def _modules() -> dict[str, Path]:
    return {str(path.relative_to(PACKAGE).with_suffix("")): path for path in sorted(PACKAGE.rglob("*.py"))}


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path.name} imports relatively; name the whole path."
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _own(path: Path) -> set[str]:
    """Modules of this package that a file imports, as paths below the package."""
    names = {name.removeprefix("lightweight_ssd.") for name in _imports(path) if name.startswith("lightweight_ssd.")}
    modules = _modules()
    return {name.replace(".", "/") for name in names if name.replace(".", "/") in modules}


@pytest.mark.parametrize("module", _modules())
def test_imports_run_down_the_floors(module: str) -> None:
    for imported in _own(_modules()[module]):
        group = module.split("/")[0]
        siblings = group in GROUPS and group == imported.split("/")[0] and not module.endswith("__init__")
        assert not siblings, f"{module} imports its sibling {imported}; move what they share to a floor above."
        assert _floor(imported) < _floor(module), f"{module} imports {imported}, which does not stand above it."


@pytest.mark.parametrize("module", _modules())
def test_frameworks_stay_below(module: str) -> None:
    roots = {name.split(".")[0] for name in _imports(_modules()[module])}
    if _floor(module) < LIGHTNING_FROM:
        assert not roots & {"lightning", "pytorch_lightning"}, f"{module} imports Lightning; only the lower floors may."
    if _floor(module) < HYDRA_FROM:
        assert not roots & {"hydra", "omegaconf"}, f"{module} imports Hydra; only the commands' floors may."


def test_files_stay_readable() -> None:
    long = {name: len(path.read_text().splitlines()) for name, path in _modules().items()}
    assert {name: lines for name, lines in long.items() if lines > 300} == {}
