"""Rows are called by what tells them apart."""

from pathlib import Path

from tests.run_folders import PlannedRow, draw_scene, write_run_folder, write_table

from lightweight_ssd.report.rows import rows_of
from lightweight_ssd.runs.record import find_runs


def _rows(*paths: Path):
    return rows_of(find_runs(paths))


def test_labels_from_what_was_typed_without_what_all_rows_share(tmp_path: Path) -> None:
    shared = ("trainer.max_epochs=3", "data.root=/data", "hydra.verbose=true")
    rows = tuple(PlannedRow(None, 0.5, (f"neck={neck}", *shared), neck) for neck in ("fpn", "cfpn"))
    write_table(tmp_path, rows, seeds=(0,), num_images=4)
    found, _ = _rows(tmp_path)
    assert [row.label for row in found] == ["neck=fpn", "neck=cfpn"]


def test_what_a_sweep_varied_is_in_the_label_also_where_it_is_hardware(tmp_path: Path) -> None:
    scene, content = draw_scene(tmp_path / "images", 4), {"content": ["trainer.devices", "row"]}
    for place, (label, devices) in enumerate([("FPN", 1), ("FPN", 2), (None, 1), (None, 2)]):
        row = PlannedRow(label, 0.5, (f"trainer.devices={devices}", "num_workers=0", "content=[trainer.devices,row]"))
        config = {**content, "trainer": {"devices": devices}, "stem": label}
        write_run_folder(tmp_path / "runs" / f"{place}", row, 0, scene, hour=place, config=config)
    rows, _ = _rows(tmp_path / "runs")
    varied = ["trainer.devices=1", "trainer.devices=2"]
    assert [row.label for row in rows] == [*(f"FPN {each}" for each in varied), *varied]


def test_rows_of_one_label_are_told_apart_by_what_was_typed(tmp_path: Path) -> None:
    rows = tuple(PlannedRow("FPN", 0.5, (*more,), neck) for neck, more in (("fpn", []), ("cfpn", ["neck=cfpn"])))
    write_table(tmp_path, rows, seeds=(0,), num_images=4)
    found, _ = _rows(tmp_path)
    assert [row.label for row in found] == ["FPN", "FPN (neck=cfpn)"]


def test_labels_from_the_parts_and_always_unique(tmp_path: Path) -> None:
    plain = PlannedRow(None, 0.5)
    write_table(tmp_path / "a", (plain,), seeds=(0,), num_images=4, experiment="one")
    write_table(tmp_path / "b", (plain,), seeds=(0,), num_images=4, experiment="two")
    found, _ = _rows(tmp_path)
    assert [row.label for row in found] == ["mblitenet-cfpn-bll-basic (one)", "mblitenet-cfpn-bll-basic (two)"]
    assert len({row.id for row in found}) == 2
