"""The experiments that have a grid: every job at every scale is the row that it says it is, and no other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import initialize_config_dir

from lightweight_ssd.checkpoint.load import build_detector
from lightweight_ssd.config.paths import CONF_DIR
from tests.composed_jobs import Job, cost_of, flat, job_of, jobs_of

SCALES = ("full", "short", "shapes", "smoke")

# Tables 3 and 4 as the paper prints them: parts; mAP on VOC and COCO in per cent; millions of parameters.
TABLE_3 = {
    "Mobilenet": ("mobilenet_v1", "none", 68, 19.3, 6.8),
    "Mobilenet v2": ("mobilenet_v2", "none", 69.4, 21.5, 6.2),
    "Mobilenet v2 + FPN": ("mobilenet_v2", "fpn", 71.9, None, 6.6),
    "MBlitenet": ("mblitenet", "none", 70.5, 22.3, 4.16),
    "MBlitenet + FPN": ("mblitenet", "fpn", 72.9, None, 4.6),
    "MBlitenet + CFPN": ("mblitenet", "cfpn", 74, None, 4.86),
}
TABLE_4 = {
    "Baseline": ("smooth_l1", "basic", 74),
    "BLL": ("bll", "basic", 74.1),
    "GrayMixRGB": ("smooth_l1", "gray_mix_rgb", 74.2),
    "Mosaic": ("smooth_l1", "mosaic", 72.7),
    "BLL + GrayMixRGB": ("bll", "gray_mix_rgb", 74.4),
}
SYSTEM = ("backbone.", "neck.", "classification.", "loss.", "criterion.", "detector.")
# Where the rows of an experiment may differ, and how many there are.
GRIDS = {
    "table3": (("backbone.", "neck."), 6),
    "table4": (("loss.", "augment."), 5),
    "coco": (("backbone.",), 3),
    "stem": (("backbone.stem",), 2),
    "mobile": (("backbone.", "neck.width"), 7),
    "cfpn_circles": (("neck.circles",), 3),
    "bll_distance": (("loss.distance",), 2),
    "table5": ((*SYSTEM, "augment.", "image_size", "optim.lr"), 14),
    "table6": ((*SYSTEM, "augment.", "image_size", "optim.lr"), 5),
    "gray_mix_probability": (("augment.steps.gray_mix_rgb.p",), 5),
}
# The fourteen rows of Table 5 share the scales' keys with all others: one scale is enough for them.
SCALED = [(name, scale) for name in GRIDS for scale in SCALES if scale == "smoke" or name not in ("table5", "table6")]
TABLES = [name for name in GRIDS if (CONF_DIR / "row" / name).is_dir()]


@pytest.fixture(autouse=True, scope="module")
def _configs() -> Iterator[None]:
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        yield


def _row(experiment: str, label: str) -> Job:
    return next(job for job in jobs_of(experiment) if job.config["row"]["label"] == label)


def _file(group: str, name: str) -> dict[str, Any]:
    return yaml.safe_load((CONF_DIR / group / f"{name}.yaml").read_text())


def test_every_experiment_with_a_grid_is_tested() -> None:
    files = [path.stem for path in (CONF_DIR / "experiment").glob("*.yaml")]
    with_grid = {name for name in files if _file("experiment", name).get("hydra", {}).get("sweeper")}
    assert with_grid == {*GRIDS, "tune"}


@pytest.mark.slow
@pytest.mark.parametrize(("experiment", "scale"), SCALED)
def test_rows_differ_where_they_should_and_nowhere_else(experiment: str, scale: str) -> None:
    axes, count = GRIDS[experiment]
    jobs = jobs_of(experiment, f"scale={scale}")
    assert len(jobs) == count
    assert {job.choices["scale"] for job in jobs} == {scale}
    rows = [flat({key: value for key, value in job.wiring.items() if key != "row"}) for job in jobs]
    for key in set().union(*rows):
        values = {repr(row.get(key, "absent")) for row in rows}
        assert len(values) == 1 or key.startswith(axes), f"{key} differs between the rows: {values}"


@pytest.mark.slow
@pytest.mark.parametrize(("experiment", "scale"), SCALED)
def test_every_row_has_a_content_of_its_own(experiment: str, scale: str) -> None:
    jobs = jobs_of(experiment, f"scale={scale}")
    assert len({job.content for job in jobs}) == len(jobs)


def test_seeds_multiply_the_grid() -> None:
    jobs = jobs_of("stem", "seed=0,1")
    assert len({job.content for job in jobs}) == 4
    assert sorted(job.config["seed"] for job in jobs) == [0, 0, 1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("experiment", TABLES)
def test_content_does_not_depend_on_place_and_hardware(experiment: str) -> None:
    row = jobs_of(experiment)[-1].choices["row"]
    elsewhere = ("runs=/elsewhere", "data.root=/elsewhere", "num_workers=3", "logger=csv", "channels_last=true")
    hardware = ("trainer.accelerator=gpu", "trainer.devices=2", "trainer.strategy=ddp")
    there = job_of(f"row={row}", f"experiment={experiment}", *elsewhere, *hardware)
    assert there.content == jobs_of(experiment)[-1].content


@pytest.mark.parametrize("label", TABLE_3)
def test_table_3(label: str) -> None:
    backbone, neck, voc, coco, millions = TABLE_3[label]
    row = _row("table3", label)
    assert [row.choices[group] for group in ("backbone", "neck")] == [backbone, neck]
    assert [row.choices[group] for group in ("loss", "augment", "data")] == ["smooth_l1", "basic", "voc"]
    printed = {"map_50": voc / 100, "parameters": round(millions * 1e6)}
    assert row.config["row"]["paper"] == pytest.approx(printed if coco is None else printed | {"map_coco": coco / 100})


@pytest.mark.parametrize("label", [label for label, printed in TABLE_3.items() if printed[3]])
def test_the_coco_column_of_table_3(label: str) -> None:
    backbone, _, _, coco, millions = TABLE_3[label]
    row, on_voc = _row("coco", label), _row("table3", label)
    assert [row.choices[group] for group in ("backbone", "neck", "data")] == [backbone, "none", "coco"]
    assert row.config["row"]["paper"] == pytest.approx({"map_coco": coco / 100, "parameters": round(millions * 1e6)})
    kept = set(row.config) - {"row", "data", "datamodule", "objective", "callbacks", "runs"}
    assert {key for key in kept if row.config[key] != on_voc.config[key]} == set()
    assert row.config["callbacks"]["best"]["monitor"] == row.config["objective"] == "val/coco_ap"
    assert f" {coco:g} (" in (CONF_DIR / "experiment" / "coco.yaml").read_text().split("# Expected:")[1]


@pytest.mark.parametrize("label", TABLE_4)
def test_table_4(label: str) -> None:
    loss, augment, voc = TABLE_4[label]
    row = _row("table4", label)
    assert [row.choices[group] for group in ("loss", "augment")] == [loss, augment]
    assert [row.choices[group] for group in ("backbone", "neck", "data")] == ["mblitenet", "cfpn", "voc"]
    assert row.config["row"]["paper"] == pytest.approx({"map_50": voc / 100})


@pytest.mark.parametrize(("experiment", "rows"), [("table3", TABLE_3), ("table4", TABLE_4)])
def test_tables_are_whole_and_in_the_paper_s_order(experiment: str, rows: dict[str, Any]) -> None:
    assert [job.config["row"]["label"] for job in jobs_of(experiment)] == list(rows)
    expected = (CONF_DIR / "experiment" / f"{experiment}.yaml").read_text().split("# Expected:")[1].split("\n")[0]
    for row in rows.values():
        assert f" {row[2]:g} (" in expected, "the card quotes the paper"


@pytest.mark.parametrize("experiment", TABLES)
def test_a_table_has_one_baseline_and_no_file_beside_its_grid(experiment: str) -> None:
    rows = [job.config["row"] for job in jobs_of(experiment)]
    assert [row["baseline"] for row in rows].count(True) == 1
    assert len({row["label"] for row in rows}) == len(rows)
    files = {f"{experiment}/{path.stem}" for path in (CONF_DIR / "row" / experiment).glob("*.yaml")}
    assert {job.choices["row"] for job in jobs_of(experiment)} == files


def test_every_table_has_its_experiment() -> None:
    assert {path.name for path in (CONF_DIR / "row").iterdir()} == set(TABLES)


@pytest.mark.parametrize("path", sorted((CONF_DIR / "row").rglob("*.yaml")), ids=lambda path: path.stem)
def test_a_row_says_which_it_is(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0] == "# @package _global_"
    assert lines[1].startswith("# ")
    row = yaml.safe_load(path.read_text())["row"]
    assert {"label", "paper"} <= set(row) <= {"label", "paper", "parameters", "note", "baseline"}


@pytest.mark.parametrize("experiment", ["table3", "table4", "coco"])
def test_without_a_row_a_table_is_its_last(experiment: str) -> None:
    assert job_of(f"experiment={experiment}").content == jobs_of(experiment)[-1].content


def test_table_4_begins_where_table_3_ends() -> None:
    assert jobs_of("table3")[-1].content == jobs_of("table4")[0].content
    assert jobs_of("table4")[-1].content == job_of("experiment=lightweight_ssd").content


def test_without_a_scale_it_is_the_paper_s_budget() -> None:
    assert [job.content for job in jobs_of("table4")] == [job.content for job in jobs_of("table4", "scale=full")]
    config = jobs_of("table4")[0].config
    assert (config["batch_size"], config["trainer"]["max_steps"], config["image_size"]) == (126, 500_000, 300)


def test_a_scale_leaves_nothing_of_another_behind() -> None:
    budget = {scale: flat({k: v for k, v in _file("scale", scale).items() if k != "defaults"}) for scale in SCALES}
    for scale in SCALES:
        assert set(budget["full"]) <= set(budget[scale]), f"scale={scale} leaves a key of the full budget as it was"


@pytest.mark.parametrize("scale", SCALES)
def test_what_is_typed_holds_against_a_scale(scale: str) -> None:
    job = job_of(
        "experiment=table3", "row=table3/mobilenet", f"scale={scale}", "neck=fpn", "trainer=debug", "batch_size=7"
    )
    assert (job.choices["neck"], job.choices["trainer"], job.config["batch_size"]) == ("fpn", "debug", 7)


@pytest.mark.parametrize("scale", [None, *SCALES])
def test_a_row_keeps_its_input_size_at_every_scale(scale: str | None, tmp_path: Path) -> None:
    (tmp_path / "row").mkdir()
    (tmp_path / "row" / "large.yaml").write_text("# @package _global_\nimage_size: 608\n")
    mine = (f"hydra.searchpath=[file://{tmp_path}]", "experiment=table3", "row=large")
    job, usual = (job_of(*start, *([f"scale={scale}"] if scale else [])) for start in (mine, mine[1:2]))
    assert job.config["image_size"] == job.config["datamodule"]["resize"]["image_size"] == 608
    resize = {**job.config["datamodule"]["resize"], "image_size": usual.config["image_size"]}
    assert {**job.config["datamodule"], "resize": resize} == usual.config["datamodule"] | {
        "augment": job.config["datamodule"]["augment"]
    }


@pytest.mark.slow
def test_smoke_takes_drawn_data_and_the_processor_whatever_the_experiment_says() -> None:
    for experiment in (*GRIDS, "lightweight_ssd", "voc07_from_scratch"):
        job = job_of(f"experiment={experiment}", "scale=smoke")
        assert [job.choices[group] for group in ("data", "trainer", "optim")] == ["shapes_smoke", "cpu", "adamw"]


@pytest.mark.slow
def test_smoke_keeps_six_different_detectors() -> None:
    figures = [cost_of(job, classes=2) for job in jobs_of("table3", "scale=smoke")]
    assert len({figure["parameters"] for figure in figures}) == len({figure["macs"] for figure in figures}) == 6


@pytest.mark.parametrize("label", [label for label in TABLE_3 if label.startswith("MBlitenet")])
def test_our_rows_have_the_printed_size(label: str) -> None:
    row = _row("table3", label)
    assert cost_of(row)["parameters"] == pytest.approx(row.config["row"]["paper"]["parameters"], rel=0.01)


@pytest.mark.slow
def test_the_stem_at_half_resolution_halves_the_backbone_s_cost_and_keeps_its_levels() -> None:
    paper, half = jobs_of("stem")
    detectors = [build_detector(job.config, ["a"]) for job in (paper, half)]
    assert detectors[0].backbone.strides == detectors[1].backbone.strides == (8, 16, 32, 64, 128)
    figures = [cost_of(job) for job in (paper, half)]
    assert figures[0]["anchors"] == figures[1]["anchors"] == 7302
    macs = [(figure["parts"]["backbone"]["macs"] / 1e9, figure["macs"] / 1e9) for figure in figures]
    assert [f"{backbone:.2f} {whole:.2f}" for backbone, whole in macs] == ["1.17 1.55", "0.62 1.00"], "as on the card"


def test_tune_searches_with_optuna_and_never_on_the_test_set() -> None:
    job = job_of(
        "experiment=tune", "optim.lr=0.002", "criterion.weights.localization=0.5", "augment.steps.gray_mix_rgb.p=1.0"
    )
    assert job.choices["hydra/sweeper"] == "optuna"
    assert job.sweeper["max_failure_rate"] == 1.0
    assert job.sweeper["storage"] == "sqlite:///${runs}/tune.db"
    assert set(job.sweeper["params"]) <= set(flat(job.config))
    lists = [names for split in ("train", "val", "test") for names in job.config["data"][split].values() if names]
    assert {name for names in lists for name in names} == {"train", "val", "trainval"}


@pytest.mark.slow
def test_the_study_is_kept(tmp_path: Path) -> None:
    import optuna

    storage = f"sqlite:///{tmp_path}/tune.db"  # optuna 2 needs sqlalchemy below 2 for it
    optuna.create_study(study_name="tune", storage=storage).ask()
    assert len(optuna.load_study(study_name="tune", storage=storage).trials) == 1
