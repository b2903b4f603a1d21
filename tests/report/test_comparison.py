"""Rows are held against a baseline only where that means something, and the reader is told where it does not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.run_folders import TABLE, draw_scene, write_run_folder, write_table

from lightweight_ssd.report.comparison import Comparison, compare, mean_of
from lightweight_ssd.report.rows import spread
from lightweight_ssd.runs.record import find_runs


def _compare(folder: Path, **settings: Any) -> Comparison:
    return compare(find_runs([folder]), folder / "cache", **{"resamples": 200, **settings})


def test_a_clear_difference_is_shown_and_a_small_one_is_not(tmp_path: Path) -> None:
    write_table(tmp_path, num_images=40)
    found = _compare(tmp_path)
    assert found.baseline is found.rows[1] and found.notes == ()
    ssd, fpn, cfpn = (row.id for row in found.rows)
    assert set(found.differences) == set(found.gray_differences) == {ssd, cfpn}
    assert found.differences[ssd].shown and found.differences[ssd].high < 0
    assert not found.differences[cfpn].shown and found.differences[cfpn].low <= 0 <= found.differences[cfpn].high
    assert set(found.intervals) == {ssd, fpn, cfpn}


def test_the_difference_is_that_of_the_means(tmp_path: Path) -> None:
    write_table(tmp_path)
    found = _compare(tmp_path, baseline="SSD")
    means = {row.label: spread(row, "map_50") for row in found.rows}
    for row in found.rows[1:]:
        ours, theirs = means[row.label], means["SSD"]
        assert ours and theirs and found.differences[row.id].mean == pytest.approx(ours.mean - theirs.mean)
        assert found.intervals[row.id].mean == ours.mean


def test_every_experiment_and_scale_has_a_baseline_of_its_own(tmp_path: Path) -> None:
    write_table(tmp_path, num_images=8)
    write_table(tmp_path, tuple(row._replace(baseline=False) for row in TABLE), num_images=8, experiment="other")
    for folder in write_table(tmp_path / "full", TABLE[:2], num_images=8):
        hashes = {"content": f"full{folder.name}", "row": f"row {int(folder.name[:2]) // 2}"}
        _change(folder, "identity.json", lambda identity, new=hashes: {**identity, "scale": "full", **new})
    found = _compare(tmp_path)
    chosen = {(*row.group, *found.baselines[row.id].group): found.baselines[row.id].label for row in found.rows}
    assert chosen == {
        ("necks", "smoke", "necks", "smoke"): "FPN (necks) (smoke)",
        ("necks", "full", "necks", "full"): "FPN (necks) (full)",
        ("other", "smoke", "other", "smoke"): "SSD (other)",
    }
    assert found.baseline is None and len(found.differences) == 5
    assert sum(found.is_baseline(row) for row in found.rows) == 3


def test_a_baseline_that_is_named_is_that_of_all_rows(tmp_path: Path) -> None:
    write_table(tmp_path, TABLE[:2], seeds=(0,), num_images=8)
    write_table(tmp_path, TABLE[2:], seeds=(0,), num_images=8, experiment="same images")
    write_table(tmp_path / "more", TABLE[2:], seeds=(0,), num_images=9, experiment="other images")
    found = _compare(tmp_path, baseline="SSD")
    assert found.baseline is not None and found.baseline.label == "SSD"
    compared = {row.label for row in found.rows if row.id in found.differences}
    assert compared == {"FPN", "CFPN (same images)"}
    assert found.notes[-1].startswith("CFPN (other images) and SSD were measured on different test sets")


def test_a_row_alone_is_compared_with_nothing(tmp_path: Path) -> None:
    write_table(tmp_path, TABLE[:1], num_images=4)
    found = _compare(tmp_path)
    assert found.baselines == {} == found.differences and found.baseline is None and len(found.intervals) == 1


def test_errors_and_sizes_are_means_over_the_seeds(tmp_path: Path) -> None:
    write_table(tmp_path, TABLE[1:2])
    found = _compare(tmp_path)
    (row,) = found.rows
    mean, each = mean_of(found, row, "errors"), [analysis.errors for analysis in found.analyses.values()]
    assert mean == pytest.approx({kind: (each[0][kind] + each[1][kind]) / 2 for kind in each[0]})
    sizes = mean_of(found, row, "sizes")
    assert sizes is not None and np.isnan(sizes["large"])  # nothing that large is drawn
    assert mean_of(found._replace(analyses={}), row, "sizes") is None


def _change(folder: Path, file: str, change: Any) -> None:
    content = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(change(content)))


def _without_first_object(truth: dict[str, Any]) -> dict[str, Any]:
    return {**truth, "annotations": truth["annotations"][1:]}


def test_another_test_set_is_not_compared(tmp_path: Path) -> None:
    write_table(tmp_path / "a", TABLE[1:2], num_images=16)
    write_table(tmp_path / "b", TABLE[2:], num_images=20)
    found = _compare(tmp_path)
    assert found.differences == {} and len(found.intervals) == 2
    assert "CFPN and FPN were measured on different test sets (other test images or objects)" in found.notes[-1]


def test_other_class_names_are_not_compared(tmp_path: Path) -> None:
    write_table(tmp_path / "a", TABLE[1:2])
    write_table(tmp_path / "b", TABLE[2:], classes=("circle", "square", "star"))
    found = _compare(tmp_path)
    assert found.differences == {} and "(other classes)" in found.notes[-1]


def test_seeds_of_a_row_on_different_test_sets_have_no_interval(tmp_path: Path) -> None:
    for seed, images in enumerate((8, 12)):
        scene = draw_scene(tmp_path / f"images{seed}", images)
        write_run_folder(tmp_path / "runs" / str(seed), TABLE[0], seed, scene)
    found = _compare(tmp_path / "runs")
    assert found.intervals == {} and "The seeds of SSD were not measured on one test set" in found.notes[-1]


def test_detections_that_do_not_give_the_reported_figure(tmp_path: Path) -> None:
    folders = write_table(tmp_path)
    _change(folders[0], "detections.json", lambda entries: entries[: len(entries) // 2])
    found = _compare(tmp_path)
    ssd = found.rows[0]
    assert ssd.id not in found.differences and ssd.id not in found.intervals
    assert any(f"SSD (seed 0) in {folders[0]}: detections.json gives mAP" in note for note in found.notes)


def test_an_object_taken_from_the_ground_truth_is_noticed(tmp_path: Path) -> None:
    folders = write_table(tmp_path)
    for folder in folders[:2]:
        _change(folder, "ground_truth.json", _without_first_object)
    assert _compare(tmp_path).rows[0].id not in _compare(tmp_path).differences


@pytest.mark.parametrize("name", ["detections.json", "ground_truth.json"])
def test_a_row_whose_files_are_missing_stands_without_interval(tmp_path: Path, name: str) -> None:
    folders = write_table(tmp_path)
    (folders[5] / name).unlink()
    found = _compare(tmp_path)
    cfpn = found.rows[2]
    assert cfpn.id not in found.differences and found.rows[0].id in found.differences
    assert spread(cfpn, "map_50") is not None and found.notes == ()
    (told,) = found.left_out
    assert told.kind == "file" and str(folders[5] / name) in str(told.reason)


def test_a_baseline_without_a_finished_run(tmp_path: Path) -> None:
    scene = draw_scene(tmp_path / "images")
    for place, state in enumerate(("finished", "running", "finished")):
        write_run_folder(tmp_path / "runs" / str(place), TABLE[place], 0, scene, hour=place, state=state)
    found = _compare(tmp_path / "runs")
    assert found.baseline is not None and found.baseline.label == "SSD" and len(found.differences) == 1
    assert [row.label for row in found.rows] == ["SSD", "CFPN"] and [row.label for row in found.started] == ["FPN"]
    named = _compare(tmp_path / "runs", baseline="FPN")
    assert named.differences == {} and "The baseline FPN has no finished run yet" in " ".join(named.notes)


def test_an_unfinished_seed_is_not_part_of_the_interval(tmp_path: Path) -> None:
    write_table(tmp_path / "runs")
    alone = _compare(tmp_path / "runs").differences
    scene = draw_scene(tmp_path / "images")
    write_run_folder(tmp_path / "runs" / "late", TABLE[2], 2, scene, state="interrupted", hour=9)
    found = _compare(tmp_path / "runs")
    assert found.differences == alone and found.rows[2].seeds == "2 of 3"
