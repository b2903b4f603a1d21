"""Images of disagreement: the right ones, with the right boxes, and never the wrong picture."""

import base64
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image
from tests.run_folders import TABLE, write_table

from lightweight_ssd.report.comparison import Comparison, compare
from lightweight_ssd.report.disagreement_images import disagreement_images, thumbnail
from lightweight_ssd.runs.record import find_runs


def _compare(folder: Path) -> Comparison:
    return compare(find_runs([folder]), folder / "cache", resamples=10)


def test_the_images_on_which_a_row_and_the_baseline_differ_most(tmp_path: Path) -> None:
    write_table(tmp_path, TABLE[:2], seeds=(0,))
    found = _compare(tmp_path)
    entries, notes = disagreement_images(found, 5)
    one, other = (analysis.image_scores for analysis in found.analyses.values())
    gaps = np.abs(one - other)
    assert notes == [] and [gaps[entry["id"] - 1] for entry in entries] == sorted(gaps)[::-1][:5]


def test_what_is_there_and_what_was_found(tmp_path: Path) -> None:
    folders = write_table(tmp_path, TABLE[:2], seeds=(0,))
    entries, _ = disagreement_images(_compare(tmp_path), 100)
    assert len(entries) == 16
    known = json.loads((folders[0] / "ground_truth.json").read_text())["annotations"]
    assert sum(len(entry["truth"]) for entry in entries) == len(known)
    assert sum(each["difficult"] for entry in entries for each in entry["truth"]) == sum(k["difficult"] for k in known)
    ours = json.loads((folders[0] / "identity.json").read_text())["content"]
    detections = json.loads((folders[0] / "detections.json").read_text())
    for entry in entries:
        wanted = [each for each in detections if each["image_id"] == entry["id"] and each["score"] >= 0.3]
        assert sorted(box[5] for box in entry["found"][ours]) == sorted(round(each["score"], 3) for each in wanted)
        assert 0 <= entry["score"][ours] <= 1 and (entry["width"], entry["height"]) == (96, 72)


def test_a_crowd_is_drawn_as_what_counts_neither_way(tmp_path: Path) -> None:
    folders = write_table(tmp_path, TABLE[:2], seeds=(0,))
    truth = json.loads((folders[0] / "ground_truth.json").read_text())
    corner = {"id": 1000, "bbox": [0, 0, 1, 1], "area": 1, "iscrowd": 1, "difficult": 0}  # where nothing is found
    truth["annotations"].append({**truth["annotations"][0], **corner})
    for folder in folders:
        (folder / "ground_truth.json").write_text(json.dumps(truth))
    entries, _ = disagreement_images(_compare(tmp_path), 100)
    (crowd,) = (each for entry in entries for each in entry["truth"] if each["box"] == [0, 0, 1, 1])
    assert crowd["difficult"]


def test_the_picture_is_the_file(tmp_path: Path) -> None:
    write_table(tmp_path, TABLE[:2], seeds=(0,))
    ((entry,), _) = disagreement_images(_compare(tmp_path), 1)
    data = base64.b64decode(entry["src"].removeprefix("data:image/jpeg;base64,"))
    drawn = np.asarray(Image.open(io.BytesIO(data)), np.int64)
    stored = np.asarray(Image.open(tmp_path / "images" / entry["file"]), np.int64)
    assert drawn.shape == (72, 96, 3) and np.abs(drawn - stored).mean() < 3


def test_image_files_that_moved_are_found_by_name_or_missed_aloud(tmp_path: Path) -> None:
    write_table(tmp_path / "runs", TABLE[:2], seeds=(0,))
    (tmp_path / "runs" / "images").rename(tmp_path / "moved")
    found = _compare(tmp_path / "runs")
    entries, notes = disagreement_images(found, 3)
    assert [entry["src"] for entry in entries] == [None] * 3 and "images=FOLDER" in notes[0]
    entries, notes = disagreement_images(found, 3, tmp_path)
    assert all(entry["src"] for entry in entries) and notes == []


def test_seeds_are_compared_where_a_row_stands_alone(tmp_path: Path) -> None:
    write_table(tmp_path / "two", TABLE[:1], seeds=(0, 1))
    write_table(tmp_path / "one", TABLE[:1], seeds=(0,))
    pair = _compare(tmp_path / "two")
    one, other = (analysis.image_scores for analysis in pair.analyses.values())
    entries, _ = disagreement_images(pair, 1)
    assert entries[0]["id"] == 1 + int(np.argmax(np.abs(one - other)))
    assert len(disagreement_images(_compare(tmp_path / "one"), 2)[0]) == 2
    assert disagreement_images(pair, 0) == ([], [])


def test_images_of_a_single_run_go_from_its_worst_to_its_best(tmp_path: Path) -> None:
    write_table(tmp_path, TABLE[:1], seeds=(0,))
    found = _compare(tmp_path)
    (analysis,) = found.analyses.values()
    entries, _ = disagreement_images(found, 5)
    scores = [next(iter(entry["score"].values())) for entry in entries]
    assert len(scores) == 5 and scores == sorted(scores)
    assert (scores[0], scores[-1]) == (analysis.image_scores.min(), analysis.image_scores.max())
    assert len(disagreement_images(found, 100)[0]) == 16


def test_rows_are_held_against_their_own_baseline(tmp_path: Path) -> None:
    for experiment, rows in (("one", TABLE[1:]), ("two", TABLE[:1] * 2)):
        rows = (rows[0]._replace(baseline=True), rows[1]._replace(neck="pan"))
        write_table(tmp_path, rows, seeds=(0,), experiment=experiment)
    found = _compare(tmp_path)
    scores = {row.label: found.analyses[row.runs[0].identity["content"]].image_scores for row in found.rows}
    gaps = np.abs(scores["FPN"] - scores["CFPN"])
    entries, _ = disagreement_images(found, 2)
    assert len(entries[0]["found"]) == 4  # all were measured on the same images
    assert entries[0]["id"] == 1 + int(np.argmax(gaps)) and len(scores) == 4


def test_runs_of_another_test_set_are_not_drawn(tmp_path: Path) -> None:
    write_table(tmp_path / "a", TABLE[1:2], seeds=(0,))
    write_table(tmp_path / "b", TABLE[2:], seeds=(0,), num_images=9)
    entries, _ = disagreement_images(_compare(tmp_path), 2)
    assert [len(entry["found"]) for entry in entries] == [1, 1]


def test_a_large_image_is_made_small_and_a_strange_one_refused(tmp_path: Path) -> None:
    Image.new("RGB", (800, 400), (9, 9, 9)).save(tmp_path / "large.png")
    small = thumbnail(tmp_path / "large.png", (400, 800))
    assert small is not None
    assert Image.open(io.BytesIO(base64.b64decode(small.split(",")[1]))).size == (320, 160)
    assert thumbnail(tmp_path / "large.png", (400, 801)) is None
    (tmp_path / "text.jpg").write_text("no image")
    assert thumbnail(tmp_path / "text.jpg", (4, 4)) is None
