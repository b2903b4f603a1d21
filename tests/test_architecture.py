"""The floors of the house: a file imports from floors above its own only, and siblings of a group never meet."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "lightweight_ssd"

# From the top floor down; a name with a slash is a whole group. Names of one tuple stand on one floor.
FLOORS = [
    ("whole_file", "disk_space", "decimals", "reading_notes", "source_options", "worker_processes", "free_memory",
     "process_memory", "generated_coco", "data_problems", "coco_json", "array_file"),
    ("__init__", "types", "paths", "precision", "boxes", "layers", "schedule", "status", "parent_watch", "run_lock",
     "curve_mean", "pyramid", "timm_models"),
    ("figure_style", "output_folder", "sampling", "shape_textures", "extra_layers", "sweep_record", "paper_results",
     "report_cells", "image_records", "placement", "coco_verdicts", "fetch", "unpack"),
    ("anchors", "coding", "annotations", "image_io", "average_precision", "coco_files", "shape_drawing", "voc_xml",
     "label_placement", "download"),
    ("crowds", "coco_format", "image_cache", "image_check"),
    ("matching", "postprocess", "voc_format", "evaluated_set", "verdicts", "page/", "image_cache_build", "coco_check"),
    ("backbone/", "neck/", "loss/", "classification/", "augment/", "data/", "metrics/", "figures/", "analysis/", "head",
     "report_figures", "conversion", "voc_check"),
    ("criterion", "detector", "dataset", "device", "artifacts", "source_check"),
    ("complexity", "latency", "sample_loader", "annotation_cost"),
    ("datamodule", "metrics_csv", "wandb_logger", "checkpoint_io"),
    ("task",),
    ("callbacks/",),
    ("console", "console_table", "run_folder", "assemble"),
    ("run_identity", "run_record", "rehearsal", "benchmark_record"),
    ("ablation", "report_server", "run_analysis", "report_tables", "report_pictures", "sweep_notes",
     "batch_size", "benchmark_peers"),
    ("comparison_notes", "analysis_pool", "benchmark_forms", "benchmark_loaders", "benchmark_steps"),
    ("comparison",),
    ("report_images",),
    ("report_payload",),
    ("initial_weights", "wandb_run", "launcher"),
    ("training", "sweep", "sweep_job"),
    ("benchmark_training",),
    ("train", "evaluate", "predict", "profile", "show_config", "report", "data_prepare", "data_check", "data_show",
     "data_convert", "benchmark/"),
    ("cli",),
    ("__main__",),
]  # fmt: skip
LIGHTNING_FROM = next(floor for floor, names in enumerate(FLOORS) if "datamodule" in names)
HYDRA_FROM = next(floor for floor, names in enumerate(FLOORS) if "console" in names)


def _floor(module: str) -> int:
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
        siblings = "/" in module and module.split("/")[0] == imported.split("/")[0] and not module.endswith("__init__")
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
